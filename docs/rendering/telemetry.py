"""The page of the telemetry, rendered from the shapes of spans and the instruments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from flowstone.catalogue.registry import builtin_events, name_of
from flowstone.face.log_lines import line_of
from flowstone.otel import names
from flowstone.otel.cells import CARDINALITY_LIMIT
from flowstone.otel.instruments import INSTRUMENTS, Instrument
from flowstone.otel.process import PROCESS
from flowstone.otel.shapes import COMMON, SHAPES, SpanShape
from flowstone.otel.spans import FAILED
from flowstone.plugin import Event
from flowstone.testing.samples import sample

_SPANS = f"""\
# Telemetry

This page is rendered from the shapes of spans and from the instruments; `make docs` writes it.

Every signal carries the scope `{names.SCOPE}`, and is described by `{names.SCHEMA_URL}`.

## Spans

A span is made of the event that ends it, so it has the event's ids and times.
The status is `Error` for the outcomes {", ".join(f"`{status}`" for status in sorted(FAILED))}, otherwise unset.
A span of an error has `{names.ERROR_TYPE}`, and the exception is recorded on the innermost span that it passed through.
Attributes whose field is empty are left out.
What users add by `attributes=` or `set_attribute` stands beside these; ours win.
An event that a plugin adds makes a span too: its name is the event's, and each field of its own is an attribute `flowstone.<subject>.<field>`.
A block of your own (`telemetry.block`) has a span of its name, with its outcome and what it used.
`{names.CHECKPOINT_ID}` is a digest of the request's token, the same at request and verdict: whoever has the token itself can decide.

Attributes of every span:"""

_METRICS = f"""\
## Metrics

Correlation, run and trace ids are never attributes of metrics.
A metric has at most {CARDINALITY_LIMIT} series; further ones share the series with `{names.OVERFLOW}`.
Buckets are given as advice: a view of your own wins."""

_LOGS = """\
## Log lines

`flowstone.telemetry.attach_default_handlers()` logs one JSON object a line for each event, through the logger `flowstone.events`.
A line has those of these keys that its event has, and that say something.
`severity` is that of the log record of the event, in the words of `logging`; what is below the level of `flowstone.events` is not written.
An event that the catalogue does not know has its measurements and metadata under `attributes`.
The token of a checkpoint stands in no line, because whoever has it can decide.

The records of other loggers have the ids of the span that is active where they are made, whoever made that span."""


def page() -> str:
    """Return the page as Markdown."""
    parts = [_SPANS, _table(("attribute", "field"), ((f"`{k}`", f"`{f}`") for k, f in COMMON))]
    for shape in SHAPES:
        parts.extend(_span(shape))
    parts.append(_METRICS)
    for instrument in (*INSTRUMENTS, *PROCESS):
        parts.extend(_metric(instrument))
    parts.extend([_LOGS, _keys()])
    return "\n\n".join(parts) + "\n"


def _span(shape: SpanShape) -> Iterator[str]:
    decided = f" ({shape.events[0].__name__})" if shape.name == "checkpoint resume" else ""
    title = f"{shape.name} {{{shape.subject}}}" if shape.subject else shape.name
    yield f"### {title}{decided}"
    lasts = f"its field `{shape.duration}`" if shape.duration else "no time; it is a moment"
    yield (f"- Kind: `{shape.kind.name}`\n- Made of: {_events(shape.events)}\n- Lasts: {lasts}")
    rows = [(f"`{key}`", f"`{field}`") for key, field in shape.attributes]
    rows += [(f"`{key}`", f"always `{value}`") for key, value in shape.constants]
    yield _table(("attribute", "field"), rows)


def _metric(instrument: Instrument) -> Iterator[str]:
    yield f"### {instrument.name}"
    yield instrument.description
    lines = [f"- Instrument: {instrument.kind}", f"- Unit: `{instrument.unit}`"]
    if instrument.opened_by:
        lines.append(f"- Goes up with: {_events(instrument.opened_by)}")
        lines.append(f"- Goes down with: {_events(instrument.events)}")
    elif instrument.events:
        lines.append(f"- Moved by: {_events(instrument.events)}")
    else:
        lines.append("- Observed whenever metrics are read")
    if instrument.value:
        lines.append(f"- Measures: the field `{instrument.value}`")
    if instrument.only:
        lines.append(f"- Only for the outcome: {', '.join(f'`{status}`' for status in instrument.only)}")
    if instrument.states:
        lines.append(f"- States: {', '.join(f'`{state}`' for state in instrument.states)}")
    if instrument.buckets:
        lines.append(
            f"- Buckets: {', '.join(f'{bound:g}' if bound < 1e5 else f'{bound:.0f}' for bound in instrument.buckets)}"
        )
    lines.append(f"- Attributes: {', '.join(f'`{label.key}`' for label in instrument.labels) or 'none'}")
    yield "\n".join(lines)


def _keys() -> str:
    """Return the keys of log lines, as lines of sample events have them."""
    kept: dict[str, list[str]] = {}
    for cls in builtin_events():
        for key in orjson.loads(line_of(sample(cls))):
            kept.setdefault(key, []).append(name_of(cls))
    everywhere = len(builtin_events())
    rows = (
        (f"`{key}`", "every event" if len(found) == everywhere else _short(found))
        for key, found in kept.items()
    )
    return _table(("key", "events that have it"), rows)


def _short(found: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in found)


def _events(events: Iterable[type[Event]]) -> str:
    return ", ".join(f"[`{name_of(cls)}`](events.md#{name_of(cls).replace('.', '')})" for cls in events)


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {left} | {right} |" for left, right in (head, *rows)]
    return "\n".join([lines[0], "|---|---|", *lines[1:]])
