"""More spans than a pipeline makes: memory stays bounded, and every span is sent or counted as lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.otel.receivers import until
from tests.servers import collector
from tests.vendor.chain import sending

RATE = 20_000
MEMORY = 400 * 2**20
# Offers by its rate in portions of a hundredth of a second; where the machine is too slow it catches up.
OFFER = """
    import json, resource, sys, time, flowstone
    from flowstone.plugin import stats
    rate, wanted = int(sys.argv[1]), int(sys.argv[1]) * int(sys.argv[2])
    began, offered = time.perf_counter(), 0
    while offered < wanted:
        due = min(wanted, (time.perf_counter() - began) * rate)
        while offered < due:
            with flowstone.materialization("daily"):
                offered += 1
        time.sleep(0.01)
    took = time.perf_counter() - began
    flowstone.shutdown(5)
    # Not ru_maxrss: on Linux it begins with what the forking parent had.
    told = [line for line in open("/proc/self/status") if line.startswith("VmHWM")] if sys.platform == "linux" else []
    peak = int(told[0].split()[1]) * 1024 if told else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"offered": offered, "took": took, "peak": peak, "stats": dict(stats())}))
"""


@pytest.mark.parametrize("seconds", [4, pytest.param(30, marks=pytest.mark.matrix)])
def test_every_span_is_sent_or_counted(tmp_path: Path, seconds: int) -> None:
    """Of 20,000 spans a second each is taken by the collector or counted as lost; memory does not grow with them."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FLOWSTONE_"))}
    own = {
        "FLOWSTONE_HOME": str(tmp_path),
        "FLOWSTONE_DISABLED_PLUGINS": "audit,console,pubsub,health,dagster",
    }
    with collector.running(tmp_path / "collector") as server:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(OFFER), str(RATE), str(seconds)],
            env={**kept, **own, **sending(server.endpoint), "OTEL_LOGS_EXPORTER": "none"},
            capture_output=True,
            text=True,
            timeout=120 + seconds,
            check=True,
        )
        told = json.loads(done.stdout)
        lost, failed = losses(told["stats"])
        until(lambda: server.counted("otelcol_receiver_accepted_spans") >= told["offered"] - lost)
        taken = int(server.counted("otelcol_receiver_accepted_spans"))
    assert RATE * seconds == told["offered"]
    assert told["took"] < 2 * seconds + 5, told  # else it was offered at less than half of the rate
    assert told["peak"] < MEMORY, told
    # A request that failed here may have arrived there: its answer came too late.
    assert told["offered"] - lost <= taken <= told["offered"] - lost + failed, told


def losses(stats: dict[str, int]) -> tuple[int, int]:
    """Return how many spans were lost, and how many of them in requests that failed."""
    failed = stats.get("export.failed.spans", 0)
    # A materialization is told by a start and a stop; its span is lost with its stop.
    overrun = stats.get("event.dropped.materialization.stop", 0)
    return failed + stats.get("export.dropped.spans", 0) + overrun, failed
