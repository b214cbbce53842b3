"""Whether something that began in this process has ended in another; asked when numbers of open things are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowstone.runtime.stats import count

_known: Final[dict[str, Callable[[str], bool]]] = {}


def use(field: str, known: Callable[[str], bool]) -> None:
    """Ask *known* about things that are told apart by the event field *field*; the face of checkpoints calls this."""
    _known[field] = known


def has_ended(field: str, identity: str) -> bool:
    """Return whether the thing whose *field* is *identity* is known to have ended."""
    known = _known.get(field)
    if known is None:
        return False
    try:
        return known(identity)
    except Exception:  # a number that is too high is better than none
        count("elsewhere.failed")
        return False
