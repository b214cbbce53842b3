from __future__ import annotations

import os
import re
import subprocess
import textwrap
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.laws.tree import ROOT
from tests.otel.receivers import Sink

PINS = ROOT / "tests" / "otel" / "oldest.txt"
TOOLS = ("grimp", "hypothesis", "packaging", "pytest", "pytest-timeout", "pyyaml")
TIMEOUT_S = 300
SUITE_S = 900
WORK = """
    import flowstone
    with flowstone.run("nightly", correlation_id="c1"):
        with flowstone.materialization("daily", partition="2025-01-15", attributes={"team": "x"}) as made:
            made.rows = 3
        try:
            with flowstone.io_load("orders"):
                raise ValueError("no")
        except ValueError:
            pass
    from flowstone.runtime import stats
    print(flowstone.flush(20) or stats.snapshot())
"""
FOREIGN = """
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    class Foreign(SpanProcessor):
        def force_flush(self, timeout_millis=30000):
            return True
    provider = TracerProvider()
    provider.add_span_processor(Foreign())
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
"""


def oldest() -> str:
    """Return the oldest minor of OpenTelemetry that the core asks for."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    floors = {re.fullmatch(r"opentelemetry-[\w-]+>=([\d.]+)", one) for one in asked if "opentelemetry" in one}
    assert None not in floors
    (found,) = {floor[1] for floor in floors if floor}
    return found


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment with the core and the oldest OpenTelemetry that it supports."""
    folder = tmp_path_factory.mktemp("oldest")
    venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    made = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [str(made), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", str(PINS)]
    more = ("opentelemetry-exporter-prometheus", "opentelemetry-instrumentation", *TOOLS)
    install = [
        *pip,
        "opentelemetry-api",
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp",
        *more,
        str(ROOT),
    ]
    done = subprocess.run(install, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.mark.matrix
@pytest.mark.parametrize("before", ["", FOREIGN], ids=["fast", "compat"])
def test_all_signals_arrive(python: Path, sink: Sink, tmp_path: Path, before: str) -> None:
    """With the oldest OpenTelemetry spans, metrics and logs arrive, beside a foreign processor too."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("OTEL_", "FLOWSTONE_", "PYTHON"))
    }
    done = subprocess.run(
        [str(python), "-c", textwrap.dedent(before) + textwrap.dedent(WORK)],
        cwd=tmp_path,
        env={**kept, "FLOWSTONE_HOME": str(tmp_path), "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ("True\n", "") == (done.stdout, done.stderr)
    assert ["load orders", "materialize daily", "run nightly"] == sorted(span.name for span in sink.spans())
    (made,) = (span for span in sink.spans() if span.name == "materialize daily")
    attributes = {pair.key: pair.value for pair in made.attributes}
    assert ("x", "success", 3) == (
        attributes["team"].string_value,
        attributes["flowstone.outcome"].string_value,
        attributes["flowstone.materialization.rows"].int_value,
    )
    assert {1} == {value for _, value in sink.points("flowstone.materialization.duration")}
    assert 5 == len(sink.records())


def test_the_pins_are_of_the_oldest_minor() -> None:
    """What the tests of the oldest minor install is what the core asks for, and no newer."""
    pinned = dict(line.split("==") for line in PINS.read_text(encoding="utf-8").splitlines() if "==" in line)
    for name in ("api", "sdk", "exporter-otlp"):
        assert oldest() == pinned[f"opentelemetry-{name}"].rpartition(".")[0]


@pytest.mark.matrix
def test_the_tests_of_exports_pass(python: Path) -> None:
    """All that is tested of spans, metrics and logs holds there too; what an SDK so old lacks is skipped by name."""
    command = [
        str(python),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/otel",
        "tests/runtime/export",
    ]
    kept = {
        name: text for name, text in os.environ.items() if not name.startswith(("OTEL_", "FLOWSTONE_", "PYT"))
    }
    done = subprocess.run(
        command, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=SUITE_S, check=False
    )
    assert 0 == done.returncode, done.stdout
    told = re.search(r"(\d+) passed", done.stdout)
    assert told is not None
    assert 200 <= int(told[1]), done.stdout
