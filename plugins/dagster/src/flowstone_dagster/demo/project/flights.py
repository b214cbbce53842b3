"""A month of flights: what the carriers' delays were, and one asset with a mistake in it."""

import dagster as dg
import pandas as pd  # type: ignore[import-untyped]

import flowstone
from flowstone_dagster.demo.project.source import PublishedTables

months = dg.MonthlyPartitionsDefinition(start_date="2013-01", end_date="2014-01", fmt="%Y-%m")

COLUMNS = ["year", "month", "day", "carrier", "flight", "tailnum", "origin", "dest", "dep_delay", "arr_delay"]


@dg.asset(partitions_def=months, io_manager_key="csv")
def flights(context: dg.AssetExecutionContext, tables: PublishedTables) -> pd.DataFrame:
    """All flights of the month."""
    year, month = (int(part) for part in context.partition_key.split("-"))
    return tables.read("flights.csv.zip", COLUMNS).query(f"year == {year} and month == {month}")


@dg.asset(partitions_def=months, io_manager_key="csv")
def delays(flights: pd.DataFrame, tables: PublishedTables) -> pd.DataFrame:
    """Each carrier's flights, cancellations and mean delay on arrival, in minutes."""
    by_carrier = flights.groupby("carrier").agg(
        flights=("flight", "size"),
        cancelled=("dep_delay", lambda delay: delay.isna().sum()),
        mean_delay=("arr_delay", "mean"),
    )
    return by_carrier.join(tables.read("airlines.csv").set_index("carrier")).reset_index().round(1)


@dg.asset(partitions_def=months, io_manager_key="csv")
def punctuality(flights: pd.DataFrame) -> pd.DataFrame:
    """Each carrier's share of flights that left at most 15 minutes late.

    The mistake is left in on purpose: cancelled flights have no delay, and no integer stands for that.
    """
    late = flights.assign(late=flights["dep_delay"].astype("int64") > 15)
    return late.groupby("carrier", as_index=False).agg(late=("late", "mean"))


@dg.asset(partitions_def=months, io_manager_key="csv")
def published(delays: pd.DataFrame) -> pd.DataFrame:
    """The delays, released: a human has to agree first. Here the demo does."""
    gate = flowstone.checkpoint("publish", timeout=3600).request()
    gate.approve(actor="flowstone demo", reason=f"{len(delays)} carriers, all with a name")
    return delays.sort_values("mean_delay")
