"""Runs of a pipeline, down to the traces of one correlation id."""

from __future__ import annotations

from typing import Final

from deploy.generate.board import COUNTED, PIPELINE, SCOPE, Board, Panel, Query, Variable
from deploy.generate.metrics import selector
from deploy.generate.promql import by, counted, quantile

_NAME: Final = "flowstone.pipeline.name"
_SPAN: Final = "span.name"

BOARD: Final = Board(
    uid="flowstone-run",
    title="Flowstone / Run",
    about="Runs of a pipeline, the spans they are made of, and the traces of one correlation id.",
    variables=(
        Variable(name="pipeline", label=_NAME, series=selector("flowstone.run.duration", "count", SCOPE)),
    ),
    correlation=True,
    rows=(
        (
            "Runs",
            (
                Panel(
                    title="Runs by outcome",
                    about=COUNTED,
                    kind="bars",
                    queries=(
                        Query(
                            expr=counted(
                                "flowstone.run.duration", "flowstone.outcome", part="count", scope=PIPELINE
                            ),
                            legend="{{flowstone_outcome}}",
                        ),
                    ),
                ),
                Panel(
                    title="How long they take",
                    about="Median, 95th and 99th percentile. Dots lead to traces.",
                    unit="s",
                    queries=tuple(
                        Query(
                            expr=quantile(q, "flowstone.run.duration", _NAME, scope=PIPELINE),
                            legend=f"{{{{flowstone_pipeline_name}}}} p{q * 100:g}",
                            exemplars=q == 0.95,
                        )
                        for q in (0.5, 0.95, 0.99)
                    ),
                ),
                Panel(
                    title="Errors",
                    about=f"Failed runs, by error. {COUNTED}",
                    kind="bars",
                    queries=(
                        Query(
                            expr=counted(
                                "flowstone.run.duration",
                                "error.type",
                                part="count",
                                scope=PIPELINE,
                                error__type="!",
                            ),
                            legend="{{error_type}}",
                        ),
                    ),
                ),
                Panel(
                    title="By orchestrator",
                    about=COUNTED,
                    kind="bars",
                    queries=(
                        Query(
                            expr=counted(
                                "flowstone.run.duration",
                                "flowstone.orchestrator.name",
                                part="count",
                                scope=PIPELINE,
                            ),
                            legend="{{flowstone_orchestrator_name}}",
                        ),
                    ),
                ),
                Panel(
                    title="Materializations under way",
                    about="Of the chosen pipelines.",
                    queries=(
                        Query(
                            expr=by(
                                "sum", selector("flowstone.materialization.active", scope=PIPELINE), _NAME
                            ),
                            legend="{{flowstone_pipeline_name}}",
                        ),
                    ),
                ),
                Panel(
                    title="Triggered by sensors",
                    about=f"Runs, by sensor. {COUNTED}",
                    kind="bars",
                    queries=(
                        Query(
                            expr=counted("flowstone.sensor.triggers", "flowstone.sensor.name", scope=SCOPE),
                            legend="{{flowstone_sensor_name}}",
                        ),
                    ),
                ),
            ),
        ),
        (
            "Spans (through the collector)",
            (
                Panel(
                    title="Spans",
                    about=f"By name. {COUNTED}",
                    kind="bars",
                    width=12,
                    queries=(
                        Query(
                            expr=counted("flowstone.span.calls", _SPAN, scope=PIPELINE),
                            legend="{{span_name}}",
                        ),
                    ),
                ),
                Panel(
                    title="How long they last",
                    about="95th percentile, by name. Dots lead to traces.",
                    unit="s",
                    width=12,
                    queries=(
                        Query(
                            expr=quantile(0.95, "flowstone.span.duration", _SPAN, scope=PIPELINE),
                            legend="{{span_name}}",
                            exemplars=True,
                        ),
                    ),
                ),
            ),
        ),
        (
            "Checkpoints",
            (
                Panel(
                    title="Waiting",
                    about="Checkpoints that wait for their verdict.",
                    width=12,
                    queries=(
                        Query(
                            expr=by(
                                "sum",
                                selector("flowstone.checkpoint.pending", scope=PIPELINE),
                                "flowstone.checkpoint.name",
                            ),
                            legend="{{flowstone_checkpoint_name}}",
                        ),
                    ),
                ),
                Panel(
                    title="How long verdicts took",
                    about="Median, by checkpoint and decision.",
                    unit="s",
                    width=12,
                    queries=(
                        Query(
                            expr=quantile(
                                0.5,
                                "flowstone.checkpoint.wait.duration",
                                *("flowstone.checkpoint.name", "flowstone.checkpoint.decision"),
                                scope=SCOPE,
                            ),
                            legend="{{flowstone_checkpoint_name}} {{flowstone_checkpoint_decision}}",
                        ),
                    ),
                ),
            ),
        ),
        (
            "One correlation id",
            (
                Panel(
                    title="Traces of $correlation_id",
                    about="What Jaeger knows of it. On the machine it ran on, `flowstone trace $correlation_id` tells more.",
                    kind="traces",
                    width=24,
                    queries=(Query(expr="$correlation_id"),),
                ),
            ),
        ),
    ),
)
