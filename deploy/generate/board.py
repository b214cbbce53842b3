"""What a dashboard is made of, apart from Grafana: rows of panels, each with its queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

SCOPE: Final = 'job=~"$job"'
"""What every query of a dashboard is limited to: the services that are chosen."""
PIPELINE: Final = 'job=~"$job", flowstone_pipeline_name=~"$pipeline"'
ASSET: Final = 'job=~"$job", flowstone_asset_key=~"$asset"'

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
