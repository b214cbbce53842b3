"""The project under test: user code that knows nothing of flowstone.

Dagster reads the annotations of assets, so they are no strings here (no ``from __future__``).
"""

import os
import signal
import time
from pathlib import Path

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetOut,
    AssetSelection,
    ConfigurableResource,
    Definitions,
    Failure,
    MaterializeResult,
    MetadataValue,
    MultiPartitionsDefinition,
    OpExecutionContext,
    Output,
    RetryPolicy,
    RetryRequested,
    RunRequest,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    StaticPartitionsDefinition,
    asset,
    asset_check,
    define_asset_job,
    in_process_executor,
    job,
    multi_asset,
    multiprocess_executor,
    op,
    resource,
    schedule,
    sensor,
)

DAYS = StaticPartitionsDefinition(["2025-01-15", "2025-01-16"])
GRID = MultiPartitionsDefinition({"day": DAYS, "region": StaticPartitionsDefinition(["eu", "us"])})


class Warehouse(ConfigurableResource[None]):
    """A resource that initialises."""

    url: str = "memory"


@resource
def broken_warehouse(_context: object) -> None:
    """A resource that does not."""
    raise ConnectionError("no route to warehouse")


@asset(partitions_def=DAYS, key_prefix="raw")
def orders(context: AssetExecutionContext, warehouse: Warehouse) -> Output[list[int]]:
    """Partitioned, with a row count."""
    time.sleep(0.02)
    return Output([1, 2, 3], metadata={"dagster/row_count": MetadataValue.int(3)})


@asset(partitions_def=DAYS)
def report(orders: list[int]) -> int:
    """Loads the partition above."""
    return sum(orders)


@asset
def failing() -> None:
    """Raises."""
    raise ValueError("bad rows")


@asset
def refusing() -> None:
    """Raises Dagster's own."""
    raise Failure("will not", allow_retries=False)


@asset(retry_policy=RetryPolicy(max_retries=1))
def flaky(context: AssetExecutionContext) -> int:
    """Fails once."""
    if context.retry_number == 0:
        raise OSError("first time")
    return 1


@op
def insistent(context: OpExecutionContext) -> int:
    """Asks for one more attempt."""
    if context.retry_number == 0:
        raise RetryRequested(max_retries=1)
    return 1


@op
def doubled(value: int) -> int:
    """Loads an op's output."""
    return value * 2


@job(executor_def=in_process_executor)
def op_job() -> None:
    """Ops only."""
    doubled(insistent())


@op
def steady() -> int:
    """Does what it should."""
    return 1


@op
def failing_op(value: int) -> None:
    """Raises."""
    raise ValueError(value)


@job(executor_def=in_process_executor)
def failing_job() -> None:
    """Fails each time."""
    failing_op(steady())


@sensor(job=op_job)
def watching(context: SensorEvaluationContext) -> SensorResult:
    """Asks for two runs, one of which says itself where it belongs."""
    from opentelemetry import trace

    span = trace.get_current_span().get_span_context()
    own = {"flowstone/correlation_id": "mine", "seen": f"{span.trace_id:032x} {span.span_id:016x}"}
    return SensorResult(
        run_requests=[RunRequest(run_key="a"), RunRequest(run_key="b", tags=own)], cursor="9" * 1000
    )


@sensor(job=op_job)
def idle() -> SkipReason:
    """Asks for none."""
    return SkipReason("nothing new")


@sensor(job=op_job)
def crashing() -> None:
    """Raises."""
    raise LookupError("no bucket")


@schedule(job=op_job, cron_schedule="0 3 * * *")
def nightly() -> RunRequest:
    """Asks for one run."""
    return RunRequest(run_key="night")


@multi_asset(outs={"left": AssetOut(is_required=True), "right": AssetOut(is_required=False)})
def pair() -> object:
    """Makes one of two."""
    yield Output(1, output_name="left")


@multi_asset(outs={"done": AssetOut(), "undone": AssetOut()})
def halves() -> object:
    """Stores one, then fails."""
    yield Output(1, output_name="done")
    raise ValueError("second half")


@asset(partitions_def=GRID)
def cell() -> int:
    """Two dimensions."""
    return 1


@asset
def valueless() -> MaterializeResult:  # type: ignore[type-arg]  # Dagster refuses the argument
    """Stores nothing."""
    return MaterializeResult(metadata={"dagster/row_count": 7})


@asset_check(asset=valueless)
def checked() -> AssetCheckResult:
    """A check."""
    return AssetCheckResult(passed=True)


@asset_check(asset=valueless)
def broken_check() -> AssetCheckResult:
    """Raises."""
    return AssetCheckResult(passed=1 / 0 > 0)


@asset(check_specs=[AssetCheckSpec("no_nulls", asset="self_checked")])
def self_checked() -> MaterializeResult:  # type: ignore[type-arg]  # Dagster refuses the argument
    """Checks itself."""
    verdict = AssetCheckResult(check_name="no_nulls", passed=False, severity=AssetCheckSeverity.WARN)
    return MaterializeResult(check_results=[verdict])


@asset
def interrupted() -> None:
    """Is interrupted."""
    raise KeyboardInterrupt


@asset
def first() -> int:
    """Step one."""
    return 1


@asset
def second(first: int) -> int:
    """Step two."""
    from opentelemetry import trace

    target = os.environ.get("PIPELINES_SPAN_FILE")
    if target:
        current = trace.get_current_span().get_span_context()
        Path(target).write_text(f"{current.trace_id:032x} {current.span_id:016x}")
    return first + 1


@asset
def third(second: int) -> int:
    """Step three."""
    return second + 1


@asset
def killed() -> int:
    """Dies, after the half second in which even a busy machine has let go of the start."""
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
    return 1


definitions = Definitions(
    assets=[first, second, third, killed],
    jobs=[
        define_asset_job("three_steps", AssetSelection.assets(first, second, third)),
        define_asset_job("one_step", AssetSelection.assets(first)),
        define_asset_job("deadly", AssetSelection.assets(killed)),
    ],
    executor=multiprocess_executor.configured({"max_concurrent": 2}),
)


def _job(name: str) -> object:
    older = getattr(definitions, "get_job_def", None)  # what it was called before Dagster 1.11
    resolve = getattr(definitions, "resolve_job_def", older)
    assert resolve is not None
    return resolve(name)


def three_steps() -> object:
    """Return the job, for ``reconstructable``."""
    return _job("three_steps")


def deadly() -> object:
    """Return the job, for ``reconstructable``."""
    return _job("deadly")
