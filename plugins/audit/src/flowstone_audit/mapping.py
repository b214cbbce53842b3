"""Lifecycle events as rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import orjson

from flowstone.plugin import Event, count, to_dict
from flowstone_audit import limits
from flowstone_audit.canonical import sealed
from flowstone_audit.details import LONGEST, divided, plain, text_of, without_nul
from flowstone_audit.privacy import nonce_for
from flowstone_audit.row import VERSION, Row

_COLUMNS: Final = ("v", "name", "id", "time", "correlation_id", "trace_id", "span_id", "run_id")
_NO_TRACE: Final = "0" * 32
_OUTCOMES: Final = {"start": "started", "stop": "success", "exception": "failure", "rejected": "denied"}
_NUL: Final = "\\u0000"  # as JSON writes it; PostgreSQL reads no JSON that has it
_CUT: Final = "…[cut]"
_USERS: Final = ("user.id", "enduser.id")
_ACTOR, _ACTOR_TYPE = "flowstone.actor.id", "flowstone.actor.type"

# Subject of an event, its resource's type, and the field that names it.
_RESOURCES: Final = {
    "materialization": ("asset", "asset"),
    "io": ("asset", "asset"),
    "checkpoint": ("checkpoint", "checkpoint"),
    "sensor": ("sensor", "sensor"),
    "resource": ("resource", "resource"),
    "plugin": ("plugin", "plugin"),
}
_COMMON: Final = frozenset(
    (*_COLUMNS, "parent_id", "pipeline", "orchestrator", "sampled", "attributes", "process", "links")
)


def row_of(
    event: Event,
    ordinal: int,
    writer: str,
    *,
    occurred_at: int | None = None,
    private: frozenset[str] = frozenset(),
) -> Row:
    """Return the row of a lifecycle event.

    Args:
        event: As the drain delivers it.
        ordinal: The writer's count.
        writer: ``host/pid/8 hex digits``.
        occurred_at: Unix microseconds, where they differ from the event's own time.
        private: Keys of details that are held privately.
    """
    return row_of_fields(to_dict(event), ordinal, writer, occurred_at, private)


def row_of_spooled(
    given: dict[str, Any], ordinal: int, writer: str, occurred_at: int, private: frozenset[str]
) -> Row:
    """Return the row of an event that the spool holds.

    Raises:
        ValueError: It is none.
    """
    try:
        return row_of_fields(given, ordinal, writer, occurred_at, private)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an event: {error!r}") from error


def row_of_fields(
    given: dict[str, Any], ordinal: int, writer: str, occurred_at: int | None, private: frozenset[str]
) -> Row:
    """Do the same with the fields of an event, in the codec's form; they are taken apart."""
    get = given.get
    name, moment = given["name"], get("time", 0)
    traced = get("trace_id", _NO_TRACE) != _NO_TRACE
    resource_type, resource_id, named = _resource(name, given)
    actor_type, actor_id, acted = _actor(given)
    happened = moment // 1000 if occurred_at is None else occurred_at
    skipped = {*_COLUMNS, named, acted}
    details = {key: value for key, value in given.items() if key not in skipped}
    if happened != moment // 1000:
        details["time"] = moment
    kept, held = _texts(details, private)
    action = name.rpartition(".")[2]
    run_id = get("run_id")
    made = Row(
        VERSION,
        bytes.fromhex(given["id"]),
        _bounded(name, limits.NAME),
        _bounded(actor_id, limits.NAME) or "unknown",
        actor_type,
        resource_type,
        _bounded(resource_id, limits.RESOURCE) if resource_id else None,
        _bounded(action, limits.NAME),
        _OUTCOMES.get(action),
        kept,
        get("correlation_id") or None if traced else None,
        given["trace_id"] if traced else None,
        get("span_id") or None if traced else None,
        _bounded(run_id, limits.NAME) if run_id else None,
        writer,
        ordinal,
        happened,
        *(None, None, held, nonce_for(held), None),
        b"",
    )
    return sealed(made)


def _texts(details: dict[str, Any], private: frozenset[str]) -> tuple[str, str | None]:
    """Return details, and what is held privately of them, as JSON text that fits both databases."""
    kept, held = divided(details, private)
    if len(kept) > LONGEST // 4:
        kept = _shortened(kept, details)
    if held is not None and len(held) > LONGEST // 4:
        held = _shortened(held, json.loads(held))
    if _NUL in kept or (held is not None and _NUL in held):
        kept = text_of(without_nul(orjson.loads(kept)))
        held = text_of(without_nul(orjson.loads(held))) if held is not None else None
    return kept, held


def _resource(name: str, given: Mapping[str, Any]) -> tuple[str | None, str | None, str]:
    """Return type and id of what an event is about, and the field that names it."""
    subject = name.partition(".")[0]
    if subject == "run":
        return "run", given.get("run_id") or given.get("pipeline"), ""
    known = _RESOURCES.get(subject)
    if known is not None:
        found = given.get(known[1])
        return known[0], found if isinstance(found, str) else None, known[1] if found else ""
    for key, value in given.items():
        if key not in _COMMON and isinstance(value, str):
            return name.rpartition(".")[0], value, ""
    return None, None, ""


def _actor(given: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return type and id of who acted, and the field that names them."""
    actor = given.get("actor")
    if actor and isinstance(actor, str):
        return "user", actor, "actor"
    attributes = given.get("attributes")
    if attributes:
        for key in _USERS:
            if attributes.get(key):
                return "user", str(attributes[key]), ""
        if attributes.get(_ACTOR):
            kind = attributes.get(_ACTOR_TYPE)
            return kind if kind in limits.ACTOR_TYPES else "system", str(attributes[_ACTOR]), ""
    orchestrator = given.get("orchestrator", "python")
    pipeline = given.get("pipeline")
    return "system", f"{orchestrator}/{pipeline}" if pipeline else orchestrator, ""


def _bounded(given: str, longest: int) -> str:
    if len(given) > longest:
        count("audit.value.cut")
        given = given[: longest - len(_CUT)] + _CUT
    return plain(given)


def _shortened(kept: str, details: dict[str, Any]) -> str:
    """Return details as JSON text that fits: the longest values go first, each leaving a mark."""
    size = len(kept.encode())
    if size <= LONGEST:
        return kept
    count("audit.value.cut")
    sizes = {key: len(text_of(value).encode()) for key, value in details.items()}
    while size > LONGEST and sizes:
        longest = max(sizes, key=lambda key: sizes[key])
        taken = sizes.pop(longest)
        details[longest] = f"…[{taken} bytes cut]"
        size = len(text_of(details).encode())
    return text_of(details)
