"""Events that a host tells about, under an identity of its own."""

from __future__ import annotations

from typing import Any

from flowstone.catalogue.event import Event
from flowstone.runtime import emission
from flowstone.runtime.scope import Scope


def emit(
    event_class: type[Event],
    *,
    scope: Scope | None = None,
    span_id: int = 0,
    parent_id: int = 0,
    time: int = 0,
    **fields: Any,
) -> None:
    """Emit a point, or one leg of an operation whose other leg another process sees; never raises.

    Args:
        event_class: A class of the catalogue.
        scope: The run it belongs to; the caller's if not given.
        span_id: 64-bit id, derived where two observers must agree; random if 0.
        parent_id: 64-bit id of the parent's span, with *scope*.
        time: Unix nanoseconds as the host tells them; now if 0.
        fields: The event's own fields.
    """
    emission.emit(event_class, fields, scope=scope, span_id=span_id, parent_id=parent_id, time=time)
