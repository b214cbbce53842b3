"""What a class of events looks like as a JSON line, compiled: a loop over its fields would cost as much as the line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Final, cast

from flowstone.catalogue.event import CustomEvent, Event
from flowstone.catalogue.operation import OperationEnd, OperationStart
from flowstone.face import line_pieces
from flowstone.runtime.export.data import DEBUG, FAULT, INFO, WARN

Template = Callable[[Event, int], str]
"""Returns the line of an event of a class, of a severity, without a line end."""

_KEPT: Final = 1024
_SEVERITIES: Final = {
    DEBUG: ',"severity":"DEBUG"',
    INFO: ',"severity":"INFO"',
    WARN: ',"severity":"WARNING"',
    FAULT: ',"severity":"ERROR"',
}
"""In the words of ``logging``, which the lines beside them have."""

_ABOUT: Final = ("name", "asset", "partition")
_TOLD: Final = frozenset({"asset", "partition", "duration", "error", "links"})
_KEYS: Final = frozenset({"checkpoint_id"})
"""Whoever has the token of a checkpoint can decide it, and logs are read by many."""

_OURS: Final = frozenset(
    {
        "timestamp",
        "severity",
        "event",
        "asset",
        "partition",
        "run_id",
        "correlation_id",
        "trace_id",
        "span_id",
    }
    | {"pipeline", "duration_ms", "error_type", "error_message"}
)
_NAMES: Final[dict[str, object]] = {
    "severities": _SEVERITIES,
    "texts": frozenset({str, type(None)}),
    "second_of": line_pieces.second_of,
    "escape": line_pieces.escape,
    "scope_of": line_pieces.Scopes().__getitem__,
    "took_of": line_pieces.took,
    "error_of": line_pieces.error,
    "others_of": line_pieces.others,
}
# Format codes, which cost a third of what an f-string makes of numbers that are padded.
_FORM: Final = '{"timestamp":"%s.%09dZ"%s%s%s%s'
_VALUES: Final = "second_of(seconds), nanoseconds, severities[severity], about, scope, span"
_END_FORM: Final = ',"duration_ms":%d.%03d,"status":%s'
_END_VALUES: Final = "took // 1000, took % 1000, escape(event.status)"
_LINES: Final = (
    "def line(event, severity):",
    "    span_id = event.span_id",  # new each time, so not kept
    "    span = f'\"{span_id}\"' if span_id.isalnum() and span_id.isascii() else escape(span_id)",
    "    scope = scope_of((event.run_id, event.correlation_id, event.trace_id, event.pipeline))",
    "    seconds, nanoseconds = divmod(event.time, 1000000000)",
)


class _Abouts(dict[tuple[object, ...], str]):
    """Names of events of one class, and what they are about."""

    def __init__(self, present: frozenset[str]) -> None:
        self._asset, self._partition = "asset" in present, "partition" in present

    def make(self, event: Event, key: tuple[object, ...] | None) -> str:
        """Return name and thing of *event*; keep it under *key*, where there is one."""
        made = line_pieces.about(event, asset=self._asset, partition=self._partition)
        if key is not None:
            if len(self) >= _KEPT:
                self.clear()
            self[key] = made
        return made


def template(cls: type[Event]) -> Template:
    """Compile what makes the lines of a class."""
    present = frozenset(field.name for field in fields(cls))
    names, silent = _own(cls)
    about = _Abouts(present)
    things = _tuple(name for name in _ABOUT if name in present)
    keep = "about = find_about(things) or make_about(event, things)"
    lines = [*_LINES, f"    things = {things}"]
    if "partition" in present:  # equal moments in two time zones are written differently: only texts are kept
        lines += [
            f"    if type(event.partition) in texts: {keep}",
            "    else: about = make_about(event, None)",
        ]
    else:
        lines.append(f"    {keep}")
    form, values, more = _FORM, [_VALUES], []
    is_end = issubclass(cls, OperationEnd)
    if is_end:
        lines.append("    took = (event.duration + 500) // 1000 if event.duration > 0 else 0")
        form += _END_FORM
        values.append(_END_VALUES)
    if names:
        lines.append(f"    own = {_tuple(names)}")
        more.append("'' if own == silent else others_of(shown, own, silent)")
    if "duration" in present and not is_end:
        more.append("took_of(event.duration)")
    if "error" in present:
        more.append("error_of(event.error) if event.error is not None else ''")
    form += "%s" * len(more) + "}"
    lines.append(f"    return form % ({', '.join([*values, *more])})")
    shown = tuple(f"{name}_name" if name in _OURS else name for name in names)
    scope = {**_NAMES, "form": form, "silent": silent, "shown": shown}
    scope |= {"find_about": about.get, "make_about": about.make}
    exec("\n".join(lines), scope)  # noqa: S102  # field names of event classes
    return cast("Template", scope["line"])


def _own(cls: type[Event]) -> tuple[list[str], tuple[object, ...]]:
    """Return the fields of a class that neither every event nor every operation has, and values that need no telling."""
    common = {field.name for base in (Event, OperationStart, OperationEnd) for field in fields(base)}
    if not issubclass(cls, OperationStart | OperationEnd):
        common -= {"status"}
    if cls is CustomEvent:
        common -= {"attributes"}
    own = [field for field in fields(cls) if field.name not in common | _TOLD | _KEYS]
    # Of operations only what is unusual is told; of a moment everything, for that is what it is about.
    by_default = issubclass(cls, OperationStart | OperationEnd | CustomEvent)
    return [field.name for field in own], tuple(field.default if by_default else None for field in own)


def _tuple(names: Iterable[str]) -> str:
    """Return the expression of a tuple of fields."""
    return f"({''.join(f'event.{name}, ' for name in names)})"
