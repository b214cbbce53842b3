"""The project that ``dagster dev`` serves: two assets, made in step workers of each kind that Dagster starts.

User code that knows nothing of flowstone; Dagster reads annotations, so they are no strings here.
"""

import logging

from dagster import (
    AssetSelection,
    Definitions,
    asset,
    define_asset_job,
    in_process_executor,
    multiprocess_executor,
)


@asset
def raw() -> int:
    """Is stored for the other one."""
    logging.getLogger("user").warning("making raw")
    return 1


@asset
def cleaned(raw: int) -> int:
    """Loads what was stored."""
    return raw + 1


_both = AssetSelection.assets(raw, cleaned)
_one_by_one = {"max_concurrent": 1}

definitions = Definitions(
    assets=[raw, cleaned],
    jobs=[
        define_asset_job("in_process", _both, executor_def=in_process_executor),
        define_asset_job(
            "spawn",
            _both,
            executor_def=multiprocess_executor.configured({**_one_by_one, "start_method": {"spawn": {}}}),
        ),
        define_asset_job(
            "forkserver",
            _both,
            executor_def=multiprocess_executor.configured(
                {**_one_by_one, "start_method": {"forkserver": {}}}
            ),
        ),
    ],
)
