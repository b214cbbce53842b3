"""What Dagster loads: ``dagster job execute -m flowstone_dagster.demo.project.definitions -j weather``."""

import dagster as dg

from flowstone_dagster.demo.project import flights, weather
from flowstone_dagster.demo.project.files import CsvFolder
from flowstone_dagster.demo.project.source import PublishedTables

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([flights, weather]),
    jobs=[
        dg.define_asset_job(
            "delays_of_a_month",
            selection=[flights.flights, flights.delays, flights.punctuality, flights.published],
            executor_def=dg.in_process_executor,
        ),
        dg.define_asset_job(
            "weather",
            selection=[weather.observations, weather.airports, weather.windy_hours],
            executor_def=dg.multiprocess_executor.configured(
                {
                    "max_concurrent": 2,
                    # Imports Dagster and the project once for all steps, which takes seconds.
                    "start_method": {"forkserver": {"preload_modules": [__name__]}},
                }
            ),
        ),
    ],
    resources={"tables": PublishedTables(), "csv": CsvFolder(folder=dg.EnvVar("DEMO_DATA"))},
)
