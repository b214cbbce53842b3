"""One audit entry as it is read: named values, moments in UTC."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from flowstone_audit.columns import OutOfRange, to_datetime
from flowstone_audit.errors import AuditError
from flowstone_audit.row import Row

_PRIVATE: Final = frozenset({"client_ip", "user_agent", "private", "private_malformed"})
MALFORMED: Final = "malformed"
"""The key under which stands what is no JSON object any more."""


@dataclass(frozen=True, kw_only=True)  # no slots: `made` gives it its dictionary
class AuditEntry:
    """What the audit log holds of one act. See `Row` for the values that its writer gave.

    Attributes:
        seq: Its place in the log, from 1; None while it waits in the spool.
        inserted_at: When the database took it, UTC, to the microsecond; None while it waits in the spool.
        id: 32 hex digits.
        details_text: The exact text of a JSON object, as it was hashed.
        private_text: Private: the exact text of a JSON object; None where there was none, or it was erased.
        occurred_at: When it happened by the writer's clock, UTC, to the microsecond.
    """

    seq: int | None
    inserted_at: datetime | None
    v: int
    id: str
    event_type: str
    actor_id: str
    actor_type: str
    resource_type: str | None
    resource_id: str | None
    action: str | None
    outcome: str | None
    details_text: str
    correlation_id: str | None
    trace_id: str | None
    span_id: str | None
    run_id: str | None
    writer: str
    ordinal: int
    occurred_at: datetime
    client_ip: str | None
    user_agent: str | None
    private_text: str | None
    nonce: bytes | None
    commitment: bytes | None
    row_hash: bytes

    @property
    def details(self) -> dict[str, Any]:
        """The details, read anew at each call: changing what is returned changes nothing here.

        Raises:
            AuditError: They are no JSON object any more: somebody has changed them.
        """
        return self._object("details", self.details_text)

    @property
    def private(self) -> dict[str, Any] | None:
        """The details that were held privately; None where there were none, or they were erased.

        Raises:
            AuditError: They are no JSON object any more: somebody has changed them.
        """
        return None if self.private_text is None else self._object("private", self.private_text)

    def _object(self, name: str, held: str) -> dict[str, Any]:
        found = object_of(held)
        if found is None:
            raise AuditError(
                f"{name} of entry {self.seq or self.id} are no JSON object: somebody has changed them;"
                " see: flowstone audit verify"
            )
        return found

    @property
    def erased(self) -> bool:
        """Whether something private was here and is gone."""
        return self.commitment is not None and self.nonce is None

    @property
    def pending(self) -> bool:
        """Whether it waits in the spool: durable, but not in the database yet."""
        return self.seq is None

    def _marks(self, made: Mapping[str, Any]) -> Iterator[str]:
        """Yield the names under which it is told what could not be made as it stands."""
        if isinstance(self.occurred_at, OutOfRange):
            yield "occurred_at_out_of_range"
        for name, held in (("details", self.details_text), ("private", self.private_text)):
            if MALFORMED in (made[name] or ()) and object_of(held) is None:
                yield f"{name}_malformed"

    def to_dict(self, *, private: bool = True) -> dict[str, Any]:
        """Return it as JSON values: bytes as hex, moments as ISO 8601 with microseconds and ``+00:00``.

        ``details`` and ``private`` are objects; one that was changed into none is ``{"malformed": "its text"}``, with
        ``details_malformed`` or ``private_malformed``. Where ``occurred_at`` is no moment that can be written, the
        nearest that can stands there, and ``occurred_at_out_of_range``. The nonce stays out: who has it can test
        guesses at what was erased; archives and evidence carry it where it is needed.

        Args:
            private: Whether ``client_ip``, ``user_agent`` and ``private`` are told; else they are left out.
        """
        made: dict[str, Any] = {
            "seq": self.seq,
            "id": self.id,
            "inserted_at": _iso(self.inserted_at),
            "occurred_at": _iso(self.occurred_at),
            "event_type": self.event_type,
            "actor_id": self.actor_id,
            "actor_type": self.actor_type,
            "resource_type": self.resource_type,
            "resource_id": self.resource_id,
            "action": self.action,
            "outcome": self.outcome,
            "details": shown(self.details_text),
            "correlation_id": self.correlation_id,
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "run_id": self.run_id,
            "client_ip": self.client_ip,
            "user_agent": self.user_agent,
            "private": None if self.private_text is None else shown(self.private_text),
            "erased": self.erased,
            "writer": self.writer,
            "ordinal": self.ordinal,
            "v": self.v,
            "commitment": self.commitment.hex() if self.commitment is not None else None,
            "row_hash": self.row_hash.hex(),
        }
        made |= dict.fromkeys(self._marks(made), True)
        return made if private else {key: value for key, value in made.items() if key not in _PRIVATE}


FIELDS: Final = tuple(field.name for field in fields(AuditEntry))
"""Its fields, in the order of the columns of `tables.log`."""


def made(values: dict[str, Any]) -> AuditEntry:
    """Return the entry of a value for each of its fields, which it keeps; faster than its constructor."""
    found = _bare(AuditEntry)
    _set(found, "__dict__", values)
    return found


_ROOM: Final[dict[str, Any]] = dict.fromkeys(FIELDS)
"""Copied and filled in less time than a dictionary that grows."""
_bare: Final = object.__new__
_set: Final = object.__setattr__


def of(row: Mapping[str, Any]) -> AuditEntry:
    """Return the entry of a row of `tables.log`, such as ``result.mappings()`` gives."""
    values = dict(row)
    values["details_text"] = values.pop("details")
    values["private_text"] = values.pop("private")
    return AuditEntry(**values)


def of_row(row: Row, seq: int | None = None, inserted_at: datetime | None = None) -> AuditEntry:
    """Return the entry of what a writer wrote; without *seq* it waits in the spool."""
    values = _ROOM.copy()
    values.update(zip(FIELDS, (seq, inserted_at, *row), strict=True))
    values["id"] = row.id.hex()
    values["occurred_at"] = to_datetime(row.occurred_at)
    return made(values)


def object_of(held: object) -> dict[str, Any] | None:
    """Return the JSON object that a text is; None where it is none, whatever stands in its place."""
    try:
        found = json.loads(held)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def shown(held: object) -> dict[str, Any]:
    """Return the JSON object that a text is; one that says what stands there where it is none.

    One entry that was changed must not keep the others from being seen.
    """
    found = object_of(held)
    return found if found is not None else {MALFORMED: held if isinstance(held, str) else repr(held)}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="microseconds")
