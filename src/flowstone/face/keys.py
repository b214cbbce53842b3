"""The key that signs the tokens of checkpoints."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final

from flowstone.face import exclusive
from flowstone.runtime.home import home
from flowstone.runtime.settings import settings
from flowstone.runtime.stats import count

FILE: Final = "checkpoint.key"
NO_HOME: Final = (OSError, RuntimeError, KeyError)
"""What it raises where no folder can be had: a user without a home is a RuntimeError, or a KeyError."""
_SIZE: Final = 32
_spare: dict[str, bytes] = {}


def signing() -> bytes:
    """Return the key to sign with: ``FLOWSTONE_CHECKPOINT_KEY``, or the file's, made on first use.

    Never raises: where no file can be kept, the key lasts as long as the process, and that is counted.
    """
    given = _given()
    if given:
        return given
    try:
        path = home() / FILE
        if not path.exists():
            exclusive.make(path, token_hex(_SIZE).encode())
        kept = _read(path)
    except NO_HOME:
        kept = b""
    if kept:
        return kept
    count("checkpoint.key.unsaved")
    return _spare.setdefault("key", token_bytes(_SIZE))


def known() -> list[bytes]:
    """Return the keys whose tokens are trusted here; makes none."""
    given = _given()
    if given:
        return [given]
    try:
        kept = _read(home() / FILE)
    except NO_HOME:
        kept = b""
    return [key for key in (kept, _spare.get("key", b"")) if key]


def _given() -> bytes:
    return (settings("FLOWSTONE_CHECKPOINT").get("KEY") or "").encode("utf-8", "surrogateescape")


def _read(path: Path) -> bytes:
    """Return the key that *path* holds, empty where it holds none; others may not read it from now on."""
    kept = path.read_bytes().strip()
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return kept if len(kept) >= _SIZE else b""
