"""The way of the telemetry: what processes lose, what the collector takes, queues and refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from deploy.generate.board import SCOPE, Board, Panel, Query
from deploy.generate.metrics import selector
from deploy.generate.promql import by, grown, rate
from deploy.generate.recording import COLLECTOR_LOST, SIGNALS

_WORDS: Final = {"spans": "spans", "metric_points": "metric points", "log_records": "log records"}


def _of_collector(title: str, about: str, metric: str, key: str) -> Panel:
    """Return a panel about a counter that the collector has for each signal."""
    return Panel(
        title=title,
        about=about,
        unit="ops",
        queries=tuple(
            Query(expr=rate(f"{metric}_{signal}", key), legend=f"{_WORDS[signal]} {{{{{key}}}}}")
            for signal in SIGNALS
        ),
    )


def _lost(title: str, about: str, what: str) -> Panel:
    """Return a panel about what an exporter of the collector lost."""
    expr = COLLECTOR_LOST.format(what=what)
    return Panel(
        title=title,
        about=about,
        kind="bars",
        queries=(Query(expr=expr, legend="{{exporter}} {{signal}}"),),
    )


def _gauge(title: str, about: str, metric: str, unit: str = "short", keys: Sequence[str] = ("job",)) -> Panel:
    return Panel(
        title=title,
        about=about,
        unit=unit,
        queries=(Query(expr=by("sum", selector(metric, scope=SCOPE), *keys), legend="{{job}}"),),
    )


BOARD: Final = Board(
    uid="flowstone-telemetry",
    title="Flowstone / Telemetry",
    about="Does what happens reach those who ask? Losses of processes and of the collector, queues, and what it costs.",
    rows=(
        (
            "In the processes",
            (
                Panel(
                    title="Lost",
                    about="Events, spans and log records lost in ten minutes, by reason.",
                    kind="bars",
                    queries=(
                        Query(
                            expr=by(
                                "sum",
                                grown(selector("flowstone.telemetry.dropped", scope=SCOPE), "10m"),
                                *("job", "flowstone.reason"),
                            ),
                            legend="{{job}} {{flowstone_reason}}",
                        ),
                    ),
                ),
                Panel(
                    title="Failures of plugins",
                    about="In ten minutes, by plugin or handler.",
                    kind="bars",
                    queries=(
                        Query(
                            expr=by(
                                "sum",
                                grown(selector("flowstone.telemetry.errors", scope=SCOPE), "10m"),
                                *("job", "flowstone.reason"),
                            ),
                            legend="{{job}} {{flowstone_reason}}",
                        ),
                    ),
                ),
                Panel(
                    title="CPU",
                    about="Of processes with flowstone, their own work included.",
                    unit="percentunit",
                    queries=(
                        Query(
                            expr=rate("process.cpu.time", "job", "cpu.mode", scope=SCOPE),
                            legend="{{job}} {{cpu_mode}}",
                        ),
                    ),
                ),
                _gauge(
                    "Memory", "Resident memory of processes with flowstone.", "process.memory.usage", "bytes"
                ),
                _gauge("Threads", "Python threads of processes with flowstone.", "process.thread.count"),
            ),
        ),
        (
            "In the collector",
            (
                _of_collector("Taken", "Per second.", "otelcol_receiver_accepted", "receiver"),
                _of_collector(
                    "Turned away",
                    "Per second; senders try again. Memory is short, or a queue behind is full.",
                    *("otelcol_receiver_refused", "receiver"),
                ),
                _of_collector("Sent", "Per second, by exporter.", "otelcol_exporter_sent", "exporter"),
                _lost("Refused by a backend", "In ten minutes; lost to this backend.", "send_failed"),
                _lost(
                    "No room in the queue",
                    "In ten minutes; senders try again, unless backends are isolated: then lost to this one.",
                    "enqueue_failed",
                ),
                Panel(
                    title="Queues",
                    about="How full they are; they lie on disk and outlive a restart.",
                    unit="percentunit",
                    queries=(
                        Query(
                            expr=f"{selector('otelcol_exporter_queue_size')} / {selector('otelcol_exporter_queue_capacity')}",
                            legend="{{exporter}} {{data_type}}",
                        ),
                    ),
                ),
                Panel(
                    title="Memory of the collector",
                    about="Resident.",
                    unit="bytes",
                    queries=(Query(expr=selector("otelcol_process_memory_rss"), legend="{{instance}}"),),
                ),
                Panel(
                    title="Up for",
                    about="Since the collector's start.",
                    kind="number",
                    unit="s",
                    queries=(Query(expr=selector("otelcol_process_uptime"), legend="{{instance}}"),),
                ),
            ),
        ),
    ),
)
