"""What happens inside runs: materializations, loads and stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from flowstone.catalogue.io import (
    IoLoadException,
    IoLoadStart,
    IoLoadStop,
    IoStoreException,
    IoStoreStart,
    IoStoreStop,
)
from flowstone.catalogue.materialization import (
    MaterializationException,
    MaterializationStart,
    MaterializationStop,
)
from flowstone.runtime import coerce
from flowstone.runtime.rendering import RenderedOperation
from flowstone.runtime.scope import Scope

# What __init__ has bounded already, and the drain cleans: names recur, so what becomes of them is kept.
# Code of the user's may have put anything in their place meanwhile.
_ASSET: Final = "name(given.asset) if given.asset.__class__ is str else text(given.asset, limit)"
_ATTEMPT: Final = "given.attempt if given.attempt.__class__ is int else whole(given.attempt) or 1"
_PARTITION: Final = (
    "given.partition if given.partition is None"
    " else name(given.partition) if type(given.partition) is str else partition(given.partition)"
)
_FEW: Final = 1 << 31
_TRANSFER: Final = {
    "asset": _ASSET,
    "io_manager": "name(given.io_manager) if given.io_manager.__class__ is str else text(given.io_manager, limit)",
    "partition": _PARTITION,
}


def _name(given: object) -> str:
    """Return a name as it is, or bounded and clean where it is no short text."""
    return (
        given
        if type(given) is str and len(given) <= coerce.NAME_LIMIT
        else coerce.text(given, coerce.NAME_LIMIT)
    )


class Materialization(
    RenderedOperation,
    events=(MaterializationStart, MaterializationStop, MaterializationException),
    own={"asset": _ASSET, "partition": _PARTITION, "attempt": _ATTEMPT},
    volume=True,
):
    """One attempt to produce an asset, or a partition of it.

    Context manager, decorator, and the current OpenTelemetry span of its block.

    Args:
        asset: Asset key.
        partition: str, int, date, datetime, or a tuple of these.
        attempt: 1 for the first try.
        attributes: Added to the span and to the events.
        scope: Identity given by a host; the surrounding one if not given.
        span_id: 64-bit id derived by a host; random if 0.
        parent_id: 64-bit id of the parent's span, with *scope*.
        start_time: Unix nanoseconds as a host tells them.
    """

    timed = True

    def __init__(
        self,
        asset: str,
        *,
        partition: object = None,
        attempt: int = 1,
        attributes: Mapping[str, object] | None = None,
        scope: Scope | None = None,
        span_id: int = 0,
        parent_id: int = 0,
        start_time: int = 0,
    ) -> None:
        self.asset = asset if type(asset) is str and len(asset) <= coerce.NAME_LIMIT else _name(asset)
        self.partition = (
            partition
            if partition is None or (type(partition) is str and len(partition) <= coerce.NAME_LIMIT)
            else coerce.partition(partition)
        )
        self.attempt = attempt if type(attempt) is int and attempt < _FEW else coerce.whole(attempt) or 1
        self.scope = cast(Scope, scope)
        self.span_id = span_id
        self.parent_id = parent_id
        self.start_time = start_time
        if attributes:
            self.initial = coerce.snapshot(attributes)


class _Transfer(RenderedOperation):
    def __init__(
        self,
        asset: str,
        *,
        io_manager: str = "",
        partition: object = None,
        attributes: Mapping[str, object] | None = None,
        scope: Scope | None = None,
        span_id: int = 0,
        parent_id: int = 0,
        start_time: int = 0,
    ) -> None:
        self.asset = asset if type(asset) is str and len(asset) <= coerce.NAME_LIMIT else _name(asset)
        self.io_manager = _name(io_manager)
        self.partition = (
            partition
            if partition is None or (type(partition) is str and len(partition) <= coerce.NAME_LIMIT)
            else coerce.partition(partition)
        )
        self.scope = cast(Scope, scope)
        self.span_id = span_id
        self.parent_id = parent_id
        self.start_time = start_time
        if attributes:
            self.initial = coerce.snapshot(attributes)


class IoLoad(_Transfer, events=(IoLoadStart, IoLoadStop, IoLoadException), own=_TRANSFER, volume=True):
    """One load of an asset by an io manager; set ``size_bytes`` and ``rows`` where they are known.

    Args:
        asset: Asset key.
        io_manager: Registered name or class of the io manager.
        partition: str, int, date, datetime, or a tuple of these.
        attributes: Added to the span and to the events.
        scope: Identity given by a host; the surrounding one if not given.
        span_id: 64-bit id derived by a host; random if 0.
        parent_id: 64-bit id of the parent's span, with *scope*.
        start_time: Unix nanoseconds as a host tells them.
    """


class IoStore(_Transfer, events=(IoStoreStart, IoStoreStop, IoStoreException), own=_TRANSFER, volume=True):
    """One store of an asset by an io manager; set ``size_bytes`` and ``rows`` where they are known.

    Args:
        asset: Asset key.
        io_manager: Registered name or class of the io manager.
        partition: str, int, date, datetime, or a tuple of these.
        attributes: Added to the span and to the events.
        scope: Identity given by a host; the surrounding one if not given.
        span_id: 64-bit id derived by a host; random if 0.
        parent_id: 64-bit id of the parent's span, with *scope*.
        start_time: Unix nanoseconds as a host tells them.
    """
