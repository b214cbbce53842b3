from __future__ import annotations

import itertools
from dataclasses import replace

from flowstone.plugin import (
    Error,
    Event,
    IoLoadStart,
    IoLoadStop,
    IoStoreException,
    IoStoreStart,
    MaterializationException,
    MaterializationStart,
    MaterializationStop,
    Process,
    RunException,
    RunStart,
    RunStop,
    this_process,
)

SECOND = 1_000_000_000
BEGIN = 1_736_906_400 * SECOND  # 2025-01-15T02:00:00Z


class Story:
    """Events of one trace, built as the drain would build them."""

    _ids = itertools.count(1)

    def __init__(
        self, trace: int = 1, *, process: Process | None = None, begin: int = BEGIN, run: str = "r-42"
    ) -> None:
        self.trace_id = f"{trace:032x}"
        self.correlation_id = f"order-{trace}"
        self.run_id = run
        self.process = process or this_process()
        self.begin = begin

    def event(self, cls: type[Event], span: int, parent: int, second: float, **fields: object) -> Event:
        made = cls(
            id=f"{self.trace_id[-8:]}{next(self._ids):024x}",
            time=self.begin + int(second * SECOND),
            correlation_id=self.correlation_id,
            trace_id=self.trace_id,
            span_id=f"{span:016x}",
            parent_id=f"{parent:016x}" if parent else "",
            run_id=self.run_id,
            pipeline="nightly",
            **fields,  # type: ignore[arg-type]
        )
        return replace(made, process=self.process) if hasattr(made, "process") else made  # type: ignore[call-arg]

    def success(self) -> list[Event]:
        """A run with one materialization and one load."""
        return [
            self.event(RunStart, 1, 0, 0.0),
            self.event(MaterializationStart, 2, 1, 0.5, asset="daily_report", partition="2025-01-15"),
            self.event(IoLoadStart, 3, 2, 0.6, asset="orders", io_manager="s3"),
            self.event(
                IoLoadStop,
                3,
                2,
                0.72,
                asset="orders",
                io_manager="s3",
                duration=SECOND // 8,
                size_bytes=1536,
                rows=10,
            ),
            self.event(MaterializationStop, 2, 1, 8.7, asset="daily_report", duration=8 * SECOND, rows=1234),
            self.event(RunStop, 1, 0, 12.4, duration=12 * SECOND),
        ]

    def failure(self) -> list[Event]:
        """A run whose store raises."""
        error = Error(type="ValueError", message="no such bucket\nsecond line")
        ends: dict[str, object] = {"status": "failure", "error": error}
        return [
            self.event(RunStart, 1, 0, 0.0),
            self.event(MaterializationStart, 2, 1, 0.5, asset="daily_report"),
            self.event(IoStoreStart, 3, 2, 0.6, asset="daily_report", io_manager="s3"),
            self.event(IoStoreException, 3, 2, 0.9, asset="daily_report", duration=SECOND // 4, **ends),
            self.event(
                MaterializationException, 2, 1, 1.0, asset="daily_report", duration=SECOND // 2, **ends
            ),
            self.event(RunException, 1, 0, 1.5, duration=SECOND, **ends),
        ]
