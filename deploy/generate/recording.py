"""Recording rules: what alerts and dashboards ask for again and again, or must remember."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from deploy.generate.metrics import SERVICE, selector
from deploy.generate.promql import by, grown, quantile, share

REMEMBERED: Final = "14d"
"""For how long an asset that is made no more is watched; also how far back its own rhythm is learnt."""
FAILED: Final = "~failure|error|timeout"
SIGNALS: Final = ("spans", "metric_points", "log_records")

_ASSET: Final = (*SERVICE, "flowstone.asset.key")
_PIPELINE: Final = (*SERVICE, "flowstone.pipeline.name")

LAST_SUCCESS: Final = "job_environment_asset:flowstone_asset_last_success_time_seconds:max"
AGE: Final = "job_environment_asset:flowstone_asset_age_seconds"
GAP: Final = "job_environment_asset:flowstone_asset_gap_seconds"
LONGEST_GAP: Final = "job_environment_asset:flowstone_asset_gap_seconds:max14d"
RUNS: Final = "job_environment_pipeline:flowstone_runs:grown"
FAILED_RUNS: Final = "job_environment_pipeline:flowstone_runs_failed:grown"
FAILED_SHARE: Final = "job_environment_pipeline:flowstone_run_failures:share"
USUAL: Final = "job_environment_asset:flowstone_materialization_duration_seconds:p95_7d"
RECENT: Final = "job_environment_asset:flowstone_materialization_duration_seconds:p50_1h"
RUN_QUANTILE: Final = "job_environment_pipeline:flowstone_run_duration_seconds:p"
ASSET_QUANTILE: Final = "job_environment_asset:flowstone_materialization_duration_seconds:p"
LAST_FAILED: Final = "job_environment_pipeline:flowstone_run_last_failure_time_seconds:max"
LAST_SUCCEEDED: Final = "job_environment_pipeline:flowstone_run_last_success_time_seconds:max"
COLLECTOR_REFUSED: Final = "receiver_signal:otelcol_receiver_refused:grown10m"
COLLECTOR_LOST: Final = "exporter_signal:otelcol_exporter_{what}:grown10m"
WINDOWS: Final = ("5m", "30m", "1h", "6h")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording rule.

    Attributes:
        record: The name of what it makes.
        expr: PromQL.
        labels: Added to what it makes.
    """

    record: str
    expr: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules that are evaluated one after the other."""

    name: str
    interval: str
    rules: tuple[Recording, ...]


def _freshness() -> tuple[Recording, ...]:
    metric = selector("flowstone.asset.last_success.time")
    seconds = int(REMEMBERED.removesuffix("d")) * 86_400
    # It remembers itself: the process that made the asset is gone long before the asset is late.
    remembered = f"{metric} or last_over_time({LAST_SUCCESS}[1h])"
    enough = f"count_over_time({GAP}[{REMEMBERED}]) >= 3"
    return (
        Recording(record=LAST_SUCCESS, expr=f"{by('max', remembered, *_ASSET)} > time() - {seconds}"),
        Recording(record=AGE, expr=f"time() - {LAST_SUCCESS}"),
        # One sample for each success: the time since the one before.
        Recording(record=GAP, expr=f"({LAST_SUCCESS} - {LAST_SUCCESS} offset 1m) > 0"),
        Recording(record=LONGEST_GAP, expr=f"max_over_time({GAP}[{REMEMBERED}]) and {enough}"),
    )


def _shares() -> tuple[Recording, ...]:
    counted = [
        Recording(record=record, expr=by("sum", grown(series, window), *_PIPELINE), labels={"window": window})
        for record, series in (
            (RUNS, selector("flowstone.run.duration", "count")),
            (FAILED_RUNS, selector("flowstone.run.duration", "count", flowstone__outcome=FAILED)),
        )
        for window in WINDOWS
    ]
    return (*counted, Recording(record=FAILED_SHARE, expr=share(FAILED_RUNS, RUNS)))


def _latest_runs() -> tuple[Recording, ...]:
    seconds = int(REMEMBERED.removesuffix("d")) * 86_400
    made = []
    for record, outcome in ((LAST_FAILED, FAILED), (LAST_SUCCEEDED, "success")):
        series = selector("flowstone.run.duration", "count", flowstone__outcome=outcome)
        now = f"time() + 0 * ({by('sum', grown(series, '5m'), *_PIPELINE)} > 0)"
        # It remembers itself: there may be a day between a run and the next.
        remembered = by("max", f"{now} or last_over_time({record}[1d])", *_PIPELINE)
        made.append(Recording(record=record, expr=f"{remembered} > time() - {seconds}"))
    return tuple(made)


def _durations() -> tuple[Recording, ...]:
    quantiles = [
        Recording(record=f"{name}{q:g}_1d", expr=quantile(q / 100, metric, *keys, window="1d"))
        for name, metric, keys in (
            (RUN_QUANTILE, "flowstone.run.duration", _PIPELINE),
            (ASSET_QUANTILE, "flowstone.materialization.duration", _ASSET),
        )
        for q in (50, 95, 99)
    ]
    well = {"flowstone__outcome": "success"}
    usual = quantile(0.95, "flowstone.materialization.duration", *_ASSET, window="7d", **well)
    return (
        *quantiles,
        Recording(record=USUAL, expr=usual.replace("[7d]", "[7d] offset 1h")),
        Recording(
            record=RECENT,
            expr=quantile(0.5, "flowstone.materialization.duration", *_ASSET, window="1h", **well),
        ),
    )


def _collector() -> tuple[Recording, ...]:
    refused = tuple(
        Recording(
            record=COLLECTOR_REFUSED,
            expr=by("sum", grown(selector(f"otelcol_receiver_refused_{signal}"), "10m"), "job", "receiver"),
            labels={"signal": signal},
        )
        for signal in SIGNALS
    )
    return refused + tuple(
        Recording(
            record=COLLECTOR_LOST.format(what=what),
            expr=by("sum", grown(selector(f"otelcol_exporter_{what}_{signal}"), "10m"), "job", "exporter"),
            labels={"signal": signal},
        )
        for what in ("send_failed", "enqueue_failed")
        for signal in SIGNALS
    )


def groups() -> tuple[Group, ...]:
    """Return all groups of recording rules."""
    return (
        Group(name="flowstone-freshness", interval="1m", rules=_freshness()),
        Group(name="flowstone-failures", interval="1m", rules=(*_shares(), *_latest_runs())),
        Group(name="flowstone-durations", interval="5m", rules=_durations()),
        Group(name="flowstone-collector", interval="1m", rules=_collector()),
    )
