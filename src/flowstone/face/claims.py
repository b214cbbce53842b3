"""Claims: on one host exactly one process gives the verdict on a request."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Final

from flowstone.face import exclusive
from flowstone.face.keys import NO_HOME
from flowstone.runtime.home import home
from flowstone.runtime.stats import count

FOLDER: Final = "checkpoints"
UNKNOWN: Final = "decided"
_PATIENCE_S: Final = 0.2
_REMEMBERED: Final = 4096


class _Here:
    """The claims of this process where no file can be made."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.verdicts: dict[str, str] = {}

    def claim(self, key: str, verdict: str) -> str:
        with self.lock:
            if key in self.verdicts:
                return self.verdicts[key]
            if len(self.verdicts) >= _REMEMBERED:
                self.verdicts.clear()
            self.verdicts[key] = verdict
            return ""


_here = _Here()


def claim(key: str, verdict: str) -> str:
    """Take the right to tell *verdict* on the request *key*; return the verdict that was there before, if any.

    Where no file can be made, only this process is bound, and that is counted.
    """
    try:
        if exclusive.make(_folder() / key, verdict.encode()):
            return ""
    except NO_HOME:
        count("checkpoint.claim.unsaved")
        return _here.claim(key, verdict)
    return found(key) or UNKNOWN


def found(key: str) -> str:
    """Return the verdict that was claimed for the request *key*, empty if there is none."""
    deadline = time.monotonic() + _PATIENCE_S
    try:
        path = home() / FOLDER / key
        while True:
            verdict = path.read_text(encoding="utf-8").strip()
            if verdict or time.monotonic() > deadline:
                return verdict or UNKNOWN
            time.sleep(0.005)  # no hard links here: its maker is about to write it
    except (*NO_HOME, ValueError):
        return _here.verdicts.get(key, "")


def _folder() -> Path:
    folder = home() / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _reborn() -> None:
    global _here
    kept, _here = _here.verdicts, _Here()  # the parent's lock may have been held at the fork
    _here.verdicts.update(kept)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reborn)
