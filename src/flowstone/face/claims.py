"""Claims: on one host exactly one process gives the verdict on a request.

A claim is a file. Those of requests with a time-out lie in a folder for the month of their deadline, and
that folder goes ``KEPT_S`` after the month's end. Nobody claims any more a day before it may go, so
whoever claims cannot miss a claim that was pruned. Claims without a deadline stay: their tokens may come back.
"""

from __future__ import annotations

import itertools
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns
from typing import Final

from flowstone.face import exclusive
from flowstone.face.keys import NO_HOME
from flowstone.runtime.home import home
from flowstone.runtime.stats import count

FOLDER: Final = "checkpoints"
DATED: Final = "until"
UNKNOWN: Final = "decided"
EXPIRED: Final = "timed out"
KEPT_S: Final = 90 * 86_400
PRUNED_AT_ONCE: Final = 64
_MARGIN_S: Final = 86_400  # clocks of hosts that share a home differ a little
_PATIENCE_S: Final = 0.2
_REMEMBERED: Final = 4096
_MONTH: Final = re.compile(r"\d{4}-\d\d")


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


def claim(key: str, verdict: str, deadline: int | None = None, now: Callable[[], int] = time_ns) -> str:
    """Take the right to tell *verdict* on the request *key*; return the verdict that was there before, if any.

    Where no file can be made, only this process is bound, and that is counted.

    Args:
        key: The request.
        verdict: What is to be told.
        deadline: The Unix nanosecond of its time-out. Long after it, it counts as timed out, and nobody tells it.
        now: Unix nanoseconds.
    """
    if _is_over(deadline, now()):
        return found(key, deadline) or EXPIRED
    try:
        path = _path(key, deadline)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = exclusive.make(path, verdict.encode())
    except NO_HOME:
        count("checkpoint.claim.unsaved")
        return _here.claim(key, verdict)
    if not made:
        return found(key, deadline) or UNKNOWN
    if _is_over(deadline, now()):
        return EXPIRED  # asleep in between: what was there before may be gone
    prune(min(now(), time_ns()))  # a clock that is wrong, or a test's, deletes nothing too early
    return ""


def found(key: str, deadline: int | None = None) -> str:
    """Return the verdict that was claimed for the request *key*, empty if there is none.

    Args:
        key: The request.
        deadline: The Unix nanosecond of its time-out.
    """
    patience = time.monotonic() + _PATIENCE_S
    try:
        path = _path(key, deadline)
        while True:
            verdict = path.read_text(encoding="utf-8").strip()
            if verdict or time.monotonic() > patience:
                return verdict or UNKNOWN
            time.sleep(0.005)  # no hard links here: its maker is about to write it
    except (*NO_HOME, ValueError):
        return _here.verdicts.get(key, "")


def prune(now: int) -> int:
    """Delete claims whose month is long over, at most ``PRUNED_AT_ONCE``; return how many; never raises.

    Args:
        now: Unix nanoseconds.
    """
    gone = 0
    try:
        dated = home() / FOLDER / DATED
        last = _month(now - (KEPT_S * 10**9))  # this one may not be over for so long
        old = min((one.name for one in dated.iterdir() if _MONTH.fullmatch(one.name)), default=last)
        if old < last:
            with os.scandir(dated / old) as entries:  # a folder may be large: not all of it is read
                for entry in itertools.islice(entries, PRUNED_AT_ONCE):
                    with suppress(FileNotFoundError):  # somebody else prunes as well
                        Path(entry.path).unlink()
                        gone += 1
            if gone < PRUNED_AT_ONCE:
                (dated / old).rmdir()
    except NO_HOME:
        return gone  # the next one goes on
    return gone


def _is_over(deadline: int | None, now: int) -> bool:
    return deadline is not None and now > deadline + (KEPT_S - _MARGIN_S) * 10**9


def _path(key: str, deadline: int | None) -> Path:
    folder = home() / FOLDER
    return folder / key if deadline is None else folder / DATED / _month(deadline) / key


def _month(moment: int) -> str:
    return datetime.fromtimestamp(max(moment, 0) // 10**9, UTC).strftime("%Y-%m")


def _reborn() -> None:
    global _here
    kept, _here = _here.verdicts, _Here()  # the parent's lock may have been held at the fork
    _here.verdicts.update(kept)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reborn)
