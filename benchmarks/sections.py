"""The sections of the run, each measured in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rows import Report, Row

TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of the run.

    Attributes:
        name: What it is called on the command line.
        title: What it measures.
        module: Where it is.
        function: What measures it.
        env: Settings of its process.
        timeout: Seconds after which it is given up.
    """

    name: str
    title: str
    module: str
    function: str = "run"
    env: dict[str, str] = field(default_factory=dict)
    timeout: float = TIMEOUT_S


# The endpoint is never spoken to: the transport is replaced in those processes.
_EXPORTING = {
    "OTEL_SERVICE_NAME": "bench",
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
}
# Log events over OTLP are a second way out for the same lines; the pipeline wired by hand has none.
_CORE_ONLY = {
    **_EXPORTING,
    "FLOWSTONE_DISABLED_PLUGINS": "console,audit,pubsub,health,dagster",
    "OTEL_LOGS_EXPORTER": "none",
}
# There is no database at this place, so what is measured is the spool; the way into SQL has a row of its own.
_SPOOLING = {
    **_CORE_ONLY,
    "FLOWSTONE_DISABLED_PLUGINS": "console,pubsub,health,dagster",
    "FLOWSTONE_AUDIT_URL": "sqlite:////dev/null/audit.db",
}

_WITH_MESSAGES = {
    **_SPOOLING,
    "FLOWSTONE_DISABLED_PLUGINS": "console,health,dagster",
    "FLOWSTONE_PUBSUB_URL": "memory://",
}

SECTIONS = (
    Section(
        name="emission",
        title="one materialization, inside a run",
        module="benchmarks.emission",
        env=_WITH_MESSAGES,
    ),
    Section(
        name="by-hand",
        title="the same, against the same wired by hand",
        module="benchmarks.by_hand",
        env=_CORE_ONLY,
    ),
    Section(
        name="store",
        title="the same, with the embedded store and log events over OTLP",
        module="benchmarks.store",
        env={**_EXPORTING, "FLOWSTONE_DISABLED_PLUGINS": "audit,pubsub,health,dagster"},
    ),
    Section(
        name="compat",
        title="one materialization, beside a span processor of the user's own",
        module="benchmarks.compat",
        env=_CORE_ONLY,
    ),
    Section(
        name="in-situ",
        title="a 1 ms CPU-bound unit of work",
        module="benchmarks.in_situ",
        env=_SPOOLING,
    ),
    Section(name="hold", title="the drain and the interpreter", module="benchmarks.hold", env=_CORE_ONLY),
    Section(
        name="audit",
        title="the audit log, and the raw driver on a naive schema",
        module="benchmarks.audit",
        env={
            "FLOWSTONE_DISABLED_PLUGINS": "console,pubsub,health,dagster",
            "FLOWSTONE_AUDIT_POLICY": "*=off",  # only what a row asks for
        },
        timeout=1200,
    ),
    Section(name="starts", title="how soon a start is out", module="benchmarks.starts"),
    Section(name="dispatch", title="calling 5 implementations of a hook", module="benchmarks.dispatch"),
    Section(name="imports", title="import and first emission", module="benchmarks.imports"),
    Section(name="encoding", title="OTLP bytes of a span", module="benchmarks.encoding"),
    Section(name="pubsub", title="live events", module="benchmarks.pubsub", timeout=300),
    Section(name="logfire", title="peer: logfire", module="benchmarks.peers", function="logfire"),
    Section(
        name="ddtrace",
        title="peer: ddtrace",
        module="benchmarks.peers",
        function="ddtrace",
        env={"DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false", "DD_REMOTE_CONFIGURATION_ENABLED": "false"},
    ),
)


def measure(section: Section, quick: bool) -> Report:
    """Measure *section* in a fresh process, with a home of its own and no network.

    Raises:
        subprocess.CalledProcessError: It failed; its own words are on standard error.
    """
    with tempfile.TemporaryDirectory(prefix="flowstone-bench-") as home:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.section", section.name, *(["--quick"] if quick else [])],
            env=_environment(section, home),
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=section.timeout,
        )
    return _report(json.loads(done.stdout.splitlines()[-1]))


def _environment(section: Section, home: str) -> dict[str, str]:
    own = ("FLOWSTONE_", "OTEL_", "TRACEPARENT", "TRACESTATE", "BAGGAGE", "DD_")
    kept = {key: text for key, text in os.environ.items() if not key.startswith(own)}
    return {**kept, "FLOWSTONE_HOME": home, **section.env}


def _report(told: dict[str, Any]) -> Report:
    rows = tuple(Row(**{key: kept for key, kept in row.items() if key != "verdict"}) for row in told["rows"])
    return Report(rows=rows, notes=tuple(told["notes"]), why=tuple(told["why"]))
