"""A pipeline in a process of its own, which works until it is told to stop and then says how it went."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WORK = """
    import json, sys, threading, time, flowstone
    from flowstone.plugin import stats
    stopped, took, count, pause = threading.Event(), [], 0, float(sys.argv[1])
    threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
    with flowstone.run("nightly") as run:
        while not stopped.is_set():
            began = time.perf_counter()
            with flowstone.materialization(f"asset-{count}"):
                count += 1
            took.append(time.perf_counter() - began)
            time.sleep(pause)
    shut = time.perf_counter()
    complete = flowstone.shutdown(5)
    shut, took = time.perf_counter() - shut, sorted(took[1:])
    lost = {key: n for key, n in stats().items() if key.startswith("export.") and key.endswith("spans")}
    print(json.dumps({"trace": run.trace_id, "count": count, "complete": complete, "stats": lost,
                      "worst": took[-1], "p99": took[len(took) * 99 // 100], "shutdown": shut}))
"""


class Pipeline:
    """A process that materializes one asset after the other, in one run: ``asset-0``, ``asset-1``, ..."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def stop(self) -> dict[str, Any]:
        """Have it end, and return what it tells."""
        told, _ = self._process.communicate("", timeout=60)
        found: dict[str, Any] = json.loads(told)
        return found


@contextmanager
def working(home: Path, env: Mapping[str, str], pause: float = 0.02) -> Iterator[Pipeline]:
    """Run a pipeline with these variables."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FLOWSTONE_"))}
    own = {"FLOWSTONE_HOME": str(home), "FLOWSTONE_DISABLED_PLUGINS": "audit,console,pubsub,health,dagster"}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORK), str(pause)],
        env={**kept, **own, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Pipeline(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
