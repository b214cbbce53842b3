"""The way log records take out of the process: exporters of our own, or a logger provider of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from time import monotonic

from flowstone.runtime import stats
from flowstone.runtime.export.bounded import within
from flowstone.runtime.export.config import Config
from flowstone.runtime.export.data import LogData, Scope
from flowstone.runtime.export.log_records import Provider, UsersLogger, sdk_logger_provider
from flowstone.runtime.export.log_sinks import log_sink
from flowstone.runtime.export.sender import Sender


class LogRoute:
    """Notices when the user has set a logger provider meanwhile. A forked child makes its own."""

    def __init__(self, config: Config, scope: Scope) -> None:
        self._config, self._scope = config, scope
        self._provider: Provider | None = None
        self._users: UsersLogger | None = None
        own = config.records
        self._senders: list[Sender[LogData | bytes]] = [
            Sender(
                partial(log_sink, name, config, scope),
                what="logs",
                delay=own.delay,
                batch=own.batch,
                limit=own.queue,
            )
            for name in (() if config.disabled else config.logs)
        ]

    def wanted(self) -> bool:
        """Tell whether anybody takes records."""
        if self._config.disabled:
            return False
        provider = sdk_logger_provider()
        if provider is not self._provider:
            self._provider = provider
            self._users = None if provider is None else UsersLogger(provider, self._scope)
        return self._users is not None or bool(self._senders)

    @property
    def takes_bytes(self) -> bool:
        """Whether all exporters are built, and take bytes; records then come in order, encoded or not."""
        return self._users is None and all(getattr(one.sink, "encoded", False) for one in self._senders)

    def export(self, records: Sequence[LogData | bytes]) -> None:
        """Take over *records*; never waits. Encoded ones only where it takes bytes."""
        if self._users is not None:
            for record in records:
                if isinstance(record, bytes):
                    continue
                try:  # fault wall: a processor of the user's may raise
                    self._users.emit(record)
                except Exception:
                    stats.count("export.failed.logs")
            return
        limit = self._config.record_limits.record
        kept = [record if isinstance(record, bytes) else limit(record) for record in records]
        for sender in self._senders:
            sender.put(kept)

    def hurry(self) -> None:
        """Begin to send what is queued."""
        for sender in self._senders:
            sender.hurry()

    def flush(self, timeout: float) -> bool:
        """Deliver what was taken over within *timeout* seconds; True if receivers took all of it."""
        deadline = monotonic() + timeout
        complete = [sender.flush(max(0.0, deadline - monotonic())) for sender in self._senders]
        provider = self._provider
        if provider is not None:
            left = max(0.0, deadline - monotonic())
            complete.append(within(left, lambda: provider.force_flush(int(left * 1000))))
        return all(complete)

    def close(self, timeout: float) -> bool:
        """Flush, and end what is ours; a provider of the user's is the user's to end."""
        deadline = monotonic() + timeout
        complete = [sender.close(max(0.0, deadline - monotonic())) for sender in self._senders]
        if self._provider is not None:
            complete.append(self.flush(max(0.0, deadline - monotonic())))
        return all(complete)
