"""What `import flowstone` and the first emission of a process cost, in fresh interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from benchmarks.rounds import interleave, rounds_of
from benchmarks.rows import Report, ratio, value

_NOBODY = "http://127.0.0.1:9"
_FACE = "import flowstone; flowstone.run, flowstone.materialization"
_FIRST = """
    with flowstone.run("nightly"):
        with flowstone.materialization("daily_report"): pass
"""
_BEGUN = "from time import perf_counter_ns as clock; import {first}; began = clock()\n"
# Leaves at once: what a process with a dead collector does at its exit is not what is measured.
_TOLD = "\nimport os; os.write(1, str((clock() - began) / 1000).encode()); os._exit(0)"


def run(quick: bool) -> Report:
    """Measure imports and first emissions."""
    otlp = {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": _NOBODY,
    }
    subjects = {
        "flowstone": lambda: _time("import flowstone"),
        "face": lambda: _time(_FACE),
        "pluggy, otel": lambda: _time("import pluggy, opentelemetry.trace"),
        "first": lambda: _time(f"if True:{_FIRST}", first="flowstone"),
        "first, OTLP": lambda: _time(f"if True:{_FIRST}", first="flowstone", env=otlp),
    }
    found = interleave(subjects, rounds_of(quick), warm_up=1)
    ms = {name: [took / 1000 for took in each] for name, each in found.items()}
    report = Report(
        rows=(
            ratio(
                "import flowstone / import pluggy + otel.trace",
                found["flowstone"],
                found["pluggy, otel"],
                must=1.3,
                aim=0.5,
            ),
            ratio("the same, with run and materialization loaded", found["face"], found["pluggy, otel"]),
            value("first run and materialization of a process", "ms", ms["first"]),
            value("the same, with OTLP configured", "ms", ms["first, OTLP"]),
        ),
        notes=(
            (
                "Wall time around the import in the child itself. The package loads its face when it is "
                "first used, so the second row is what a program pays that uses it; the third and fourth "
                "are the caller's time for the first run, plugins loaded and the run's local drain (at "
                "most 500 ms) included."
            ),
        ),
    )
    return report.because(_dearest)


def _dearest() -> list[str]:
    """Return the modules that take longest to import by themselves."""
    command = [sys.executable, "-X", "importtime", "-c", "import flowstone"]
    told = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60
    ).stderr.splitlines()[1:]
    lines = sorted(told, key=lambda line: -int(line.removeprefix("import time:").partition("|")[0]))
    return [
        "Imports, us by themselves | with what they import:",
        *(line.removeprefix("import time:") for line in lines[:14]),
    ]


def _time(code: str, *, first: str = "sys", env: Mapping[str, str] | None = None) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _BEGUN.format(first=first) + code + _TOLD],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return float(done.stdout)
