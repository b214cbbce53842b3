"""The weather at the airports: two tables, and what follows from both."""

import dagster as dg
import pandas as pd  # type: ignore[import-untyped]

from flowstone_dagster.demo.project.source import PublishedTables


@dg.asset(io_manager_key="csv")
def observations(tables: PublishedTables) -> pd.DataFrame:
    """What the weather was, for every hour and airport."""
    return tables.read("weather.csv", ["origin", "time_hour", "wind_speed", "visib"])


@dg.asset(io_manager_key="csv")
def airports(tables: PublishedTables) -> pd.DataFrame:
    """The airports' names."""
    return tables.read("airports.csv", ["faa", "name"])


@dg.asset(io_manager_key="csv")
def windy_hours(observations: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """How many hours each airport had more than 25 miles per hour of wind."""
    windy = observations[observations["wind_speed"] > 25]
    hours = windy.groupby("origin", as_index=False).agg(hours=("time_hour", "size"))
    return hours.merge(airports, left_on="origin", right_on="faa").drop(columns="faa")
