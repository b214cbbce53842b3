"""What ``flowstone doctor`` says of losses in processes other than its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.servers.ports import free_port

pytest.importorskip("flowstone_console")

OVERFLOW = """
    import flowstone
    from flowstone.runtime import engine, lane, stats
    flowstone.telemetry.execute("custom.first", {}, {})
    with engine.current().drain.gate:  # nothing is delivered meanwhile, as while a process forks
        for _ in range(lane.BOUND + 1000):
            flowstone.telemetry.execute("custom.load", {}, {})
    flowstone.flush(30)
    print(stats.total("event.dropped.custom.load"))
"""
SPANS = """
    import flowstone
    for _ in range(7):
        with flowstone.run("nightly"):
            pass
    flowstone.shutdown(5)
"""
FAILING = """
    import flowstone
    from flowstone.plugin import hookimpl
    from flowstone.runtime import engine
    class Bad:
        @hookimpl
        def on_events(self, batch):
            raise LookupError("no such bucket")
    engine.current().plugins.register(Bad(), "bad")
    flowstone.telemetry.execute("custom.load", {}, {})
    flowstone.flush(5)
"""


def python(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FLOWSTONE_"))}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**kept, "FLOWSTONE_HOME": str(home), **env},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run(home: Path, program: str, **env: str) -> str:
    done = python(home, "-c", textwrap.dedent(program), **env)
    assert 0 == done.returncode, done.stderr
    return done.stdout.strip()


def losses(home: Path, **env: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code, and what doctor found of losses."""
    done = python(home, "-m", "flowstone.cli.main", "doctor", "--json", **env)
    assert "" == done.stderr
    return done.returncode, [one for one in orjson.loads(done.stdout)["findings"] if one["area"] == "losses"]


def test_events_that_another_process_dropped_are_told(tmp_path: Path) -> None:
    """An overflow of a process that is gone is a problem, with the number that the process itself counted."""
    dropped = run(tmp_path, OVERFLOW)
    assert int(dropped) > 0
    code, found = losses(tmp_path)
    assert 1 == code
    # A busy machine may add that a plugin was slow with so many events.
    (told,) = [one for one in found if "custom.load" in one["text"]]
    text = f"{dropped} x custom.load dropped (queue full), in all processes; last told 2"
    assert ("problem", text) == (told["state"], told["text"][: len(text)])


def test_losses_of_several_processes_add_up(tmp_path: Path) -> None:
    """Spans that no collector took are told once for all processes that lost some."""
    for _ in range(2):
        run(tmp_path, SPANS, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"http://127.0.0.1:{free_port()}/v1/traces")
    _, (found,) = losses(tmp_path)
    assert found["text"].startswith("14 x spans dropped ("), found


def test_a_plugin_that_failed_elsewhere_is_told(tmp_path: Path) -> None:
    """The failure of a plugin in another process is told with what it raised."""
    run(tmp_path, FAILING)
    code, (found,) = losses(tmp_path)
    assert (1, "problem") == (code, found["state"])
    assert "plugin bad failed in on_events (LookupError: no such bucket)" in found["text"]


def test_what_is_a_day_ago_is_a_note(tmp_path: Path) -> None:
    """A loss of long ago is still told, and no longer makes the exit code 1."""
    run(
        tmp_path,
        """
        import time, flowstone
        from flowstone.plugin import EventDropped
        from flowstone.runtime import engine, lane
        from flowstone.runtime.point import Point
        from flowstone.runtime.scope import Scope
        told = {"event": "run.start", "count": 3, "reason": "queue full"}
        engine.current()
        at = time.time_ns() - 25 * 3600 * 10**9
        lane.leave(Point(EventDropped, Scope(0, sampled=False), time=at, span_id=7, fields=told))
        flowstone.flush(5)
        """,
    )
    code, (found,) = losses(tmp_path)
    assert (0, "note") == (code, found["state"])
    assert found["text"].startswith("3 x run.start dropped (queue full)")


def test_without_losses_nothing_is_wrong(tmp_path: Path) -> None:
    """Where other processes told of no loss, that is said; where nobody keeps events, that is said instead."""
    run(tmp_path, SPANS)
    code, (found,) = losses(tmp_path)
    assert (0, "ok") == (code, found["state"])
    code, (found,) = losses(tmp_path, FLOWSTONE_DISABLED_PLUGINS="console")
    assert (0, "note") == (code, found["state"])
    assert "no plugin keeps events" in found["text"]
