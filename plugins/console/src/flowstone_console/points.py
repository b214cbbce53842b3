"""Events that are moments, not operations, as rows of the timeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flowstone.plugin import Error, Event
from flowstone_console.model import Point

_UNSEEN: Final = frozenset({"run.heartbeat", "event.dropped"})
"""Events that the tree says in another way: that something lives, how complete it is."""

Words = tuple[str, bool | None]


def point_of(event: Event) -> Point | None:
    """Return the row of *event*; None where it gets none."""
    if event.name in _UNSEEN:
        return None
    title, healthy = _WORDS.get(event.name, _plain)(event)
    error = _error(event)
    duration = getattr(event, "duration", None)
    return Point(
        event=event.name,
        title=title,
        time=event.time,
        duration=duration or None,
        healthy=healthy,
        error=error,
    )


def marks_of(event: Event) -> list[Point]:
    """Return what user code marked on the span that *event* ended."""
    marks = getattr(event, "span_events", ())
    return [Point(event="mark", title=mark.name, time=mark.time) for mark in marks]


def _field(event: Event, name: str) -> object:
    """Return a field; of an event whose class only a plugin knows, it is among the attributes."""
    return getattr(event, name, None) or event.attributes.get(name)


def _text(event: Event, name: str) -> str:
    return str(_field(event, name) or "")


def _error(event: Event) -> Error | None:
    found = _field(event, "error")
    if isinstance(found, Mapping):
        return Error(type=str(found.get("type", "")), message=str(found.get("message", "")))
    return found if isinstance(found, Error) else None


def _plain(event: Event) -> Words:
    return event.name, None


def _checkpoint(event: Event) -> Words:
    verdict = event.name.rpartition(".")[2]
    text = f"checkpoint {_text(event, 'checkpoint')} {'timed out' if verdict == 'timeout' else verdict}"
    if actor := _text(event, "actor"):
        text += f" by {actor}"
    if reason := _text(event, "reason"):
        text += f": {reason}"
    return text, {"approved": True, "rejected": False, "timeout": False}.get(verdict)


def _resource(event: Event) -> Words:
    status = _text(event, "status")
    healthy = {"healthy": True, "unknown": None}.get(status, False)
    return f"resource {_text(event, 'resource')} {status}", healthy


def _poll(event: Event) -> Words:
    result = _text(event, "result")
    return f"poll {_text(event, 'sensor')} {result}", False if result == "error" else None


def _trigger(event: Event) -> Words:
    return f"sensor {_text(event, 'sensor')} triggered run {event.run_id or '?'}", None


def _check(event: Event) -> Words:
    what = ":".join(part for part in (_text(event, "asset"), _text(event, "check")) if part)
    leg = event.name.rpartition(".")[2]
    if leg != "stop":
        return f"check {what} {'began' if leg == 'start' else 'raised'}", None if leg == "start" else False
    passed = bool(event.attributes.get("flowstone.asset_check.passed"))
    severity = event.attributes.get("flowstone.asset_check.severity")
    told = "passed" if passed else f"did not pass ({severity})" if severity else "did not pass"
    return f"check {what} {told}", passed


def _plugin(event: Event) -> Words:
    what = " ".join(part for part in (_text(event, "hook"), _text(event, "reason")) if part)
    return f"{event.name} {_text(event, 'plugin')}{': ' if what else ''}{what}", False


_WORDS: Final[dict[str, Callable[[Event], Words]]] = {
    "checkpoint.requested": _checkpoint,
    "checkpoint.approved": _checkpoint,
    "checkpoint.rejected": _checkpoint,
    "checkpoint.timeout": _checkpoint,
    "resource.health_check": _resource,
    "asset_check.start": _check,
    "asset_check.stop": _check,
    "asset_check.exception": _check,
    "sensor.poll": _poll,
    "sensor.trigger": _trigger,
    "plugin.failed": _plugin,
    "plugin.quarantined": _plugin,
}
