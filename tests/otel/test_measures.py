from __future__ import annotations

from collections.abc import Iterable

import pytest

from flowstone.otel.pipeline import Pipeline
from flowstone.plugin import Measure, measure, stats
from flowstone.runtime import measures


@pytest.fixture(autouse=True)
def _nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test register its own."""
    monkeypatch.setattr(measures, "_registered", {})


def test_a_measure_is_a_metric_with_its_labels() -> None:
    """What a plugin lets be read stands among the metrics, read anew each time."""
    depth = {"a": 3.0, "b": 0.0}

    def read() -> Iterable[tuple[tuple[str, ...], float]]:
        return [((key,), value) for key, value in depth.items()]

    measure(
        Measure(
            name="flowstone.test.depth",
            kind="gauge",
            unit="{entry}",
            description="?",
            labels=("q",),
            read=read,
        )
    )
    pipeline = Pipeline()
    assert {"a": 3.0, "b": 0.0} == _series(pipeline, "flowstone.test.depth", "q")
    depth["a"] = 5.0
    assert {"a": 5.0, "b": 0.0} == _series(pipeline, "flowstone.test.depth", "q")


def test_a_failing_measure_takes_nothing_else_away() -> None:
    """A reading that raises is counted; the other metrics are there."""

    def fail() -> Iterable[tuple[tuple[str, ...], float]]:
        raise RuntimeError("no database")

    measure(Measure(name="flowstone.test.failing", kind="gauge", unit="1", description="?", read=fail))
    before = stats().get("measure.failed.flowstone.test.failing", 0)
    assert "process.cpu.time" in {metric.name for metric in Pipeline().read()}
    assert before + 1 == stats()["measure.failed.flowstone.test.failing"]


def _series(pipeline: Pipeline, name: str, label: str) -> dict[object, float]:
    return {
        dict(point.attributes)[label]: point.value
        for metric in pipeline.read()
        if metric.name == name
        for point in metric.points
    }
