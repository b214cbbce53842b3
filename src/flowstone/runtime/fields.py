"""Making any value the clean value of an event's own field, by the kind that the field is declared to be.

Whatever a caller gives, the event has what its readers count on: a number where a number is declared, an ``Error``
where an error is. What does not fit and cannot be made to is left out, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, Final, get_args, get_origin, get_type_hints

from flowstone.catalogue.event import Event, Process
from flowstone.catalogue.values import Error, SpanEvent, SpanLink
from flowstone.runtime import coerce
from flowstone.runtime.failure import Failure, cleaned
from flowstone.runtime.scope import correlation

Cleaner = Callable[[object], object]
"""Returns the clean value, or ``UNFIT``."""

UNFIT: Final = object()
_LONG_TEXTS: Final = frozenset({"reason", "message", "checkpoint_id"})
_HEX: Final = {"id": 32, "trace_id": 32, "span_id": 16, "parent_id": 16}
_NOT_BELOW_ZERO: Final = frozenset(
    {"time", "duration", "size_bytes", "rows", "cpu_time", "peak_rss", "attempt"}
)
_OTHER: Final = "_OTHER"


_cleaners: Final[dict[type[Event], Mapping[str, Cleaner]]] = {}


def cleaners(cls: type[Event]) -> Mapping[str, Cleaner]:
    """Return what cleans each field of *cls*, but for its name and its attributes, which the record knows."""
    found = _cleaners.get(cls)
    if found is None:
        found = _cleaners[cls] = _made_for(cls)
    return found


def _made_for(cls: type[Event]) -> Mapping[str, Cleaner]:
    try:
        hints = get_type_hints(cls)
    except Exception:  # a plugin's class may name what exists for type checkers only
        hints = {}
    own = [field for field in fields(cls) if field.name not in {"name", "attributes"}]
    return {
        field.name: _cleaner(
            field.name, hints.get(field.name), "" if field.default is MISSING else field.default
        )
        for field in own
    }


def _cleaner(key: str, hint: Any, default: object) -> Cleaner:
    if key in _HEX:
        return _hexadecimal(_HEX[key])
    if key == "correlation_id":
        return lambda given: correlation(given) if given else UNFIT
    if key == "partition":
        return coerce.partition
    options = get_args(hint) if type(None) in get_args(hint) else (hint,)
    kinds = [option for option in options if option is not type(None)]
    clean = _of_kind(kinds[0], key) if len(kinds) == 1 else _any
    return lambda given: default if given is None else clean(given)


def _of_kind(kind: Any, key: str) -> Cleaner:
    if kind is str or all(isinstance(word, str) for word in get_args(kind) or (0,)):
        return lambda given: coerce.text(
            given, coerce.TEXT_LIMIT if key in _LONG_TEXTS else coerce.NAME_LIMIT
        )
    if kind is int:
        return _whole(0 if key in _NOT_BELOW_ZERO else -(1 << 63))
    if kind in _KINDS:
        return _KINDS[kind]
    if get_origin(kind) is tuple and get_args(kind)[:1] in {(SpanLink,), (SpanEvent,)}:
        return _tuple_of(get_args(kind)[0])
    return _any


def _hexadecimal(digits: int) -> Cleaner:
    form = re.compile(f"[0-9a-f]{{{digits}}}")
    return lambda given: given if isinstance(given, str) and form.fullmatch(given) else UNFIT


def _whole(least: int) -> Cleaner:
    def clean(given: object) -> object:
        made = coerce.whole(given, least)
        return UNFIT if made is None else made

    return clean


def _truth(given: object) -> object:
    return given if type(given) is bool else UNFIT


def _number(given: object) -> object:
    try:
        clean = coerce.scalar(float(given))  # type: ignore[arg-type]  # whatever it is
    except (TypeError, ValueError, OverflowError):
        return UNFIT
    return clean if isinstance(clean, float) else UNFIT


def _error(given: object) -> object:
    if isinstance(given, BaseException):
        return Failure(given).render()
    if isinstance(given, Error):
        return cleaned(given)
    if isinstance(given, Mapping):
        kind, message, stack = (given.get(key) or "" for key in ("type", "message", "stack"))
        return cleaned(Error(type=kind or _OTHER, message=message, stack=stack))
    return Error(type=_OTHER, message=coerce.text(given)) if given else None


def _process(given: object) -> object:
    return given if isinstance(given, Process) else UNFIT


def _tuple_of(kind: type) -> Cleaner:
    def clean(given: object) -> object:
        items = tuple(given) if isinstance(given, (tuple, list)) else (UNFIT,)
        return items if all(isinstance(item, kind) for item in items) else UNFIT

    return clean


def _any(given: object) -> object:
    """Clean what a plugin declared in its own way, by what it is."""
    if isinstance(given, BaseException):
        return Failure(given).render()
    if isinstance(given, Error):
        return cleaned(given)
    return given if hasattr(given, "__dataclass_fields__") else coerce.value(given)


_KINDS: Final[Mapping[Any, Cleaner]] = {bool: _truth, float: _number, Error: _error, Process: _process}
