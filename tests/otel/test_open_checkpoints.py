from __future__ import annotations

import os
import subprocess
import sys

import pytest

import flowstone
from flowstone.testing import Capture


def _waiting(captured: Capture) -> float:
    from flowstone.otel.cells import OpenCells
    from flowstone.otel.recording import Metrics

    metrics = Metrics()
    metrics.record(captured.events)
    cells = metrics.cells["flowstone.checkpoint.pending"]
    assert isinstance(cells, OpenCells)
    return sum(point.value or 0 for point in cells.points(1))


def test_a_verdict_of_another_process_ends_the_waiting(flowstone_capture: Capture) -> None:
    """The process that asked counts what waits, and sees what was decided beside it."""
    with flowstone.run("r"):
        gate = flowstone.checkpoint("publish").request()
        flowstone.checkpoint("archive").request()
    assert 2 == _waiting(flowstone_capture)
    script = "import sys, flowstone; flowstone.resume_checkpoint(sys.argv[1]).approve(actor='ann')"
    subprocess.run([sys.executable, "-c", script, gate.id], env=os.environ, check=True)
    assert 1 == _waiting(flowstone_capture)


def test_what_cannot_be_looked_up_waits(flowstone_capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is gone makes no number wrong for good, and raises nothing."""
    with flowstone.run("r"):
        flowstone.checkpoint("publish").request()
    monkeypatch.setattr("flowstone.face.keys.known", lambda: [b"another"])
    assert 1 == _waiting(flowstone_capture)
