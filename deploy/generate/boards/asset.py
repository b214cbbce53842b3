"""One asset: how fresh, how long, how much is moved."""

from __future__ import annotations

from typing import Final

from deploy.generate.board import ASSET, COUNTED, ENVIRONMENT, SCOPE, Board, Panel, Query, Variable
from deploy.generate.metrics import selector
from deploy.generate.promql import by, counted, quantile, rate
from deploy.generate.recording import AGE, ASSET_QUANTILE, LONGEST_GAP

_KEY: Final = "flowstone.asset.key"
_MOVED: Final = ("flowstone.io.operation", "flowstone.io.manager")
_MOVED_LEGEND: Final = "{{flowstone_io_operation}} {{flowstone_io_manager}}"


def _moved(title: str, metric: str, unit: str) -> Panel:
    return Panel(
        title=title,
        about="Per second, by operation and io manager, of all assets: sizes are not kept by asset.",
        unit=unit,
        queries=(Query(expr=rate(metric, *_MOVED, part="sum", scope=SCOPE), legend=_MOVED_LEGEND),),
    )


BOARD: Final = Board(
    uid="flowstone-asset",
    title="Flowstone / Asset",
    about="How fresh an asset is, how long it takes to make, and what is moved for it.",
    variables=(
        Variable(
            name="asset", label=_KEY, series=selector("flowstone.materialization.duration", "count", SCOPE)
        ),
    ),
    rows=(
        (
            "Freshness",
            (
                Panel(
                    title="Time since the last success",
                    about="And the longest time between two successes within 14 days.",
                    unit="s",
                    width=12,
                    queries=(
                        Query(expr=f"{AGE}{{{ASSET}}}", legend=f"{{{{flowstone_asset_key}}}} {ENVIRONMENT}"),
                        Query(
                            expr=f"{LONGEST_GAP}{{{ASSET}}}",
                            legend=f"{{{{flowstone_asset_key}}}} {ENVIRONMENT} longest",
                        ),
                    ),
                ),
                Panel(
                    title="Last success",
                    about="When it was last made with success.",
                    kind="table",
                    unit="dateTimeFromNow",
                    width=12,
                    queries=(
                        Query(
                            expr=f"{by('max', selector('flowstone.asset.last_success.time', scope=ASSET), _KEY)} * 1000",
                            legend="{{flowstone_asset_key}}",
                        ),
                    ),
                ),
            ),
        ),
        (
            "Materializations",
            (
                Panel(
                    title="By outcome",
                    about=f"Attempts. {COUNTED}",
                    kind="bars",
                    queries=(
                        Query(
                            expr=counted(
                                "flowstone.materialization.duration",
                                "flowstone.outcome",
                                part="count",
                                scope=ASSET,
                            ),
                            legend="{{flowstone_outcome}}",
                        ),
                    ),
                ),
                Panel(
                    title="How long they take",
                    about="Median and 95th percentile. Dots lead to traces.",
                    unit="s",
                    queries=tuple(
                        Query(
                            expr=quantile(q, "flowstone.materialization.duration", _KEY, scope=ASSET),
                            legend=f"{{{{flowstone_asset_key}}}} p{q * 100:g}",
                            exemplars=q == 0.95,
                        )
                        for q in (0.5, 0.95)
                    ),
                ),
                Panel(
                    title="Within a day",
                    about="Median, 95th and 99th percentile.",
                    kind="table",
                    unit="s",
                    queries=tuple(
                        Query(
                            expr=f"{ASSET_QUANTILE}{q}_1d{{{ASSET}}}",
                            legend=f"{{{{flowstone_asset_key}}}} {ENVIRONMENT} p{q}",
                        )
                        for q in (50, 95, 99)
                    ),
                ),
                Panel(
                    title="Errors",
                    about=f"Failed attempts, by error. {COUNTED}",
                    kind="bars",
                    width=12,
                    queries=(
                        Query(
                            expr=counted(
                                "flowstone.materialization.duration",
                                *(_KEY, "error.type"),
                                part="count",
                                scope=ASSET,
                                error__type="!",
                            ),
                            legend="{{flowstone_asset_key}} {{error_type}}",
                        ),
                    ),
                ),
                Panel(
                    title="How long loads and stores take",
                    about="95th percentile, by operation and io manager, of all assets.",
                    unit="s",
                    width=12,
                    queries=(
                        Query(
                            expr=quantile(0.95, "flowstone.io.duration", *_MOVED, scope=SCOPE),
                            legend=_MOVED_LEGEND,
                        ),
                    ),
                ),
            ),
        ),
        (
            "Moved",
            (_moved("Bytes", "flowstone.io.size", "Bps"), _moved("Rows", "flowstone.io.rows", "rowsps")),
        ),
    ),
)
