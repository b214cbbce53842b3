"""What operations have to attend to at once, on the caller; nothing, in most processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowstone.runtime.tracing import Tracing, Untraced

Notifier = Callable[[object], None]


class Attention:
    """The caller-side state of the process.

    Attributes:
        enabled: False where ``FLOWSTONE_ENABLED=0``.
        epoch: Counts forks: what began before a fork ends in the parent.
        tracing: How the process traces.
        notifiers: Synchronous listeners by event name.
        on_overrun: Told of an event whose synchronous listeners together took too long.
        on_change: Told whether the caller must attend, after each change.
    """

    __slots__ = ("enabled", "epoch", "notifiers", "on_change", "on_overrun", "tracing")

    def __init__(self) -> None:
        self.enabled = True
        self.epoch = 0
        self.tracing: Tracing = Untraced()
        self.notifiers: dict[str, Notifier] = {}
        self.on_overrun: Callable[[str], None] | None = None
        self.on_change: Callable[[bool], None] | None = None

    def needed(self) -> bool:
        """Tell whether events must be made on the caller."""
        return bool(self.notifiers) or self.tracing.compat


attention: Final = Attention()
