"""The program of the demo's first run: the job in this one process, and then what this process measured."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

import dagster as dg

import flowstone
from flowstone.plugin import stats
from flowstone_dagster.demo.jobs import DELAYS, MONTH
from flowstone_dagster.demo.project.definitions import defs

_FLUSH_SECONDS: Final = 2.0


def main(correlation_id: str, lines: Path) -> None:
    """Run the job, and write flowstone's log lines to *lines* and its metrics to standard output, as JSON."""
    _log_to(lines)
    with dg.DagsterInstance.get() as instance:
        defs.resolve_job_def(DELAYS).execute_in_process(
            partition_key=MONTH,
            instance=instance,
            tags={"flowstone/correlation_id": correlation_id},
            raise_on_error=False,
        )
    delivered = flowstone.flush(timeout=_FLUSH_SECONDS)
    metrics = [asdict(metric) for metric in flowstone.telemetry.metrics()]
    told = {"delivered": delivered, "counters": dict(stats()), "metrics": metrics}
    sys.stdout.write(json.dumps(told, default=str))


def _log_to(lines: Path) -> None:
    lines.write_text("", encoding="utf-8")
    # Appending: Dagster configures logging when it runs, which closes every handler; this mode opens the file again.
    handler = logging.FileHandler(lines, mode="a", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("flowstone.events")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    flowstone.telemetry.attach_default_handlers()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
