"""The plugin ``console``: keeps every event in the store, and shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flowstone.plugin import Event, hookimpl
from flowstone_console import recorder

if TYPE_CHECKING:
    import click


class ConsolePlugin:
    """Leads the hooks to the recorder, the timeline and the command."""

    def __init__(self) -> None:
        self._recorder = recorder.Recorder()

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        """Gather a batch."""
        self._recorder.record(batch)

    @hookimpl
    def settle(self) -> None:
        """Write what was gathered; it is on disk when this returns."""
        self._recorder.settle()

    @hookimpl
    def flush(self, timeout: float) -> bool:
        """Write what other processes kept us from writing."""
        return self._recorder.flush(timeout)

    @hookimpl
    def shutdown(self, timeout: float) -> bool:
        """Write what is left and close the store."""
        return self._recorder.close(timeout)

    @hookimpl
    def provide_timeline(self, id: str) -> Iterable[Event] | None:
        """Return the events of an id, with the end of what was abandoned."""
        from flowstone_console.telling import events_of

        return events_of(id)

    @hookimpl
    def provide_commands(self) -> Iterable[click.Command]:
        """Return ``flowstone trace``."""
        from flowstone_console.command import trace

        return [trace]

    @hookimpl
    def check_settings(self) -> Iterable[str]:
        """Read the settings, and return what is wrong with them."""
        from flowstone_console import config

        try:
            config.load()
        except (ValueError, OSError) as error:
            return [str(error)]
        return ()
