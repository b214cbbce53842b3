"""What was lost: in this process by its counters, in others by what they told and a plugin kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from flowstone.catalogue.event import Event
from flowstone.catalogue.house import EventDropped, PluginFailed, PluginQuarantined
from flowstone.cli.findings import Finding
from flowstone.face.timeline import events_under
from flowstone.runtime import engine, stats

AREA: Final = "losses"
OWN_EVENTS: Final = "0" * 32
"""The trace id of flowstone's own events: they belong to no trace."""

_WAIT_S: Final = 5.0
_DAY_NS: Final = 86_400_000_000_000
_HERE: Final = (
    "event.dropped.",
    "event.unrenderable",
    "export.dropped.",
    "export.failed.",
    "store.dropped",
    "plugin.failed.",
)


def losses() -> Iterator[Finding]:
    """Say what was dropped and which plugins failed, here and in the processes whose events were kept."""
    # Asked first: what goes wrong while asking is counted in this process.
    told = _told() if engine.for_reading().plugins.implementations("provide_timeline") else None
    lost = {key: n for key, n in stats.snapshot().items() if key.startswith(_HERE)}
    for key, n in sorted(lost.items()):
        how = "see the findings above; the events are named event.dropped in the store"
        yield Finding(area=AREA, state="problem", text=f"{n} x {key} in this process", advice=how)
    if told is None:
        text = "no plugin keeps events, so nothing is known of other processes"
        how = "pip install 'flowstone[console]', or watch the metric flowstone.telemetry.dropped"
        yield Finding(area=AREA, state="note", text=text, advice=how)
        return
    yield from told
    if not told:
        text = "none that another process told, as far back as its events are kept"
        yield Finding(area=AREA, state="ok", text=text)


def _told() -> list[Finding]:
    """Return what other processes told, the latest first; a problem where it was within a day."""
    kinds: dict[tuple[str, ...], list[Event]] = {}
    for event in events_under(OWN_EVENTS, _WAIT_S):
        if isinstance(event, EventDropped):
            kinds.setdefault((event.name, event.event, event.reason), []).append(event)
        elif isinstance(event, PluginFailed | PluginQuarantined):
            kinds.setdefault((event.name, event.plugin), []).append(event)
    latest_first = sorted(kinds.values(), key=lambda events: events[-1].time, reverse=True)
    return [_finding(events) for events in latest_first]


def _finding(events: Sequence[Event]) -> Finding:
    """Return the finding of the events of one kind, which are in order of time."""
    last = events[-1]
    when = datetime.fromtimestamp(last.time / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    text, how = _words(events)
    recent = time.time_ns() - last.time < _DAY_NS
    text = f"{text}, in all processes; last told {when}"
    return Finding(area=AREA, state="problem" if recent else "note", text=text, advice=how)


def _words(events: Sequence[Event]) -> tuple[str, str]:
    last = events[-1]
    if isinstance(last, PluginFailed):
        said = f" ({last.error.type}: {last.error.message})" if last.error is not None else ""
        return f"plugin {last.plugin} failed in {last.hook}{said}", "upgrade it, or tell its author"
    if isinstance(last, PluginQuarantined):
        how = f"upgrade or remove it, or name {last.plugin} in FLOWSTONE_DISABLED_PLUGINS"
        return f"plugin {last.plugin} was put in quarantine ({last.reason}), {len(events)} x", how
    dropped = [event for event in events if isinstance(event, EventDropped)]
    what, reason = dropped[-1].event, dropped[-1].reason
    how = "flowstone trace ID tells whether a trace lasted at that time"
    return f"{sum(event.count for event in dropped)} x {what} dropped ({reason})", how
