"""How large the parts of an entry may be, and what is refused."""

from __future__ import annotations

from typing import Final

from flowstone_audit.errors import EntryRefused

NAME: Final = 256
CORRELATION: Final = 128
RESOURCE: Final = 1024
AGENT: Final = 1024
DETAILS: Final = 65_536
ACTOR_TYPES: Final = ("system", "user", "api")

_LIMITS: Final = {"resource_id": RESOURCE, "user_agent": AGENT, "correlation_id": CORRELATION}


def required(field: str, given: object) -> str:
    """Return a text that has to be there.

    Raises:
        EntryRefused: It is missing, no text, or too large.
    """
    found = optional(field, given)
    if not found:
        raise EntryRefused(f"{field} is needed: a text that is not empty, not {given!r}")
    return found


def optional(field: str, given: object) -> str | None:
    """Return a text, None where there is none.

    Raises:
        EntryRefused: It is no text, or too large.
    """
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise EntryRefused(f"{field} has to be a text, not {type(given).__name__}")
    longest = _LIMITS.get(field, NAME)
    if len(given) > longest:
        raise EntryRefused(f"{field} has {len(given)} characters; at most {longest} are kept")
    return str.__str__(given)


def one_of(field: str, given: str, words: tuple[str, ...]) -> str:
    """Return *given*, which has to be one of *words*.

    Raises:
        EntryRefused: It is another.
    """
    if given not in words:
        raise EntryRefused(f"{field} has to be one of {', '.join(words)}, not {given!r}")
    return given


def fitting(field: str, text: str) -> str:
    """Return JSON text that fits.

    Raises:
        EntryRefused: It is too large.
    """
    size = len(text) if text.isascii() else len(text.encode())
    if size > DETAILS:
        raise EntryRefused(f"{field} take {size} bytes as JSON; at most {DETAILS} are kept")
    return text
