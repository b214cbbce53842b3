"""What a dashboard is made of, apart from Grafana: rows of panels, each with its queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

# The bar at the end: what nobody gave an environment is shown with each that is chosen.
SCOPE: Final = 'job=~"$job", deployment_environment_name=~"$environment|"'
"""What every query of a dashboard is limited to: the services and environments that are chosen."""
PIPELINE: Final = f'{SCOPE}, flowstone_pipeline_name=~"$pipeline"'
ASSET: Final = f'{SCOPE}, flowstone_asset_key=~"$asset"'
ENVIRONMENT: Final = "{{deployment_environment_name}}"
"""The environment, for the legend of a query that tells them apart."""
COUNTED: Final = "Counted in the intervals of the graph, of a minute at least."
"""How bars are to be read that begin with the first failure, where Prometheus's rates begin with the second."""

Kind = Literal["lines", "bars", "number", "table", "states", "traces"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query of a panel.

    Attributes:
        expr: PromQL; of traces the value of ``flowstone.correlation.id``.
        legend: Name of each series, with labels as ``{{job}}``.
        exemplars: Whether dots lead to traces.
    """

    expr: str
    legend: str = ""
    exemplars: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        title: What it shows.
        about: How to read it.
        kind: How it shows it.
        unit: Grafana's unit.
        queries: What it asks.
        width: Of the 24 columns.
        red_from: The value from which on a number is bad.
    """

    title: str
    about: str
    queries: tuple[Query, ...]
    kind: Kind = "lines"
    unit: str = "short"
    width: int = 8
    red_from: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable that is asked of Prometheus: the values of *label* of *series*."""

    name: str
    label: str
    series: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard.

    Attributes:
        uid: Its name in links; the file is called so.
        title: Its title.
        about: What it answers.
        rows: Panels under the title of their row.
        variables: What may be chosen, beside data source and service.
        correlation: Whether a correlation id may be put in.
    """

    uid: str
    title: str
    about: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    variables: tuple[Variable, ...] = ()
    correlation: bool = False

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in order."""
        return tuple(panel for _, panels in self.rows for panel in panels)
