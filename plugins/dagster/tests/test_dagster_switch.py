"""Ways to switch the adapter on, and what it does when it is off or its ground is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from packaging.version import Version

from flowstone_dagster import names, pth
from flowstone_dagster.roles import is_server
from flowstone_dagster.wall import walled
from plugins.dagster.tests.environment import HERE, Run


@pytest.mark.parametrize("name", [*names.SEAMS, *names.READS], ids=lambda name: name.key)
def test_this_dagster_has(name: names.Name) -> None:
    """Every private name that the adapter uses is in the installed Dagster, if that is not too old for it."""
    if name.since and Version(version("dagster")) < Version(name.since):
        pytest.skip(f"since Dagster {name.since}")
    assert name.found(), name.without


def test_without_the_switch_nothing_is_told(run: Run) -> None:
    """Off means that Dagster is as it was."""
    told = run("failing", switch=None)
    assert [] == told.events
    assert "failing raised ValueError: bad rows" in told.output


def test_missing_seams_are_counted_and_replaced(run: Run) -> None:
    """With a Dagster whose private names are others, the public events still tell all but durations."""
    told = run("partitioned", "failing", "--lost", switch=None)
    assert "dagster.seam.missing 3" in told.output, told.errors
    for name in ("run.stop", "io.load.stop"):
        told.one("partitioned", name)
    for asset in ("raw/orders", "report"):
        told.one("partitioned", "materialization.start", asset=asset)
        assert "2025-01-15" == told.one("partitioned", "materialization.stop", asset=asset)["partition"]
    failed = told.one("failing", "materialization.exception")
    assert "ValueError" == failed["error"]["type"]  # type: ignore[index]


def test_waiting_for_dagster_imports_nothing(python: Path) -> None:
    """The switch costs an interpreter that never imports Dagster next to nothing."""
    ask = "import sys; print(sorted({m.partition('.')[0] for m in sys.modules} & {'flowstone','dagster','pluggy'}))"
    done = subprocess.run(
        [python, "-c", ask],
        env={**os.environ, "FLOWSTONE_DAGSTER": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("[]\n", "") == (done.stdout, done.stderr)


def test_a_line_left_behind_is_harmless(tmp_path: Path) -> None:
    """Where the package is gone and its .pth is not, the interpreter starts in silence."""
    (tmp_path / pth.FILE).write_text(pth.line(), encoding="utf-8")
    script = f"import site; site.addsitedir({str(tmp_path)!r}); print('up')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script],
        env={**os.environ, "FLOWSTONE_DAGSTER": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("up\n", "") == (done.stdout, done.stderr)


def test_the_wheel_carries_the_line(tmp_path: Path) -> None:
    """The .pth stands at the root of the wheel, so that installing switches and uninstalling removes."""
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=HERE.parent, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert pth.line() == archive.read(pth.FILE).decode()
        assert "flowstone_dagster/py.typed" in archive.namelist()


def test_opentelemetry_instrument_finds_it() -> None:
    """The entry point of auto-instrumentation leads to a class that it can call."""
    found = [e for e in entry_points(group="opentelemetry_instrumentor") if e.name == "flowstone_dagster"]
    if not found:
        pytest.skip("flowstone-dagster is not installed here")
    assert ["dagster >= 1.10, < 2"] == found[0].load()().instrumentation_dependencies()


@pytest.mark.parametrize(
    ("expected", "command"),
    [
        (True, "python /env/bin/dagster-webserver -p 3000"),
        (True, "python /env/bin/dagster-daemon run"),
        (True, "python -m dagster_webserver"),
        (True, "python -m dagster._daemon run"),
        (True, "python /env/bin/dagster dev -f defs.py"),
        (True, "python -m dagster api grpc --lazy-load-user-code"),
        (True, "python -m dagster code-server start"),
        (False, "python -m dagster api execute_run {}"),
        (False, "python -m dagster api execute_step {}"),
        (False, "python /env/bin/dagster job execute -f defs.py"),
        (False, "python -c from multiprocessing.spawn import spawn_main --multiprocessing-fork"),
        (False, "python nightly.py dagster dev"),
    ],
)
def test_servers_are_known_by_their_command(expected: bool, command: str) -> None:
    """Web servers, daemons and code servers are told apart from what runs pipelines."""
    assert expected is is_server(command.split(" "))


def test_a_fault_stops_at_the_wall() -> None:
    """What raises behind the wall returns None; what does not is untouched."""
    assert None is walled(lambda: 1 / 0)()
    assert 1 == walled(lambda: 1)()
