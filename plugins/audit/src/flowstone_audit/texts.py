"""The texts that an entry is given: in their limits, and without secrets."""

from __future__ import annotations

from typing import Final

from flowstone_audit import limits
from flowstone_audit.details import text

OUTCOMES: Final = ("started", "success", "failure", "denied")
TEXTS: Final = (
    *("event_type", "actor_id", "actor_type", "resource_type", "resource_id", "action", "outcome"),
    *("correlation_id", "client_ip", "user_agent", "run_id"),
)
_NEEDED: Final = 3
_KIND: Final = TEXTS.index("actor_type")
_OUTCOME: Final = TEXTS.index("outcome")
_SHORT: Final = 32
_REMEMBERED: Final = 4096
_clean: Final[set[str]] = set()


def checked(given: tuple[object, ...]) -> list[str | None]:
    """Return the texts of ``TEXTS``, without secrets.

    Raises:
        EntryRefused: One that is needed is missing, or one is malformed or too large.
    """
    found = [
        one if one is None or (type(one) is str and one in _clean) else _cleaned(field, one)
        for field, one in zip(TEXTS, given, strict=True)
    ]
    if None in found[:_NEEDED]:
        number = found.index(None)
        limits.required(TEXTS[number], given[number])
    kind, outcome = found[_KIND], found[_OUTCOME]
    if kind not in limits.ACTOR_TYPES:
        limits.one_of("actor_type", kind or "", limits.ACTOR_TYPES)
    if outcome is not None:
        limits.one_of("outcome", outcome, OUTCOMES)
    return found


def _cleaned(field: str, given: object) -> str | None:
    """Return a text without secrets; that a short one has none is remembered, for most are words that come again."""
    found = limits.optional(field, given)
    if found is None:
        return None
    made = text(found)
    if made == found and len(found) <= _SHORT:
        if len(_clean) >= _REMEMBERED:
            _clean.clear()
        _clean.add(found)
    return made
