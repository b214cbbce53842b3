"""Which verdict a request has already, whoever gave it."""

from __future__ import annotations

from typing import Final

from flowstone.catalogue.checkpoint import (
    CheckpointApproved,
    CheckpointDecision,
    CheckpointRejected,
    CheckpointTimeout,
)
from flowstone.face import claims, keys, token
from flowstone.face.timeline import events_under
from flowstone.face.token import Request

APPROVED: Final = "approved"
REJECTED: Final = "rejected"
TIMED_OUT: Final = claims.EXPIRED

EVENTS: Final[dict[str, type[CheckpointDecision]]] = {
    APPROVED: CheckpointApproved,
    REJECTED: CheckpointRejected,
    TIMED_OUT: CheckpointTimeout,
}
_WORDS: Final = {event: word for word, event in EVENTS.items()}


def claimed(id: str) -> str:
    """Return the verdict that was claimed on this host for the request with the token *id*, empty while there is none."""
    request = token.read(id, keys.known())
    return claims.found(request.key, request.deadline)


def verdict_on(request: Request, timeout: float) -> str:
    """Return the verdict on *request*, empty while there is none.

    First what was claimed on this host; then what the plugins have stored, within *timeout* seconds.
    """
    claimed = claims.found(request.key, request.deadline)
    if claimed:
        return claimed
    span_id = f"{request.span_id:016x}"
    for event in events_under(request.scope.trace_hex, timeout):
        if isinstance(event, CheckpointDecision) and span_id in {link.span_id for link in event.links}:
            return _WORDS.get(type(event), claims.UNKNOWN)
    return ""
