"""The event catalogue: what flowstone can tell, as typed, immutable classes."""

from flowstone.catalogue.event import CustomEvent, Event, Process
from flowstone.catalogue.registry import Catalogue, builtin_events

__all__ = ["Catalogue", "CustomEvent", "Event", "Process", "builtin_events"]
