"""The claims on the spools of this process, held open: its threads take turns at them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from flowstone_audit.spool import thread_locks
from flowstone_audit.spool.claim import Claim


class Own:
    """The claim on a spool of this process.

    Attributes:
        lock: Held by the thread that uses the claim.
        claim: Kept open.
    """

    __slots__ = ("claim", "lock")

    def __init__(self, claim: Claim) -> None:
        self.lock = thread_locks.make()
        self.claim = claim


_own: Final[dict[str, Own]] = {}
_inherited: Final[list[Own]] = []  # their locks may be held for ever


def claim(home: Path, stem: str) -> Own:
    """Return the claim on this process's own spool, made anew."""
    made = _own[stem] = Own(Claim(home, stem))
    return made


def of(stem: str) -> Own | None:
    """Return the claim on the spool of *stem*, if it is this process's own."""
    return _own.get(stem)


def _after_fork_in_child() -> None:
    for one in _own.values():
        one.claim.abandon()
        _inherited.append(one)
    _own.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
