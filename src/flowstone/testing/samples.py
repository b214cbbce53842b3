"""Sample events of any class: plain ones, bare ones, and ones with the names that break things.

All of them are as the drain would deliver them: values are clean and bounded. What is left is
what a listener has to live with: quotes, line ends, markup, any script, great length.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from datetime import date, datetime
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from flowstone.catalogue.event import Event, Process
from flowstone.catalogue.registry import name_of
from flowstone.catalogue.values import Error, SpanEvent, SpanLink
from flowstone.runtime import coerce, identity
from flowstone.testing.clock import START

HOSTILE: Final = (
    "it's",
    'say "hi"',
    "a\nb\r\n\t{}",
    "nul\0 and bell\7 and \x1b[31mred\x1b[0m",
    "{0} {name} %s %d %(asctime)s ${HOME}",
    "'; DROP TABLE events; --",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "ünïcödé 東京 🦀 \u202eright to left",
    "\ud800 alone",
    "*",
    "a.b/c:d>e?f[g]",
    "x" * 100_000,
    " ",
)
"""Names and texts that users really have, or that somebody means to do harm with."""

_ordinals = itertools.count(1)
_FIXED: Final[Mapping[str, Callable[[str], object]]] = {
    "attributes": lambda text: coerce.attributes({"text": text, text: [text, text], "n": 1, "x": 0.5}),
    "partition": lambda text: coerce.partition((text, date(2025, 1, 15), datetime(2025, 1, 15, 8), 7)),  # noqa: DTZ001  # as users give them
    "error": lambda text: Error(type=text or "ValueError", message=text, stack=text),
    "process": lambda text: Process(host=text, boot_id=text, pid=1, start_time=1),
    "links": lambda text: (SpanLink(trace_id="1" * 32, span_id="2" * 16, attributes={"why": text}),),
    "span_events": lambda text: (SpanEvent(name=text, time=START, attributes={"text": text}),),
    "orchestrator": lambda text: "python",
}


def samples(cls: type[Event]) -> Iterator[Event]:
    """Yield events of *cls*: a plain one, a bare one, and one for each hostile text."""
    yield sample(cls)
    yield _made(cls, {field.name: "" for field in fields(cls) if field.default is MISSING})
    for text in HOSTILE:
        yield sample(cls, coerce.text(text, coerce.NAME_LIMIT))


def sample(cls: type[Event], text: str = "orders") -> Event:
    """Return an event of *cls* with every field filled, its texts being *text*."""
    try:
        hints = get_type_hints(cls)
    except NameError:  # a type that is imported for checkers alone; such fields keep their default
        hints = {}
    known = {field.name for field in fields(Event)}
    filled: dict[str, object] = {"pipeline": text, "run_id": text}
    for field in fields(cls):
        if field.name in _FIXED:
            filled[field.name] = _FIXED[field.name](text)
        elif field.name not in known:
            value = _value(hints.get(field.name), text)
            if value is not None or field.default is MISSING:
                filled[field.name] = value
    return _made(cls, filled)


def _made(cls: type[Event], filled: Mapping[str, object]) -> Event:
    ordinal = next(_ordinals)
    name, time, span_id = name_of(cls), START + ordinal * 1_000_000, f"{ordinal:016x}"
    values: dict[str, Any] = {
        "name": name,
        "id": identity.event_id(time, span_id, name),
        "time": time,
        "correlation_id": identity.correlation_of_trace(1),
        "trace_id": f"{1:032x}",
        "span_id": span_id,
    }
    return cls(**{**values, **filled})


def _value(hint: Any, text: str) -> object:
    """Return a value of the type that *hint* says; None where it says nothing."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return next((found for part in get_args(hint) if (found := _value(part, text)) is not None), None)
    if origin is Literal:
        return get_args(hint)[0]
    if origin is tuple:
        part = _value(next(iter(get_args(hint)), None), text)
        return () if part is None else (part,)
    plain: dict[object, object] = {str: text, bool: True, int: 7, float: 0.5}
    return plain.get(hint)
