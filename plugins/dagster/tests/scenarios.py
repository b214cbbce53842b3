"""Run the pipelines: ``python scenarios.py NAME...``, each under its own name as correlation id."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def lose_seams() -> None:
    """Pretend to be with a later Dagster, whose private names are others."""
    import flowstone_dagster
    from flowstone_dagster import names

    gone = (names.STEP, names.LOAD, names.STORE)
    names.SEAMS = (names.EVENTS, names.RESOURCE, *(replace(name, path="renamed_away") for name in gone))  # type: ignore[assignment, misc]
    flowstone_dagster.install()


if "--lost" in sys.argv:
    lose_seams()

from dagster import (  # noqa: E402
    DagsterEventType,
    DagsterInstance,
    FilesystemIOManager,
    InputContext,
    IOManager,
    OutputContext,
    ReexecutionOptions,
    build_schedule_context,
    build_sensor_context,
    execute_job,
    materialize,
    reconstructable,
)

from plugins.dagster.tests import pipelines  # noqa: E402


class EvasiveIOManager(IOManager):
    """An io manager that looks like a file-based one, and does not like to be asked."""

    def handle_output(self, context: OutputContext, obj: object) -> None:
        """Store nothing."""

    def load_input(self, context: InputContext) -> object:
        """Load what was never stored."""
        return 1

    def _get_path(self, _context: object) -> object:
        raise RuntimeError("none of your business")


def in_process(name: str, folder: str) -> None:
    """Materialize on an ephemeral instance."""
    tags = {"flowstone/correlation_id": name}
    resources: Mapping[str, object] = {
        "warehouse": pipelines.Warehouse(),
        "io_manager": FilesystemIOManager(base_dir=folder),
    }
    assets: dict[str, tuple[list[object], str | None]] = {
        "partitioned": ([pipelines.orders, pipelines.report], "2025-01-15"),
        "cell": ([pipelines.cell], "2025-01-15|eu"),
        "valueless": ([pipelines.valueless, pipelines.checked], None),
        "broken_check": ([pipelines.valueless, pipelines.broken_check], None),
    }
    chosen, partition = assets.get(name) or ([getattr(pipelines, name)], None)
    materialize(chosen, partition_key=partition, resources=resources, tags=tags)  # type: ignore[arg-type]


def ops(name: str, _folder: str) -> None:
    """Execute a job of ops in process."""
    pipelines.op_job.execute_in_process(tags={"flowstone/correlation_id": name})


def broken(name: str, _folder: str) -> None:
    """Fail before the first step."""
    materialize(
        [pipelines.orders],
        partition_key="2025-01-15",
        resources={"warehouse": pipelines.broken_warehouse},
        tags={"flowstone/correlation_id": name},
    )


def evasive(name: str, _folder: str) -> None:
    """Load and store with an io manager that fails when asked for paths."""
    materialize(
        [pipelines.first, pipelines.second],
        resources={"io_manager": EvasiveIOManager()},
        tags={"flowstone/correlation_id": name},
    )


def processes(name: str, folder: str) -> None:
    """Execute a job with a process for each step."""
    tags = {"flowstone/correlation_id": name, "flowstone/traceparent": TRACEPARENT}
    with DagsterInstance.local_temp(folder) as instance:
        execute_job(
            reconstructable(getattr(pipelines, name)), instance=instance, tags=tags, raise_on_error=False
        )


def rerun(name: str, folder: str) -> None:
    """Fail, then execute the same run again, and once more; then report a resource after the end."""
    with DagsterInstance.local_temp(folder) as instance:
        target, parent = reconstructable(pipelines.failing_job), None
        for number in range(3):
            tags = {"flowstone/correlation_id": name} if number == 0 else None
            again = ReexecutionOptions(parent_run_id=parent) if parent else None
            result = execute_job(target, instance=instance, tags=tags, reexecution_options=again)
            parent = result.run_id
            run = instance.get_run_by_id(parent)
            sys.stdout.write(f"carried {run.tags['flowstone/correlation_id'] if run else ''}\n")
        late = instance.all_logs(parent or "", of_type=DagsterEventType.RESOURCE_INIT_SUCCESS)
        instance.handle_new_event(late[0])


def backfilled(_name: str, _folder: str) -> None:
    """Execute two runs of a backfill."""
    for _ in range(2):
        pipelines.op_job.execute_in_process(tags={"dagster/backfill": "abcdefgh"})


def ticks(_name: str, _folder: str) -> None:
    """Evaluate sensors and a schedule."""
    for sensor in (pipelines.watching, pipelines.idle, pipelines.crashing):
        try:
            data = sensor.evaluate_tick(build_sensor_context(cursor="7"))
        except LookupError as error:
            sys.stdout.write(f"sensor raised {error}\n")
        else:
            sys.stdout.writelines(f"asked {json.dumps(dict(one.tags))}\n" for one in data.run_requests or ())
    scheduled = build_schedule_context(scheduled_execution_time=datetime(2025, 1, 15, tzinfo=UTC))
    for one in pipelines.nightly.evaluate_tick(scheduled).run_requests or ():
        sys.stdout.write(f"planned {json.dumps(dict(one.tags))}\n")


SPECIAL: dict[str, Callable[[str, str], None]] = {
    "op_job": ops,
    "broken": broken,
    "evasive": evasive,
    "three_steps": processes,
    "deadly": processes,
    "rerun": rerun,
    "backfilled": backfilled,
    "ticks": ticks,
}


def main() -> None:
    """Run what was asked for, and tell what the caller saw."""
    from flowstone.plugin import stats

    for name in (word for word in sys.argv[1:] if not word.startswith("--")):
        with tempfile.TemporaryDirectory() as folder:
            try:
                SPECIAL.get(name, in_process)(name, folder)
            except BaseException as error:  # noqa: BLE001  # an interrupt is one of the scenarios
                sys.stdout.write(f"{name} raised {type(error).__name__}: {error}" + "\n")
            else:
                sys.stdout.write(f"{name} returned" + "\n")
    for key, value in stats().items():
        if key.startswith("dagster."):
            sys.stdout.write(f"{key} {value}" + "\n")


if __name__ == "__main__":
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    main()
