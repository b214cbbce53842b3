"""Making any value a clean one: bounded, finite, valid Unicode; what was changed is marked and counted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from flowstone.catalogue.values import (
    NO_ATTRIBUTES,
    Attributes,
    AttributeScalar,
    AttributeValue,
    Partition,
    PartitionScalar,
)
from flowstone.runtime.redaction import MARK, is_secret, redact
from flowstone.runtime.stats import count

NAME_LIMIT: Final = 1024
TEXT_LIMIT: Final = 4096
MAX_ATTRIBUTES: Final = 128
MAX_ITEMS: Final = 128
_MAX_DEPTH: Final = 4
_MARK_ROOM: Final = 48
_INT64: Final = 1 << 63
_COPIES: Final[Mapping[Any, Any]] = {list: tuple, set: tuple, dict: dict, bytearray: bytes}
_INERT: Final = frozenset({int, float, bool, type(None)})


def text(value: object, limit: int = TEXT_LIMIT) -> str:
    """Return *value* as text without secrets, of at most *limit* characters (and a mark that says how much was cut)."""
    if type(value) is not str:
        value = _safe_str(value)
    # A secret that the limit would cut in two must still be seen whole; what is far beyond need not be read.
    value = redact(value) if len(value) <= 2 * limit else redact(value[: 2 * limit]) + value[2 * limit :]
    if len(value) > limit:
        count("value.cut")
        kept = limit - _MARK_ROOM  # the mark counts too, so that cutting again changes nothing
        value = f"{value[:kept]}…[{len(value) - kept} more characters cut]"
    if value.isascii():
        return value
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        count("value.coerced")
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def _safe_str(value: object) -> str:
    try:
        made = str(value)
    except Exception as error:  # whatever the user's __str__ does, the pipeline goes on
        count("value.coerced")
        return f"<{type(value).__name__} whose text raised {type(error).__name__}>"
    return made if type(made) is str else str.__str__(made)


class _Names(dict[str, str]):
    """Names as they are told, made when first seen; begun anew when there are many."""

    def __missing__(self, name: str) -> str:
        if len(self) >= _NAMES_KEPT:
            self.clear()
        made = self[name] = text(name, NAME_LIMIT)
        return made


_NAMES_KEPT: Final = 4096
names: Final = _Names()


def scalar(value: object) -> AttributeScalar:
    """Return *value* as str, bool, 64-bit int or finite float."""
    kind = type(value)
    if kind is str:
        return text(value)
    if kind is bool:
        return bool(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        if -_INT64 <= value < _INT64:
            return int(value)
        count("value.coerced")
        return f"{value:#x}" if value.bit_length() < 4 * TEXT_LIMIT else f"<int of {value.bit_length()} bits>"
    elif isinstance(value, str):
        return text(str.__str__(value))
    count("value.coerced")
    if isinstance(value, (bytes, bytearray, memoryview)):
        raw = bytes(value[: TEXT_LIMIT // 2])
        return text(raw.hex() + ("…[cut]" if len(value) > len(raw) else ""))
    return text(value)


def whole(given: object, least: int = 0) -> int | None:
    """Return a measurement as a whole number from *least* on that fits 64 bits, or None where it is none."""
    if given is None or type(given) is int:
        if given is None or least <= given < _INT64:
            return given
    else:
        try:
            number = int(given)  # type: ignore[call-overload]  # numpy's and pandas' numbers too
            if least <= number < _INT64:
                return int(number)
        except (TypeError, ValueError, OverflowError):
            pass
    count("value.coerced")
    return None


def value(given: object) -> AttributeValue:
    """Return *given* as an attribute value: a scalar, or a tuple of scalars of one type.

    Mappings and nested containers become bounded text.
    """
    if isinstance(given, Mapping):
        count("value.coerced")
        return _outline(given, 0)
    if isinstance(given, (list, tuple, set, frozenset)):
        items = _bounded(given)
        if any(isinstance(item, (Mapping, list, tuple, set, frozenset)) for item in items):
            count("value.coerced")
            return _outline(items, 0)
        clean = tuple(scalar(item) for item in items)
        return clean if len({type(item) for item in clean}) <= 1 else tuple(str(item) for item in clean)
    return scalar(given)


def _bounded(items: Iterable[object]) -> list[object]:
    try:
        every = list(items)  # the container may change under us: another thread owns it
    except RuntimeError:
        count("value.coerced")
        return ["<changed while it was read>"]
    if len(every) > MAX_ITEMS:
        count("value.cut")
        return [*every[:MAX_ITEMS], f"…[{len(every) - MAX_ITEMS} more items cut]"]
    return every


def _outline(given: object, depth: int) -> str:
    """Write a container as bounded text; depth is bounded too, so that cycles end."""
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(given, Mapping):
        return text("{" + ", ".join(_outline_pair(pair, depth + 1) for pair in _bounded(given.items())) + "}")
    if isinstance(given, (list, tuple, set, frozenset)):
        return text("[" + ", ".join(_outline(item, depth + 1) for item in _bounded(given)) + "]")
    return str(scalar(given))


def _outline_pair(pair: object, depth: int) -> str:
    if not isinstance(pair, tuple):
        return str(pair)  # the mark of what was cut
    name = _outline(pair[0], depth)
    return f"{name}: {MARK if is_secret(name) else _outline(pair[1], depth)}"


def attributes(given: Mapping[str, object]) -> Attributes:
    """Return clean attributes: at most 128, keys as text, values clean."""
    if not given:
        return NO_ATTRIBUTES
    clean: dict[str, AttributeValue] = {}
    for key, item in given.items():
        if len(clean) >= MAX_ATTRIBUTES:
            count("value.cut")
            break
        name = key if type(key) is str and len(key) <= NAME_LIMIT and key.isascii() else text(key, NAME_LIMIT)
        if is_secret(name):
            count("value.redacted")
            clean[name] = MARK
        else:
            clean[name] = value(item)
    return clean


def snapshot(given: Mapping[str, object]) -> dict[str, object]:
    """Copy attributes on the caller: small scalars as they are, the rest cleaned at once.

    What stays in the queue is then bounded, and the user may change their objects. What is no mapping is counted,
    and gives none.
    """
    if type(given) is dict and len(given) <= MAX_ATTRIBUTES:
        for item in given.values():
            kind = type(item)
            if kind not in _INERT and not (kind is str and len(item) <= TEXT_LIMIT):
                break
        else:
            return given.copy()
    if not isinstance(given, Mapping):
        count("value.coerced")
        return {}
    try:
        return dict(attributes(dict(given)))
    except RuntimeError:  # another thread changes it
        count("value.coerced")
        return {}


def held(fields: Mapping[str, object]) -> dict[str, object]:
    """Copy the fields of an event on the caller, what the user may change in them included."""
    kept = dict(fields)
    for key, item in kept.items():
        if key == "attributes":
            if item:
                kept[key] = snapshot(item)  # type: ignore[arg-type]  # whatever it is
        elif (copy := _COPIES.get(type(item))) is not None:
            kept[key] = copy(item)
    return kept


def partition(given: object) -> Partition | None:
    """Return *given* as a partition: str, int, date, datetime or a tuple of these."""
    if given is None:
        return None
    if type(given) is str:
        return text(given, NAME_LIMIT)
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes, bytearray)):
        return tuple(_partition_scalar(part) for part in _bounded(given))
    return _partition_scalar(given)


def _partition_scalar(given: object) -> PartitionScalar:
    if isinstance(given, date):
        return given
    clean = scalar(given)
    return clean if isinstance(clean, int) and not isinstance(clean, bool) else text(clean, NAME_LIMIT)
