"""Points: what happens at a moment and has no end, as left behind by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from flowstone.catalogue.event import CustomEvent, Event
from flowstone.catalogue.registry import name_of
from flowstone.runtime import coerce, identity
from flowstone.runtime.fields import UNFIT, cleaners
from flowstone.runtime.process import this_process
from flowstone.runtime.scope import Scope
from flowstone.runtime.stats import count


class Point:
    """A record of one event, made whole by the drain."""

    __slots__ = ("cls", "fields", "name", "parent_id", "rendered", "scope", "span_id", "time")

    def __init__(
        self,
        cls: type[Event],
        scope: Scope,
        *,
        time: int,
        span_id: int,
        parent_id: int = 0,
        fields: Mapping[str, object],
        name: str = "",
    ) -> None:
        self.cls = cls
        self.scope = scope
        self.time = time
        self.span_id = span_id
        self.parent_id = parent_id
        self.fields = fields
        self.name = name or name_of(cls)
        self.rendered: Event | None = None

    def dropped(self) -> str:
        """Return the name of the event that is lost when this record is."""
        return self.name

    def event(self) -> Event:
        """Return the event (made once): clean values, unknown fields moved to its attributes."""
        if self.rendered is None:
            self.rendered = self._make()
        return self.rendered

    def render(self, out: list[Event]) -> None:
        """Append the event to *out*."""
        out.append(self.event())

    def _make(self) -> Event:
        scope = self.scope
        span_id = f"{self.span_id:016x}"
        values, attributes = self._sorted()
        values = {
            "name": self.name,
            "id": identity.event_id(self.time, span_id, self.name),
            "time": self.time,
            "correlation_id": scope.correlation_id,
            "trace_id": scope.trace_hex,
            "span_id": span_id,
            "parent_id": f"{self.parent_id:016x}" if self.parent_id else "",
            "run_id": scope.run_id,
            "pipeline": scope.pipeline,
            "orchestrator": scope.orchestrator,
            "sampled": scope.sampled,
            "attributes": coerce.attributes(attributes),
            **values,
        }
        for field in fields(self.cls):
            key = field.name
            if key == "process" and key not in values:
                values[key] = this_process()
            elif key not in values and field.default is MISSING:
                values[key] = ""  # a required field that the caller left out
                count("value.coerced")
        return self.cls(**values)

    def _sorted(self) -> tuple[dict[str, Any], dict[str, object]]:
        """Return the clean values of the event's own fields, and all else as its attributes."""
        known = cleaners(self.cls) if self.cls is not CustomEvent else {}
        values: dict[str, Any] = {}
        attributes: dict[str, object] = {}
        for key, given in self.fields.items():
            if key in known:
                made = known[key](given)
                if made is UNFIT:
                    count("value.coerced")
                else:
                    values[key] = made
            elif key != "attributes":
                attributes[key] = given
            elif isinstance(given, Mapping):
                attributes.update(given)
            elif given is not None:
                count("value.coerced")
        return values, attributes
