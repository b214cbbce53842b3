"""Event prefixes that stand for operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flowstone.face.operations import io_load, io_store, materialization, run
from flowstone.runtime.rendering import RenderedOperation

_OPERATIONS: Final[Mapping[str, tuple[Callable[..., RenderedOperation], str, frozenset[str]]]] = {
    "run": (run, "pipeline", frozenset({"run_id", "correlation_id", "attempt"})),
    "materialization": (materialization, "asset", frozenset({"partition", "attempt"})),
    "io.load": (io_load, "asset", frozenset({"io_manager", "partition"})),
    "io.store": (io_store, "asset", frozenset({"io_manager", "partition"})),
}


def as_operation(prefix: str, metadata: Mapping[str, object]) -> RenderedOperation | None:
    """Return the operation that *prefix* stands for, with *metadata* as its fields, or None."""
    known = _OPERATIONS.get(prefix)
    if known is None:
        return None
    make, subject, fields = known
    own: dict[str, Any] = {key: value for key, value in metadata.items() if key in fields}
    rest = {key: value for key, value in metadata.items() if key not in fields and key != subject}
    name: Any = metadata.get(subject, "")  # the operation makes text of it
    return make(name, attributes=rest, **own)
