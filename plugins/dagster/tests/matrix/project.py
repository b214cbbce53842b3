"""The project that the daemon runs: a sensor, a schedule, retries, a backfill, and a step that is killed.

User code that knows nothing of flowstone; Dagster reads annotations, so they are no strings here.
"""

import os
import signal
import time
from collections.abc import Iterator

from dagster import (
    AssetExecutionContext,
    AssetSelection,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    OpExecutionContext,
    RetryPolicy,
    RunRequest,
    SensorEvaluationContext,
    SkipReason,
    StaticPartitionsDefinition,
    asset,
    define_asset_job,
    in_process_executor,
    job,
    multiprocess_executor,
    op,
    schedule,
    sensor,
)


@asset(retry_policy=RetryPolicy(max_retries=1))
def fetched(context: AssetExecutionContext) -> int:
    """Fails once in its step."""
    if context.retry_number == 0:
        raise OSError("first time")
    return 1


@asset
def summary(fetched: int) -> int:
    """Loads what was fetched."""
    return fetched


@asset(partitions_def=StaticPartitionsDefinition(["eu", "us"]))
def regional() -> int:
    """Is backfilled."""
    return 1


@op
def unlucky(context: OpExecutionContext) -> None:
    """Fails in the first run, not in its retry."""
    if context.run.parent_run_id is None:
        raise ValueError("not today")


@op
def killed() -> None:
    """Dies, after the half second in which even a busy machine has let go of the start."""
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


@op
def planned() -> None:
    """Runs by the clock."""


@job(executor_def=in_process_executor, tags={"dagster/max_retries": "1"})
def unlucky_job() -> None:
    """Is retried as a run."""
    unlucky()


@job(executor_def=multiprocess_executor.configured({"max_concurrent": 1}))
def deadly_job() -> None:
    """Loses its step."""
    killed()


@job(executor_def=in_process_executor)
def planned_job() -> None:
    """Runs by the clock."""
    planned()


assets_job = define_asset_job(
    "assets_job", AssetSelection.assets(fetched, summary), executor_def=in_process_executor
)
regional_job = define_asset_job(
    "regional_job", AssetSelection.assets(regional), executor_def=in_process_executor
)


@sensor(
    jobs=[assets_job, unlucky_job, deadly_job],
    minimum_interval_seconds=1,
    default_status=DefaultSensorStatus.RUNNING,
)
def watching(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
    """Asks for three runs, once."""
    if context.cursor:
        yield SkipReason("nothing new")
        return
    context.update_cursor("seen")
    for name in ("assets_job", "unlucky_job", "deadly_job"):
        yield RunRequest(run_key=name, job_name=name)


@sensor(job=planned_job, minimum_interval_seconds=1, default_status=DefaultSensorStatus.RUNNING)
def crashing() -> None:
    """Raises."""
    raise LookupError("no bucket")


@schedule(job=planned_job, cron_schedule="* * * * *", default_status=DefaultScheduleStatus.RUNNING)
def minutely() -> RunRequest:
    """Asks for one run a minute."""
    return RunRequest()


definitions = Definitions(
    assets=[fetched, summary, regional],
    jobs=[assets_job, regional_job, unlucky_job, deadly_job, planned_job],
    sensors=[watching, crashing],
    schedules=[minutely],
)
