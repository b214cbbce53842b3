"""Dashboards as Grafana reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.common import StackingConfig
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphDrawStyle, StackingMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
    VariableRefresh,
)

from deploy.generate.board import Board, Panel, Query, Variable
from deploy.generate.metrics import ENVIRONMENT, prometheus_label, selector

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
TRACES: Final = DataSourceRef(type_val="jaeger", uid="${traces}")
_ALL: Final = '{__name__=~"flowstone_.+"}'
_STATES: Final = (("healthy", "green"), ("degraded", "yellow"), ("unhealthy", "red"))


def text(board: Board) -> str:
    """Return the dashboard as JSON."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.about)
        .tags(["flowstone"])
        .refresh("1m")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("Flowstone")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["flowstone"])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    )
    for variable in _variables(board):
        made.with_variable(variable)
    for title, panels in board.rows:
        made.with_row(dashboard.Row(title))
        for panel in panels:
            made.with_panel(_panel(panel))
    plain = _plain(made.build())
    for number, panel in enumerate(plain["panels"], 1):
        panel["id"] = number  # so that links to a panel last
        panel["options"] = panel.get("options") or {}
    return json.dumps(plain, indent=2, sort_keys=True) + "\n"


def _variables(board: Board) -> list[Any]:
    made: list[Any] = [
        dashboard.DatasourceVariable("datasource").label("Metrics").type("prometheus"),
        _asked(Variable(name="job", label="job", series=_ALL), "Service"),
        _asked(Variable(name="environment", label=ENVIRONMENT, series=_ALL), "Environment"),
    ]
    made += [_asked(one, one.name.capitalize()) for one in board.variables]
    if board.correlation:
        services = Variable(name="service", label="service.name", series=selector("flowstone.span.calls"))
        made.append(dashboard.DatasourceVariable("traces").label("Traces").type("jaeger"))
        made.append(_asked(services, "Traces of", several=False))
        made.append(dashboard.TextBoxVariable("correlation_id").label("Correlation id"))
    return made


def _asked(variable: Variable, label: str, *, several: bool = True) -> dashboard.QueryVariable:
    made = (
        dashboard.QueryVariable(variable.name)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({variable.series}, {prometheus_label(variable.label)})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )
    return made.multi(True).include_all(True).all_value(".*") if several else made


def _panel(panel: Panel) -> Any:
    made = (
        _KINDS[panel.kind]()
        .title(panel.title)
        .description(panel.about)
        .height(4 if panel.kind == "number" else 8)
        .span(panel.width)
        .unit(panel.unit)
    )
    if panel.kind == "traces":
        return made.datasource(TRACES).with_target(_Traces(panel.queries[0]))
    if panel.kind == "number":
        made.thresholds(_thresholds(panel.red_from))
    for number, query in enumerate(panel.queries):
        made.with_target(_target(query, chr(ord("A") + number), instant=panel.kind == "table"))
    return made.datasource(SOURCE)


def _target(query: Query, ref_id: str, *, instant: bool) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref_id)
    if query.exemplars:
        made.exemplar(True)
    return made.instant() if instant else made.range()


def _thresholds(red_from: float | None) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green")]
    if red_from is not None:
        steps.append(Threshold(value=red_from, color="red"))
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _bars() -> timeseries.Panel:
    stacked = StackingConfig().mode(StackingMode.NORMAL)
    return timeseries.Panel().draw_style(GraphDrawStyle.BARS).fill_opacity(80).stacking(stacked)


def _states() -> statetimeline.Panel:
    options = {
        str(number): ValueMappingResult(text=word, color=color, index=number)
        for number, (word, color) in enumerate(_STATES)
    }
    return statetimeline.Panel().mappings([ValueMap(options=options)])


_KINDS: Final[dict[str, Callable[[], Any]]] = {
    "lines": lambda: timeseries.Panel().fill_opacity(10),
    "bars": _bars,
    "number": stat.Panel,
    "table": table.Panel,
    "states": _states,
    "traces": table.Panel,
}


class _Traces:
    """A search for traces, which the SDK has no builder for."""

    def __init__(self, query: Query) -> None:
        self._made = {
            "refId": "A",
            "datasource": {"type": "jaeger", "uid": "${traces}"},
            "queryType": "search",
            "service": "$service",
            "tags": f'flowstone.correlation.id="{query.expr}"',
            "limit": 20,
        }

    def build(self) -> Any:
        """Return the query."""
        return _Encoded(self._made)


class _Encoded:
    """What the SDK's encoder writes as it is."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    def to_json(self) -> dict[str, Any]:
        """Return the content."""
        return self._content


def _plain(built: Any) -> Any:
    return json.loads(json.dumps(built, cls=JSONEncoder))
