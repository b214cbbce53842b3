"""A processor that the user adds to the provider after our first emission."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

SETUP = """
    import json, time, flowstone
    from opentelemetry import trace
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from flowstone.runtime.attention import attention
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    class Foreign(SpanProcessor):
        seen = []
        def on_start(self, span, parent_context=None):
            self.seen.append([span.name, trace.get_current_span(parent_context).get_span_context().span_id])
    def show(**more):
        flowstone.flush(5)
        print(json.dumps({"seen": Foreign.seen, "spans": [s.name for s in memory.get_finished_spans()], **more}))
"""


def run(code: str, home: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SETUP) + textwrap.dedent(code)],
        env={"FLOWSTONE_HOME": str(home), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "" == done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_the_next_root_notices_it(tmp_path: Path) -> None:
    """What happens inside the next root is seen at its time, in its context; nothing is lost or made twice."""
    shown = run(
        """
        with flowstone.run("early"):
            pass
        flowstone.flush(5)
        provider.add_span_processor(Foreign())
        with flowstone.run("late") as late:
            with flowstone.materialization("daily") as made:
                pass
            inside, run_id = list(Foreign.seen), late.span_id
        show(inside=inside, run_id=run_id)
        """,
        tmp_path,
    )
    # The root that notices is itself seen late, unless the drain was faster.
    assert [["materialize daily", shown["run_id"]]] == [
        one for one in shown["inside"] if one[0] != "run late"
    ]
    assert ["materialize daily", "run early", "run late"] == sorted(shown["spans"])


def test_it_is_noticed_inside_a_run_that_goes_on(tmp_path: Path) -> None:
    """No root has to begin: the drain notices it after a round, while the run goes on."""
    shown = run(
        """
        with flowstone.run("long"):
            provider.add_span_processor(Foreign())
            deadline = time.monotonic() + 10
            while not attention.tracing.compat and time.monotonic() < deadline:
                with flowstone.materialization("before"):
                    time.sleep(0.01)
            for _ in range(2):
                with flowstone.materialization("after"):
                    pass
            inside = [name for name, _ in Foreign.seen if name.endswith("after")]
        show(inside=inside)
        """,
        tmp_path,
    )
    assert ["materialize after"] * 2 == shown["inside"]
    assert ["run long"] == [name for name in shown["spans"] if name.startswith("run")]
    assert 2 == shown["spans"].count("materialize after")


def test_a_point_notices_it_at_once(tmp_path: Path) -> None:
    """A point outside of any run is already seen at its time."""
    shown = run(
        """
        flowstone.checkpoint("early").request()
        flowstone.flush(5)
        provider.add_span_processor(Foreign())
        flowstone.checkpoint("late").request()
        show(at_once=[name for name, _ in Foreign.seen])
        """,
        tmp_path,
    )
    assert ["checkpoint request late"] == shown["at_once"]
    assert ["checkpoint request early", "checkpoint request late"] == sorted(shown["spans"])
