"""The Datadog dashboard, and the filter that keeps every trace of a run."""

from __future__ import annotations

import json
from typing import Any, Final

from deploy.generate.metrics import instruments
from deploy.generate.recording import FAILED

_FILTER: Final = "{$service,$env}"


def _query(aggregate: str, metric: str, *keys: str, only: str = "") -> str:
    """Return a query; raises KeyError for a metric or attribute that there is not."""
    known = {label.key for label in instruments()[metric].labels}
    for key in keys:
        if key not in known:
            raise KeyError(f"{metric} has no attribute {key}")
    # Datadog takes either commas or words, not both.
    scope = f"{{$service AND $env AND {only}}}" if only else _FILTER
    by = f" by {{{','.join(keys)}}}" if keys else ""
    return f"{aggregate}:{metric}{scope}{by}"


def _widget(
    title: str, queries: tuple[str, ...], *, kind: str = "timeseries", display: str = "line"
) -> dict[str, Any]:
    requests = [
        {
            "response_format": "timeseries" if kind == "timeseries" else "scalar",
            "queries": [
                {"name": f"q{number}", "data_source": "metrics", "query": query, **_aggregated(kind)}
            ],
            "formulas": [{"formula": f"q{number}"}],
            **({"display_type": display} if kind == "timeseries" else {}),
        }
        for number, query in enumerate(queries)
    ]
    return {"definition": {"type": kind, "title": title, "requests": requests}}


def _aggregated(kind: str) -> dict[str, str]:
    return {} if kind == "timeseries" else {"aggregator": "sum"}


def _counted(metric: str, *keys: str, only: str = "") -> str:
    return f"{_query('count', metric, *keys, only=only)}.as_count()"


def _summed(metric: str, *keys: str) -> str:
    return f"{_query('sum', metric, *keys)}.as_count()"


def _group(title: str, *widgets: dict[str, Any]) -> dict[str, Any]:
    return {
        "definition": {"type": "group", "layout_type": "ordered", "title": title, "widgets": list(widgets)}
    }


def _pipelines() -> dict[str, Any]:
    run, asset = "flowstone.run.duration", "flowstone.materialization.duration"
    return _group(
        "Pipelines",
        _widget("Runs by outcome", (_counted(run, "flowstone.outcome"),), display="bars"),
        _widget(
            "Failed runs",
            (_counted(run, only=f"flowstone.outcome IN ({','.join(FAILED.lstrip('~').split('|'))})"),),
            kind="query_value",
        ),
        _widget("How long runs take (95th percentile)", (_query("p95", run, "flowstone.pipeline.name"),)),
        _widget("Materializations by outcome", (_counted(asset, "flowstone.outcome"),), display="bars"),
        _widget(
            "How long materializations take (95th percentile)", (_query("p95", asset, "flowstone.asset.key"),)
        ),
        _widget("Under way", (_query("sum", "flowstone.materialization.active"),)),
        _widget(
            "Last success (Unix time)",
            (_query("max", "flowstone.asset.last_success.time", "flowstone.asset.key"),),
        ),
        _widget(
            "Loads and stores (95th percentile)",
            (_query("p95", "flowstone.io.duration", "flowstone.io.operation"),),
        ),
        _widget(
            "Bytes moved", (_query("sum", "flowstone.io.size", "flowstone.io.operation"),), display="bars"
        ),
        _widget(
            "Rows moved", (_query("sum", "flowstone.io.rows", "flowstone.io.operation"),), display="bars"
        ),
        _widget(
            "Checkpoints waiting",
            (_query("sum", "flowstone.checkpoint.pending", "flowstone.checkpoint.name"),),
        ),
        _widget(
            "How long verdicts took (median)",
            (_query("p50", "flowstone.checkpoint.wait.duration", "flowstone.checkpoint.decision"),),
        ),
        _widget(
            "Sensor polls",
            (_counted("flowstone.sensor.poll.duration", "flowstone.sensor.result"),),
            display="bars",
        ),
        _widget(
            "Runs triggered", (_summed("flowstone.sensor.triggers", "flowstone.sensor.name"),), display="bars"
        ),
    )


def _house() -> dict[str, Any]:
    return _group(
        "Flowstone itself",
        _widget(
            "Lost telemetry", (_summed("flowstone.telemetry.dropped", "flowstone.reason"),), display="bars"
        ),
        _widget(
            "Failures of plugins",
            (_summed("flowstone.telemetry.errors", "flowstone.reason"),),
            display="bars",
        ),
        _widget("Oldest audit entry in the spool (s)", (_query("max", "flowstone.audit.spool.age"),)),
        _widget("Lost audit entries", (_summed("flowstone.audit.lost", "flowstone.reason"),), display="bars"),
        _widget(
            "Unhealthy checks",
            (
                _query(
                    *("sum", "flowstone.health.status", "flowstone.health.check.name"),
                    only="flowstone.health.state:unhealthy",
                ),
            ),
        ),
        _widget(
            "Gaps that subscribers were told of",
            (_summed("flowstone.pubsub.gaps", "flowstone.reason"),),
            display="bars",
        ),
        _widget("Lost messages", (_summed("flowstone.pubsub.lost", "messaging.system"),), display="bars"),
        _widget("Memory", (_query("avg", "process.memory.usage"),)),
    )


def dashboard() -> str:
    """Return the dashboard, as the API takes it (``POST /api/v1/dashboard``)."""
    variables: list[dict[str, Any]] = [
        {"name": name, "prefix": name, "available_values": [], "default": "*"} for name in ("service", "env")
    ]
    made = {
        "title": "Flowstone",
        "description": "Pipelines, and how flowstone itself is. Made by `make dashboards`.",
        "layout_type": "ordered",
        "template_variables": variables,
        "widgets": [_pipelines(), _house()],
    }
    return json.dumps(made, indent=2) + "\n"


def retention_filter() -> str:
    """Return the filter, as the API takes it (``POST /api/v2/apm/config/retention-filters``)."""
    attributes = {
        "name": "flowstone runs",
        "filter_type": "spans-sampling-processor",
        "filter": {"query": "@flowstone.correlation.id:*"},
        "rate": 1.0,
        "enabled": True,
    }
    return json.dumps({"data": {"type": "apm_retention_filter", "attributes": attributes}}, indent=2) + "\n"
