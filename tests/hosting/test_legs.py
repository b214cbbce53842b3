"""Legs, derived ids and driving, as hosts use them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Generator
from pathlib import Path
from typing import Any

from opentelemetry import trace

from flowstone import hosting
from flowstone.plugin import Error
from flowstone.testing import Capture


def test_two_processes_make_the_same_identity(flowstone_capture: Capture) -> None:
    """Scopes and span ids of a host's run depend on its own keys only."""
    one, two = (hosting.scope("dagster", "run-1", deployment="prod", pipeline="p") for _ in range(2))
    assert one.trace_id == two.trace_id
    assert one.correlation_id == two.correlation_id
    assert one.trace_id != hosting.scope("dagster", "run-1", deployment="dev").trace_id
    assert hosting.derive_span_id("run-1", "step", 1) == hosting.derive_span_id("run-1", "step", 1)


def test_a_traceparent_is_taken_over(flowstone_capture: Capture) -> None:
    """What launched the run gives trace and parent; a malformed one gives neither."""
    scope = hosting.scope(
        "dagster", "r", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    )
    assert ("0af7651916cd43dd8448eb211c80319c", 0xB7AD6B7169203331, True) == (
        scope.trace_hex,
        scope.parent_id,
        scope.remote,
    )
    assert (
        hosting.scope("dagster", "r").trace_id
        == hosting.scope("dagster", "r", traceparent="rubbish").trace_id
    )


def test_legs_have_the_hosts_times_and_end_once(flowstone_capture: Capture) -> None:
    """Begin and finish tell the host's clock; the first end counts."""
    scope = hosting.scope("dagster", "r1")
    op = hosting.Materialization("a", scope=scope, span_id=7, parent_id=3, start_time=1_000)
    op.begin()
    op.finish(Error(type="X", message="no"), time=5_000)
    op.finish()
    told: Any = flowstone_capture.one("materialization.exception")
    assert (5_000, 4_000, "0000000000000007", "0000000000000003") == (
        told.time,
        told.duration,
        told.span_id,
        told.parent_id,
    )
    assert ["materialization.start", "materialization.exception"] == flowstone_capture.names()
    assert not trace.get_current_span().is_recording()


def test_an_end_without_a_start_is_only_an_end(flowstone_capture: Capture) -> None:
    """The leg that another process began is told by its end alone."""
    op = hosting.Run("p", scope=hosting.scope("dagster", "r1"), span_id=9, start_time=1_000)
    op.finish(status="cancellation", time=2_000)
    told: Any = flowstone_capture.one("run.exception")
    assert ("cancellation", "cancellation", 1_000) == (told.status, told.kind, told.duration)
    assert ["run.exception"] == flowstone_capture.names()


def test_driving_makes_the_operation_current_during_steps(flowstone_capture: Capture) -> None:
    """A host's generator runs inside the operation, and nothing leaks between its steps."""
    op = hosting.Materialization("a", scope=hosting.scope("dagster", "r1"), span_id=7).begin()

    def steps() -> Generator[str, None, None]:
        for _ in range(2):
            assert trace.get_current_span() is op
            yield "event"

    for _ in hosting.drive(op, steps()):
        assert trace.get_current_span() is not op
    op.finish()


def test_patches_are_applied_after_import_even_if_somebody_looked_before(tmp_path: Path) -> None:
    """A mere look-up of the spec loses no patch; a patch that raises breaks no import."""
    (tmp_path / "late_module.py").write_text("VALUE = 1\n")
    script = """
        import importlib.util
        from flowstone import hosting
        hosting.after_import("late_module", lambda module: setattr(module, "VALUE", 2))
        hosting.after_import("late_module", lambda module: 1 / 0)
        importlib.util.find_spec("late_module")
        import late_module
        assert late_module.VALUE == 2
        hosting.after_import("late_module", lambda module: setattr(module, "VALUE", 3))
        assert late_module.VALUE == 3
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
