"""The recorder as the plugin asks for it, and what is told where there can be none."""

from __future__ import annotations

from collections.abc import Sequence

from flowstone.plugin import Event, Refused, count
from flowstone_audit import config, recorder
from flowstone_audit.policy import Failures, Policy


class Switch:
    """Leads to the recorder; while settings or home cannot be used, loses aloud what should have been kept."""

    def __init__(self) -> None:
        self._told = ""
        self._why = ""
        self._refused: list[str] = []

    def gather(self, batch: Sequence[Event]) -> None:
        """Take what is audited of *batch*.

        Raises:
            ValueError: A setting is malformed; told once, and counted after that.
            OSError: The home folder cannot be made; likewise.
        """
        try:
            keeper = recorder.current()
        except (ValueError, OSError) as error:
            self._lose(batch)
            self._tell(error)
            return
        if keeper.config.url is not None:
            keeper.gather(batch)

    def settle(self) -> None:
        """Append what was gathered to the spool.

        Raises:
            Refused: It could not be, and the policy is to tell who waits for it.
            ValueError: As by `gather`.
            OSError: Likewise.
        """
        refused, self._refused = self._refused, []
        try:
            keeper = recorder.current()
        except (ValueError, OSError) as error:
            self._why = str(error)
            if not refused:
                self._tell(error)
        else:
            if keeper.config.url is not None:
                keeper.settle()
        if refused:
            count("audit.refused", len(refused))
            raise Refused(f"the audit log cannot be used: {self._why}", refused)

    def must_keep(self, name: str) -> bool:
        """Tell whether whoever waits for an event called *name* to be durable is told where it is not."""
        try:
            return recorder.current().must_keep(name)
        except (ValueError, OSError):
            return _must_keep(config.meant(), name)

    def _lose(self, batch: Sequence[Event]) -> None:
        meant = config.meant()
        lost = [event for event in batch if meant is not None and meant[0][event.name] != "off"]
        if lost:
            count("audit.dropped", len(lost))
            self._refused += [event.id for event in lost if _must_keep(meant, event.name)]

    def _tell(self, error: Exception) -> None:
        """Raise *error* where it is another than the last, for the log of the process."""
        count("audit.unusable")
        self._why = str(error)
        if self._told != self._why:
            self._told = self._why
            raise error


def _must_keep(meant: tuple[Policy, Failures] | None, name: str) -> bool:
    if meant is None or meant[0][name] != "durable":
        return False
    return meant[1].of(name, waiting=True) == "raise"
