"""`log`: an entry that is durable when the call returns."""

from __future__ import annotations

from collections.abc import Mapping
from time import time_ns
from typing import Final

from opentelemetry import trace

from flowstone.plugin import Identity, count, current, emit, get_context, identity
from flowstone_audit import actors, config, limits, recorder
from flowstone_audit import entry as made
from flowstone_audit.actors import Actor
from flowstone_audit.canonical import sealed
from flowstone_audit.columns import to_datetime
from flowstone_audit.commit import Committer
from flowstone_audit.details import split, text_of
from flowstone_audit.entries import new_id
from flowstone_audit.entry import AuditEntry
from flowstone_audit.errors import EntryRefused, NotRecorded
from flowstone_audit.events import AuditLogged
from flowstone_audit.privacy import nonce_for
from flowstone_audit.row import VERSION, Row
from flowstone_audit.texts import checked

MARK: Final = "audit"
ENTRY_ID: Final = "flowstone.audit.id"
_NO_DETAILS: Final[Mapping[str, object]] = {}
_NO_KEYS: Final[frozenset[str]] = frozenset()
_committers: dict[recorder.Recorder, Committer] = {}


def log(
    event_type: str,
    *,
    actor_id: str | None = None,
    actor_type: str | None = None,
    resource_type: str | None = None,
    resource_id: str | None = None,
    action: str | None = None,
    details: Mapping[str, object] | None = None,
    correlation_id: str | None = None,
    client_ip: str | None = None,
    user_agent: str | None = None,
    outcome: str | None = None,
    run_id: str | None = None,
) -> AuditEntry:
    """Write an entry; it is durable when this returns: committed, or synced in the spool. It waits at most 2 s.

    Args:
        event_type: Such as ``rule.updated``.
        actor_id: Who did it; by default as `actor` or the middleware says.
        actor_type: ``system``, ``user`` or ``api``; likewise.
        resource_type: What kind of thing it was done to.
        resource_id: Which one; at most 1024 characters.
        action: What was done.
        details: The rest; at most 64 KiB as JSON. Secrets are redacted.
        correlation_id: Finds what belongs together; by default that of the request or operation around.
        client_ip: Private: where the request came from.
        user_agent: Private: with what.
        outcome: ``started``, ``success``, ``failure`` or ``denied``.
        run_id: The orchestrator's; by default that of the run around.

    Raises:
        EntryRefused: A field that is needed is missing, or one is malformed or too large; nothing was written.
        NotRecorded: Neither database nor spool could take it, or a setting or the home cannot be used, and
            ``FLOWSTONE_AUDIT_ON_FAILURE`` is ``raise``.
    """
    who = actors.current()
    what = event_type, *_acting(who, actor_id, actor_type), resource_type, resource_id, action, outcome
    client = client_ip or who.client_ip, user_agent or who.user_agent
    return _write(checked((*what, correlation_id or who.correlation_id, *client, run_id)), details)


def log_own(event_type: str, *, by: str, action: str, outcome: str, details: dict[str, object]) -> AuditEntry:
    """Write an entry of what is done to the log itself, as `log` does; its details stay open.

    ``verify`` holds them against what else is on record of it, so nothing of them may be held privately or redacted.

    Args:
        event_type: Such as ``audit.erased``.
        by: Who does it.
        action: What is done.
        outcome: How far it is.
        details: JSON values, their texts without secrets.

    Raises:
        EntryRefused, NotRecorded: As of `log`.
    """
    who = actors.current()
    what = event_type, by, "user", "audit", "log", action, outcome
    texts = checked((*what, who.correlation_id, who.client_ip, who.user_agent, None))
    return _put(recorder.current(), texts, text_of(details), None)


def _acting(who: Actor, id: str | None, kind: str | None) -> tuple[str | None, str | None]:
    if id is None or id == who.id:
        return who.id, kind or (who.type if who.id is not None else None)
    return id, kind


def _write(texts: list[str | None], details: Mapping[str, object] | None) -> AuditEntry:
    details = _NO_DETAILS if details is None else details
    if type(details) is not dict and not isinstance(details, Mapping):
        raise EntryRefused(f"details have to be a mapping, not {type(details).__name__}")
    try:
        keeper = recorder.current()
    except (ValueError, OSError) as error:
        return _lost(texts, split(details, _NO_KEYS)[0], error)
    return _put(keeper, texts, *split(details, keeper.config.private))


def _put(keeper: recorder.Recorder, texts: list[str | None], kept: str, private: str | None) -> AuditEntry:
    place = identity("audit")
    row = _draft(keeper.writer, place, texts, kept, private)
    entry = _durable(keeper, row)
    _tell(entry, place)
    return entry


def _draft(writer: str, place: Identity, texts: list[str | None], kept: str, private: str | None) -> Row:
    limits.fitting("details", kept)
    if private is not None:
        limits.fitting("private details", private)
    *what, correlation_id, client_ip, user_agent, run_id = texts
    now = time_ns()
    values = (
        *(VERSION, new_id(now), *what, kept, correlation_id or place["correlation_id"]),
        *(place["trace_id"], place["parent_id"] or None, run_id or place["run_id"] or None),
        *(writer, 0, now // 1000, client_ip, user_agent, private),
        *(nonce_for(client_ip, user_agent, private), None, b""),
    )
    return Row._make(values)


def _lost(texts: list[str | None], kept: str, error: Exception) -> AuditEntry:
    """Return an entry that is kept nowhere, because settings or home cannot be used; or tell the caller that."""
    meant, row = config.meant(), _draft("", identity("audit"), texts, kept, None)
    if meant is not None and meant[1].of(row.event_type, waiting=True) == "raise":
        count("audit.refused")
        raise NotRecorded(f"the audit log cannot be used: {error}") from error
    count("audit.off" if meant is None else "audit.dropped")
    return made.of_row(sealed(row))


def _durable(keeper: recorder.Recorder, row: Row) -> AuditEntry:
    if keeper.config.url is None:
        count("audit.off")
        return made.of_row(sealed(row))
    try:
        request = _committer(keeper).submit(row)
    except NotRecorded as error:
        failure = keeper.config.on_failure.of(row.event_type, waiting=True)
        if failure == "raise":
            count("audit.refused")
            raise
        if failure == "spool":
            keeper.hold(row, str(error))
        else:
            keeper.losses.drop(1, str(error))
        return made.of_row(sealed(row))
    seq, inserted_at = request.place or (None, None)
    return made.of_row(request.row, seq, to_datetime(inserted_at) if inserted_at is not None else None)


def _committer(keeper: recorder.Recorder) -> Committer:
    found = _committers.get(keeper)
    if found is None:
        _committers.clear()  # of another process, or of settings that have changed
        found = _committers.setdefault(keeper, Committer(keeper))
    return found


def _tell(entry: AuditEntry, place: Identity) -> None:
    """Put the entry's id on the span around, and tell everybody."""
    if not get_context():
        pass  # nothing is around
    elif (operation := current()) is not None:
        operation.add_event(MARK, {ENTRY_ID: entry.id})
    elif (span := trace.get_current_span()) is not trace.INVALID_SPAN:
        span.add_event(MARK, {ENTRY_ID: entry.id})
    emit(
        AuditLogged,
        place,
        correlation_id=entry.correlation_id or place["correlation_id"],
        entry_id=entry.id,
        event_type=entry.event_type,
        actor_id=entry.actor_id,
        resource_type=entry.resource_type or "",
        resource_id=entry.resource_id or "",
        action=entry.action or "",
    )
