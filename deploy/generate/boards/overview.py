"""The overview: is all well, what runs, what fails."""

from __future__ import annotations

from typing import Final

from deploy.generate.board import COUNTED, ENVIRONMENT, SCOPE, Board, Panel, Query
from deploy.generate.metrics import SERVICE, selector
from deploy.generate.promql import by, counted, grown, quantile
from deploy.generate.recording import AGE, FAILED, FAILED_SHARE, LONGEST_GAP, RUN_QUANTILE

_RUNS: Final = selector("flowstone.run.duration", "count", SCOPE)
_FAILED: Final = selector("flowstone.run.duration", "count", SCOPE, flowstone__outcome=FAILED)
_DROPPED: Final = selector("flowstone.telemetry.dropped", scope=SCOPE)
_BROKEN: Final = selector("flowstone.resource.status", scope=SCOPE, flowstone__resource__status="unhealthy")

BOARD: Final = Board(
    uid="flowstone-overview",
    title="Flowstone / Overview",
    about="Is all well? What runs, what fails, what is late.",
    rows=(
        (
            "Now",
            (
                Panel(
                    title="Runs",
                    about="Runs that ended in the chosen time, whatever their outcome.",
                    kind="number",
                    width=4,
                    queries=(Query(expr=by("sum", grown(_RUNS, "$__range"))),),
                ),
                Panel(
                    title="Failed runs",
                    about="Runs that failed, timed out, or were lost by their host.",
                    kind="number",
                    width=4,
                    red_from=1,
                    queries=(Query(expr=f"{by('sum', grown(_FAILED, '$__range'))} or vector(0)"),),
                ),
                Panel(
                    title="Under way",
                    about="Materializations under way.",
                    kind="number",
                    width=4,
                    queries=(
                        Query(expr=by("sum", selector("flowstone.materialization.active", scope=SCOPE))),
                    ),
                ),
                Panel(
                    title="Waiting for somebody",
                    about="Checkpoints that wait for their verdict.",
                    kind="number",
                    width=4,
                    queries=(Query(expr=by("sum", selector("flowstone.checkpoint.pending", scope=SCOPE))),),
                ),
                Panel(
                    title="Unhealthy resources",
                    about="Resources that the latest look of some process found unhealthy.",
                    kind="number",
                    width=4,
                    red_from=1,
                    queries=(Query(expr=by("sum", by("max", _BROKEN, *SERVICE, "flowstone.resource.name"))),),
                ),
                Panel(
                    title="Lost telemetry",
                    about="Events, spans and log records that flowstone lost in the chosen time.",
                    kind="number",
                    width=4,
                    red_from=1,
                    queries=(Query(expr=f"{by('sum', grown(_DROPPED, '$__range'))} or vector(0)"),),
                ),
            ),
        ),
        (
            "Runs",
            (
                Panel(
                    title="Runs by outcome",
                    about=f"Runs that ended, by outcome. {COUNTED}",
                    kind="bars",
                    width=12,
                    queries=(
                        Query(
                            expr=counted(
                                "flowstone.run.duration", "flowstone.outcome", part="count", scope=SCOPE
                            ),
                            legend="{{flowstone_outcome}}",
                        ),
                    ),
                ),
                Panel(
                    title="Share of failed runs, last hour",
                    about="By pipeline; the alerts about failures look at it.",
                    unit="percentunit",
                    width=12,
                    queries=(
                        Query(
                            expr=f'{FAILED_SHARE}{{{SCOPE}, window="1h"}}',
                            legend=f"{{{{flowstone_pipeline_name}}}} {ENVIRONMENT}",
                        ),
                    ),
                ),
                Panel(
                    title="How long runs take",
                    about="95th percentile, by pipeline. Dots lead to traces.",
                    unit="s",
                    width=12,
                    queries=(
                        Query(
                            expr=quantile(
                                0.95, "flowstone.run.duration", "flowstone.pipeline.name", scope=SCOPE
                            ),
                            legend="{{flowstone_pipeline_name}}",
                            exemplars=True,
                        ),
                    ),
                ),
                Panel(
                    title="How long runs took within a day",
                    about="Median, 95th and 99th percentile.",
                    kind="table",
                    unit="s",
                    width=12,
                    queries=tuple(
                        Query(
                            expr=f"{RUN_QUANTILE}{q}_1d{{{SCOPE}}}",
                            legend=f"{{{{flowstone_pipeline_name}}}} {ENVIRONMENT} p{q}",
                        )
                        for q in (50, 95, 99)
                    ),
                ),
            ),
        ),
        (
            "Assets",
            (
                Panel(
                    title="Latest first",
                    about="Time since the last success over the longest gap of 14 days; 1.5 is late.",
                    kind="table",
                    width=12,
                    queries=(
                        Query(
                            expr=f"sort_desc({AGE}{{{SCOPE}}} / {LONGEST_GAP}{{{SCOPE}}})",
                            legend=f"{{{{flowstone_asset_key}}}} {ENVIRONMENT}",
                        ),
                    ),
                ),
                Panel(
                    title="Sensors",
                    about=f"Polls, by sensor and result. {COUNTED}",
                    kind="bars",
                    width=12,
                    queries=(
                        Query(
                            expr=counted(
                                "flowstone.sensor.poll.duration",
                                *("flowstone.sensor.name", "flowstone.sensor.result"),
                                part="count",
                                scope=SCOPE,
                            ),
                            legend="{{flowstone_sensor_name}} {{flowstone_sensor_result}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
