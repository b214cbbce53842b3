"""The timeline as text: a header and a tree for each trace, and how complete all that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from flowstone.plugin import Error, Event, terminal
from flowstone_console.measures import clock_text, duration_text, moment_text, rows_text, size_text
from flowstone_console.model import Completeness, Node, Point, Timeline, Trace
from flowstone_console.style import Guides, Span, Style

_MESSAGE_LINES: Final = 5
_NAMES: Final = ("asset", "checkpoint", "resource", "sensor", "plugin", "event", "pipeline")


def lines(timeline: Timeline, style: Style, *, events: bool = False) -> Iterator[str]:
    """Yield the lines of *timeline*, each at most ``style.columns`` wide."""
    for trace in timeline.traces:
        yield from _header(trace, style)
        yield ""
        yield from _rows([*trace.nodes, *trace.points], style, trace.start, "", ("", "", "", ""))
        if events:
            yield ""
            yield from (_event_row(event, style, trace.start) for event in trace.events)
        yield ""
    yield style.row(_completeness(timeline.completeness, style))


def _header(trace: Trace, style: Style) -> Iterator[str]:
    state = trace.state
    ids = trace.pipelines or trace.orchestrators or ("trace",)
    head: list[Span] = [(terminal.escape(", ".join(ids)), "")]
    if state is not None:
        head += [("  ", ""), (f"{style.sign(state)} {state}", state)]
    yield style.row(head, duration_text(trace.duration) + (" so far" if state == "running" else ""))
    facts = (
        ("run", ", ".join(trace.run_ids)),
        ("correlation", ", ".join(trace.correlation_ids)),
        ("trace", trace.trace_id),
        ("started", moment_text(trace.start)),
    )
    for name, value in facts:
        if value:
            yield style.row([(f"  {name:<12}", "dim"), (terminal.escape(value), "")])


def _rows(
    items: Sequence[Node | Point], style: Style, zero: int, under: str, guides: Guides
) -> Iterator[str]:
    """Yield operations and points, mixed by time, with the guides that *under* begins."""
    child, last, below, gap = guides
    for position, item in enumerate(sorted(items, key=_moment), 1):
        ends = position == len(items)
        guide, beneath = under + (last if ends else child), under + (gap if ends else below)
        if isinstance(item, Point):
            yield _point_row(item, style, guide, zero)
            yield from _error_rows(item.error, style, beneath + "  ")
            if item.token:  # in full, however wide: half of it decides nothing
                yield style.paint(f"{beneath}  token ", "dim") + terminal.escape(item.token)
            continue
        yield _node_row(item, style, guide)
        inner = style.guides[2] if item.children or item.points else style.guides[3]
        yield from _error_rows(_own_error(item), style, beneath + inner)
        yield from _rows([*item.children, *item.points], style, zero, beneath, style.guides)


def _own_error(node: Node) -> Error | None:
    """Return the error of *node*, unless it only passed through from an operation below."""
    if node.state == "abandoned" or node.error is None:
        return None
    what = node.error.type, node.error.message
    below = (child.error for child in node.children)
    return None if any(error and (error.type, error.message) == what for error in below) else node.error


def _moment(item: Node | Point) -> int:
    return item.start if isinstance(item, Node) else item.time


def _node_row(node: Node, style: Style, guide: str) -> str:
    left: list[Span] = [
        (guide, "dim"),
        (style.sign(node.state) + " ", node.state),
        (terminal.escape(node.title), ""),
    ]
    if node.partition:
        left.append((f" [{terminal.escape(node.partition)}]", ""))
    if node.detail:
        left.append((f" ({terminal.escape(node.detail)})", "dim"))
    if node.state != "success":
        told = f"  {node.state}"
        if node.state == "abandoned" and node.last_seen:
            told += f", last seen {clock_text(node.last_seen)}"
        left.append((told, node.state))
    if node.mark:
        left.append((f"  ({node.mark})", "mark"))
    amounts = []
    if node.size_bytes is not None:
        amounts.append(size_text(node.size_bytes))
    if node.rows is not None:
        amounts.append(rows_text(node.rows))
    return style.row(left, f"{style.between.join(amounts)}  {duration_text(node.duration):>9}".lstrip())


def _point_row(point: Point, style: Style, guide: str, zero: int) -> str:
    judged = "" if point.healthy is None else "success" if point.healthy else "failure"
    left: list[Span] = [
        (guide, "dim"),
        (style.dot + " ", judged or "dim"),
        (terminal.escape(point.title), judged),
    ]
    if point.duration:
        left.append((f" after {duration_text(point.duration)}", "dim"))
    return style.row(left, f"+{duration_text(max(0, point.time - zero))}")


def _error_rows(error: Error | None, style: Style, under: str) -> Iterator[str]:
    if error is None:
        return
    message = error.message.splitlines() or [""]
    text = [f"{error.type}: {message[0]}" if message[0] else error.type, *message[1:_MESSAGE_LINES]]
    if len(message) > _MESSAGE_LINES:
        text.append(f"({len(message) - _MESSAGE_LINES} more lines)")
    for line in text:
        yield style.row([(under, "dim"), (terminal.escape(line), "failure")])


def _event_row(event: Event, style: Style, zero: int) -> str:
    what = next((str(value) for name in _NAMES if (value := getattr(event, name, None))), "")
    told = f"{event.name:<26} {event.span_id:<16} {what}"
    left = [(f"  {clock_text(event.time)}  ", "dim"), (terminal.escape(told), "")]
    return style.row(left, f"+{duration_text(max(0, event.time - zero))}")


_ALWAYS: Final = frozenset({"dropped", "abandoned"})  # told even when there is nothing to tell


def _completeness(found: Completeness, style: Style) -> list[Span]:
    parts: list[Span] = [(f"{found.spans} span{'' if found.spans == 1 else 's'}", "")]
    told = (
        (found.dropped, "dropped", "failure"),
        (found.unexported, "not exported", "failure"),
        (found.abandoned, "abandoned", "abandoned"),
        (found.running, "running", "running"),
        (found.orphans, "without parent", "mark"),
        (found.duplicates, "duplicates folded", "dim"),
    )
    for number, name, colour in told:
        if not number and name not in _ALWAYS:
            continue
        parts += [(style.between, "dim"), (f"{number} {name}", colour if number else "dim")]
    return parts
