"""A process that does a bit of everything that is measured, again and again: ``python busy.py [faulty]``.

The tests scrape it, or have it push. ``faulty`` breaks what alerts are about: runs fail, a listener raises, a
resource is down, more is broadcast than the log takes. ``FAULTY`` has what its environment must be for the rest:
an audit database that is not there, a spool without room, and nobody where the log records go.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Final

import flowstone
import flowstone_audit
import flowstone_health
import flowstone_pubsub
from flowstone.plugin import Event, count
from flowstone_audit import config, depth, verified

_NOWHERE = "127.0.0.1:9"
FAULTY: Final = {
    "FLOWSTONE_AUDIT_URL": f"postgresql+psycopg://{_NOWHERE}/none",
    "FLOWSTONE_AUDIT_SPOOL_MAX_BYTES": "4 KiB",
    "FLOWSTONE_AUDIT_ON_FAILURE": "*=drop",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"http://{_NOWHERE}/v1/logs",
}
FLOOD: Final = 60_000
"""Messages at once: more than the way out holds."""


def broken(event: Event) -> None:
    """Listen, and raise."""
    raise RuntimeError("broken on purpose")


def work(correlation_id: str) -> None:
    """Run a small pipeline, all of it with success."""
    with flowstone.run("nightly", correlation_id=correlation_id):
        with flowstone.materialization("daily_report", partition="2025-01-15"):
            with flowstone.io_load("orders", io_manager="s3") as io:
                io.size_bytes, io.rows = 2048, 10
            with flowstone.io_store("daily_report", io_manager="s3") as io:
                io.size_bytes, io.rows = 512, 1
        flowstone.checkpoint("publish").request().approve(actor="ann", reason="ok")
        flowstone.checkpoint("archive").request()
    flowstone.resource_health("warehouse", healthy=True, duration=0.01)
    flowstone.sensor_poll("s3", result="triggered", duration=0.01)
    flowstone.sensor_trigger("s3", run_id="r2")
    flowstone_audit.log("report.read", actor_id="ann", actor_type="user")
    verified.note(config.load())  # as a verification does that finds nothing


def fail(correlation_id: str) -> None:
    """Fail in every way a pipeline can."""
    for failing in (
        lambda: flowstone.io_load("orders", io_manager="s3"),
        lambda: flowstone.materialization("late"),
    ):
        try:
            with flowstone.run("nightly", correlation_id=correlation_id), failing():
                raise ValueError("no such order")
        except ValueError:
            pass
    flowstone.resource_health("lake", healthy=False, duration=0.01)
    flowstone.sensor_poll("s3", duration=0.01, error=ValueError("no bucket"))
    count(f"{depth.TAMPERED}modified")  # as a verification does that finds an entry changed


def main() -> None:
    """Work until killed."""
    faulty = "faulty" in sys.argv
    slow = flowstone_pubsub.subscribe("*", maxlen=1)
    reading = flowstone_pubsub.subscribe("*", since="earliest", policy="spill")
    server = flowstone_health.serve(0)
    if faulty:
        flowstone.telemetry.attach("broken", ["run.start"], broken)
    n = 0
    while os.getppid() != 1:
        n += 1
        correlation_id = f"busy-{os.getpid()}-{n}"
        work(correlation_id)
        if faulty:
            fail(correlation_id)
        if n % 5 == 1:
            for subscription in (slow, reading):
                subscription.next_item(timeout=0)
        if faulty and n == 2:
            for number in range(FLOOD):
                flowstone_pubsub.broadcast("flood", number)
        flowstone.flush(0.5)
        time.sleep(0.2)
    server.close()


if __name__ == "__main__":
    main()
