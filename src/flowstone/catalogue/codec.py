"""Events as JSON, versioned: what stores, logs and messages hold.

One object per event. ``v`` is the version of the form; ``name`` is always there, other fields are
left out at their default. Partitions that are dates are ``{"$date": "2025-01-15"}`` or
``{"$datetime": "2025-01-15T08:00:00"}``, tuples are arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import date, datetime
from typing import Any, Final

import orjson

from flowstone.catalogue import names
from flowstone.catalogue.block import BLOCKS
from flowstone.catalogue.event import CustomEvent, Event, Process
from flowstone.catalogue.registry import builtin_events, name_of
from flowstone.catalogue.values import Error, Partition, SpanEvent, SpanLink

VERSION: Final = 1

_KEPT: Final = 128
_BUILTIN: Final = {name_of(cls): cls for cls in builtin_events()}
_writers: dict[type[Event], Callable[[Event], dict[str, Any]]] = {}
_encoded: dict[int, tuple[Event, bytes]] = {}
_process: tuple[Process | None, Any] = (None, None)


def encode(event: Event) -> bytes:
    """Return *event* as compact JSON in UTF-8.

    Several plugins encode the same batch, so what was encoded last is kept.

    Raises:
        TypeError: A field holds what has no JSON form; events from the drain never do.
    """
    kept = _encoded.get(id(event))
    if kept is not None and kept[0] is event:
        return kept[1]
    made = orjson.dumps(_with_process_once(to_dict(event)))
    if len(_encoded) >= _KEPT:
        _encoded.clear()
    _encoded[id(event)] = (event, made)  # holding the event keeps its id from being given to another
    return made


def _with_process_once(made: dict[str, Any]) -> dict[str, Any]:
    """Put the JSON of the process in its place: it is the same for all starts of a process."""
    process = made.get("process")
    if process is not None:
        made["process"] = process_once(process)
    return made


def process_once(process: Process | None) -> Any:
    """Return what ``orjson`` writes for *process*, made once for one that comes again and again."""
    global _process
    if process is None or process.__class__ is not Process:
        return process
    if _process[0] is not process:
        _process = (process, orjson.Fragment(orjson.dumps(process)))
    return _process[1]


def to_dict(event: Event) -> dict[str, Any]:
    """Return *event* as the object that ``encode`` writes."""
    write = _writers.get(type(event))
    if write is None:
        write = _writers[type(event)] = _compile(type(event))
    return write(event)


def _compile(cls: type[Event]) -> Callable[[Event], dict[str, Any]]:
    """Compile the writer of a class: a loop over 24 fields would cost three times as much."""
    namespace: dict[str, Any] = {"partition": partition_to_json}
    lines = ["def write(event):", f"    made = {{'v': {VERSION}, 'name': event.name}}"]
    for field in fields(cls):
        if field.name == "name":
            continue
        default, value = f"default_{field.name}", f"event.{field.name}"
        namespace[default] = None if field.default is MISSING else field.default
        written = f"({value} if {value}.__class__ is str else partition({value}))"
        written = written if field.name == "partition" else value
        lines.append(
            f"    if {value} is not {default} and {value} != {default}: made['{field.name}'] = {written}"
        )
    exec("\n".join([*lines, "    return made"]), namespace)  # noqa: S102  # our own field names only
    made: Callable[[Event], dict[str, Any]] = namespace["write"]
    return made


def decode(data: bytes | str, known: Callable[[str], type[Event] | None] | None = None) -> Event:
    """Return the event that *data* holds.

    Fields that this version does not know are left out; an event it does not know becomes a
    ``CustomEvent`` with them as attributes.

    Args:
        data: What ``encode`` wrote.
        known: Finds the class of an event name besides the built-in ones.

    Raises:
        ValueError: *data* is not an event.
    """
    given = orjson.loads(data)
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise ValueError("not an event: a JSON object with a name was expected")
    return from_dict(given, known)


def from_dict(given: Mapping[str, Any], known: Callable[[str], type[Event] | None] | None = None) -> Event:
    """Return the event that an object of the codec's form describes.

    Raises:
        ValueError: A field does not have the form of its kind.
    """
    name = names.normalise(given["name"])
    cls = _BUILTIN.get(name) or (known(name) if known is not None else None)
    if cls is None:
        cls = BLOCKS.get(name.rpartition(".")[2], CustomEvent) if "block" in given else CustomEvent
    known_fields = {field.name for field in fields(cls)}
    values: dict[str, Any] = {"name": name}
    unknown: dict[str, Any] = {}
    try:
        for key, value in given.items():
            if key in known_fields:
                values[key] = _READERS[key](value) if key in _READERS else value
            elif key != "v":
                unknown[key] = value
        if cls is CustomEvent and unknown:
            values["attributes"] = {**unknown, **values.get("attributes", {})}
        return cls(**values)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a {name} event: {error}") from error


def partition_to_json(value: Partition) -> Any:
    """Return a partition in the codec's form."""
    if isinstance(value, tuple):
        return [partition_to_json(part) for part in value]
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    return {"$date": value.isoformat()} if isinstance(value, date) else value


def _partition_from_json(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_partition_from_json(part) for part in value)
    if isinstance(value, dict):
        if "$date" in value:
            return date.fromisoformat(value["$date"])
        return datetime.fromisoformat(value["$datetime"])
    return value


def _attributes(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}


def _span_event(value: Mapping[str, Any]) -> SpanEvent:
    return SpanEvent(name=value["name"], time=value["time"], attributes=_attributes(value["attributes"]))


def _span_link(value: Mapping[str, Any]) -> SpanLink:
    attributes = _attributes(value.get("attributes", {}))
    return SpanLink(trace_id=value["trace_id"], span_id=value["span_id"], attributes=attributes)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "attributes": _attributes,
    "partition": _partition_from_json,
    "error": lambda value: Error(**value),
    "process": lambda value: Process(**value),
    "links": lambda value: tuple(_span_link(item) for item in value),
    "span_events": lambda value: tuple(_span_event(item) for item in value),
}
