"""Recent traces as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from flowstone.plugin import terminal
from flowstone_console.measures import duration_text, moment_text
from flowstone_console.reader import Recent
from flowstone_console.style import Span, Style

_WIDEST: Final = 36
_HEADS: Final = ("started", "state", "pipeline", "run", "correlation")


def lines(traces: Sequence[Recent], style: Style) -> Iterator[str]:
    """Yield a heading and a line for each of *traces*."""
    rows = [_cells(trace, style) for trace in traces]
    widths = [max(terminal.width(row[column]) for row in [_HEADS, *rows]) for column in range(len(_HEADS))]
    yield style.row(_padded(_HEADS, widths, ["dim"] * len(_HEADS)), "duration")
    for trace, row in zip(traces, rows, strict=True):
        colours = ["", trace.state or "", "", "", ""]
        yield style.row(_padded(row, widths, colours), duration_text(trace.duration))


def _cells(trace: Recent, style: Style) -> tuple[str, ...]:
    texts = (trace.pipeline or trace.orchestrator, trace.run_id, trace.correlation_id or trace.trace_id)
    state = f"{style.sign(trace.state)} {trace.state}" if trace.state else "-"
    return (
        moment_text(trace.start)[:19],
        state,
        *(style.plain(terminal.clip(terminal.escape(text), _WIDEST)) for text in texts),
    )


def _padded(cells: Sequence[str], widths: Sequence[int], names: Sequence[str]) -> list[Span]:
    return [
        (cell + " " * (columns - terminal.width(cell) + 2), name)
        for cell, columns, name in zip(cells, widths, names, strict=True)
    ]
