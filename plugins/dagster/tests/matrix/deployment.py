"""A Dagster deployment in a folder of its own, observed from the start to the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.otel.receivers import Sink

PROJECT: Final = Path(__file__).with_name("project.py")
SECONDS: Final = 90.0
CONFIG: Final = (
    "telemetry: {enabled: false}\nrun_retries: {enabled: true}\nrun_monitoring: {enabled: false}\n"
)

Told = list[dict[str, object]]


@dataclass(kw_only=True)
class Deployment:
    """A daemon, with the code server that it starts, and what came of them.

    Attributes:
        python: The interpreter.
        home: Dagster's home.
        receiver: Where telemetry goes.
    """

    python: Path
    home: Path
    receiver: Sink
    events: Told = field(default_factory=list)

    def run(self, done: Callable[[Told], bool]) -> None:
        """Run the daemon and a backfill until *done*, at most for the bounded time; then end all of it."""
        (self.home / "dagster.yaml").write_text(CONFIG, encoding="utf-8")
        # Two processes that make Dagster's SQLite storage at once get in each other's way.
        self._start("dagster", "instance", "info").wait(60)
        deadline = time.monotonic() + SECONDS
        daemon = self._start("dagster._daemon", "run", "-f", str(PROJECT))
        chosen = ("-j", "regional_job", "--partitions", "eu,us", "--noprompt")
        backfill = self._start("dagster", "job", "backfill", "-f", str(PROJECT), *chosen)
        try:
            while time.monotonic() < deadline and not done(self._read()):
                time.sleep(0.5)
            backfill.wait(10)
        finally:
            for process in (backfill, daemon):
                end(process)
        self.events = self._read()

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("FLOWSTONE", "OTEL", "DAGSTER"))
        }
        own = {
            "DAGSTER_HOME": str(self.home),
            "FLOWSTONE_DAGSTER": "1",
            "FLOWSTONE_HOME": str(self.home / "flowstone"),
            "SINK_FILE": str(self.home / "events.jsonl"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.receiver.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
            "OTEL_METRIC_EXPORT_INTERVAL": "2000",
        }
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # Tests in the background ignore it; children inherit that, and Dagster's then ignore SIGTERM too.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        with (self.home / f"{arguments[0]}.log").open("wb") as log:
            return subprocess.Popen(
                [self.python, "-m", *arguments],
                env={**kept, **own},
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,
            )

    def _read(self) -> Told:
        path = self.home / "events.jsonl"
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def log(self) -> str:
        """Return the end of what the daemon wrote."""
        return (self.home / "dagster._daemon.log").read_text(encoding="utf-8")[-6000:]

    def named(self, *names: str, **fields: object) -> Told:
        """Return the events of these names that have these fields."""
        return [
            event
            for event in self.events
            if event["name"] in names and all(event.get(key) == value for key, value in fields.items())
        ]

    def one(self, name: str, **fields: object) -> dict[str, object]:
        """Return the single event of a name that has these fields."""
        found = self.named(name, **fields)
        assert len(found) == 1, f"{len(found)} of {name} {fields}\n{self.log()}"
        return found[0]

    def spans(self) -> dict[str, Span]:
        """Return the spans that were exported, by span id; each but once."""
        spans = self.receiver.spans()
        twice = [key for key, times in Counter(span.span_id for span in spans).items() if times > 1]
        assert [] == twice
        return {span.span_id.hex(): span for span in spans}

    def counts(self, name: str, *labels: str) -> dict[tuple[str, ...], int]:
        """Return how often a metric was measured, in all processes together, by the values of its labels."""
        total: Counter[tuple[str, ...]] = Counter()
        for metric in self._metrics(name):
            for point in metric.histogram.data_points:
                total[_values(point.attributes, labels)] += point.count
            for number in metric.sum.data_points:
                total[_values(number.attributes, labels)] += _number(number)
        return dict(total)

    def _metrics(self, name: str) -> Iterator[Metric]:
        for request in self.receiver.requests:
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    yield from (metric for metric in scope.metrics if metric.name == name)


def _number(point: NumberDataPoint) -> int:
    return point.as_int or int(point.as_double)


def _values(attributes: object, labels: tuple[str, ...]) -> tuple[str, ...]:
    found = {pair.key: pair.value.string_value for pair in attributes}  # type: ignore[attr-defined]
    return tuple(found.get(label, "") for label in labels)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process as Ctrl-C does, and whatever it leaves behind."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
    # Its own session: the code server, and workers that outlive it.
    for _ in range(20):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.25)
    os.killpg(process.pid, signal.SIGKILL)
