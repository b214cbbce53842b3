"""Alerts about what the pipelines do: late, slow, failing, waiting."""

from __future__ import annotations

from typing import Final

from deploy.generate.alert import Alert, Condition
from deploy.generate.metrics import SERVICE, selector
from deploy.generate.promql import by, grown, share
from deploy.generate.recording import (
    AGE,
    FAILED_RUNS,
    FAILED_SHARE,
    LAST_FAILED,
    LAST_SUCCEEDED,
    LONGEST_GAP,
    RECENT,
    USUAL,
)

# The objective: 95 % of runs succeed, over 30 days. At these shares 2 % of the failures that allows are used
# up in an hour, or 5 % in six (https://sre.google/workbook/alerting-on-slos/).
_BUDGET: Final = 0.05
_FAST: Final = f"{14.4 * _BUDGET:.2f}"
_SLOW: Final = f"{6 * _BUDGET:.2f}"
_ASSET: Final = "{{ $labels.flowstone_asset_key }}"
_PIPELINE: Final = "{{ $labels.flowstone_pipeline_name }}"
_SENSOR: Final = (*SERVICE, "flowstone.sensor.name")
_POLLS: Final = selector("flowstone.sensor.poll.duration", "count")
_FAILED_POLLS: Final = selector("flowstone.sensor.poll.duration", "count", flowstone__sensor__result="error")


def _failing(window: str, bound: str) -> Condition:
    return Condition(value=f'sum without (window) ({FAILED_SHARE}{{window="{window}"}})', bound=f"> {bound}")


def _failed(window: str, bound: str) -> Condition:
    return Condition(value=f'sum without (window) ({FAILED_RUNS}{{window="{window}"}})', bound=f"> {bound}")


def _polls(series: str, window: str) -> str:
    return by("sum", grown(series, window), *_SENSOR)


ALERTS: Final = (
    Alert(
        name="FlowstoneAssetLate",
        conditions=(Condition(value=f"{AGE} / {LONGEST_GAP}", bound="> 1.5"),),
        wait="10m",
        severity="warning",
        summary=f"{_ASSET} of {{{{ $labels.job }}}} is late",
        description="No success for {{ $value | humanize }} times the longest gap of the last 14 days.",
    ),
    Alert(
        name="FlowstoneMaterializationSlow",
        conditions=(Condition(value=f"{RECENT} / {USUAL}", bound="> 3"),),
        wait="5m",
        severity="warning",
        summary=f"{_ASSET} of {{{{ $labels.job }}}} takes far longer than usual",
        description="The median of the last hour is {{ $value | humanize }} times the 95th percentile of a week.",
    ),
    Alert(
        name="FlowstoneRunFailureFastBurn",
        # Three at least: one that fails of the only one of an hour is no reason to wake somebody.
        conditions=(
            _failing("1h", _FAST),
            _failing("5m", _FAST),
            _failed("1h", "2.5"),
        ),
        wait="2m",
        severity="critical",
        summary=f"Nearly all runs of {_PIPELINE} fail",
        description="{{ $value | humanizePercentage }} of its runs of the last hour failed.",
    ),
    Alert(
        name="FlowstoneRunFailureSlowBurn",
        # Two at least: a single one is told as the last run.
        conditions=(_failing("6h", _SLOW), _failing("30m", _SLOW), _failed("6h", "1.5")),
        wait="15m",
        severity="warning",
        summary=f"Runs of {_PIPELINE} fail",
        description="{{ $value | humanizePercentage }} of its runs of the last six hours failed.",
    ),
    Alert(
        name="FlowstoneLastRunFailed",
        conditions=(
            Condition(value=f"{LAST_FAILED} - ({LAST_SUCCEEDED} or 0 * {LAST_FAILED})", bound="> 0"),
        ),
        wait="15m",
        severity="warning",
        summary=f"The last run of {_PIPELINE} failed",
        description="None has succeeded since.",
    ),
    Alert(
        name="FlowstoneMaterializationStuck",
        conditions=(
            Condition(
                # By process: one that ends, or is killed, takes its series along.
                value=by(
                    "sum",
                    selector("flowstone.materialization.active"),
                    *(*SERVICE, "instance", "flowstone.pipeline.name"),
                ),
                bound="> 0",
            ),
        ),
        wait="6h",
        severity="warning",
        summary=f"A materialization of {_PIPELINE} has been under way for six hours",
        description="In the process {{ $labels.instance }} of {{ $labels.job }}, where {{ $value }} are under way.",
    ),
    Alert(
        name="FlowstoneResourceUnhealthy",
        conditions=(
            Condition(
                value=by(
                    "max",
                    selector("flowstone.resource.status", flowstone__resource__status="unhealthy"),
                    *(*SERVICE, "flowstone.resource.name"),
                ),
                bound="== 1",
            ),
        ),
        wait="5m",
        severity="critical",
        summary="The resource {{ $labels.flowstone_resource_name }} is unhealthy",
        description="The latest look of {{ $labels.job }} found it unhealthy.",
    ),
    Alert(
        name="FlowstoneCheckpointWaiting",
        conditions=(
            Condition(
                value=by("sum", selector("flowstone.checkpoint.pending"), "job", "flowstone.checkpoint.name"),
                bound="> 0",
            ),
        ),
        wait="1d",
        severity="warning",
        summary="{{ $labels.flowstone_checkpoint_name }} has waited a day for somebody to decide",
        description="{{ $value }} requests of {{ $labels.job }} wait.",
    ),
    Alert(
        name="FlowstoneSensorSilent",
        conditions=(
            Condition(
                # Polls come more often than every ten minutes, and then half an hour passes without one.
                value=_polls(_POLLS, "1d"),
                bound=f"> 144 unless {_polls(_POLLS, '30m')} > 0",
            ),
        ),
        wait="5m",
        severity="critical",
        summary="The sensor {{ $labels.flowstone_sensor_name }} does not poll any more",
        description="It polled {{ $value | humanize }} times within a day, and not once in the last half hour.",
    ),
    Alert(
        name="FlowstoneSensorFailing",
        conditions=(
            Condition(value=share(_polls(_FAILED_POLLS, "30m"), _polls(_POLLS, "30m")), bound="> 0.5"),
        ),
        wait="5m",
        severity="warning",
        summary="The sensor {{ $labels.flowstone_sensor_name }} fails",
        description="{{ $value | humanizePercentage }} of its polls of the last half hour raised an error.",
    ),
)
