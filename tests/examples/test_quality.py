"""The example distribution, installed like anybody's into an environment of its own."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.examples.environment import Environment, is_installed_here
from tests.laws.tree import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "flowstone-quality"

PIPELINE = """
import flowstone
with flowstone.run("nightly", correlation_id="quality-1"), flowstone.materialization("orders") as orders:
    orders.rows = 0
flowstone.flush(timeout=5)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    made = Environment(tmp_path_factory.mktemp("quality"))
    made.install(EXAMPLE)
    return made


def test_it_is_installed_there_alone(environment: Environment) -> None:
    """The environment of the tests does not see it, so that what passes passes by the installation."""
    assert not is_installed_here("flowstone_quality")
    found = environment.run("-c", "import flowstone_quality; print(flowstone_quality.__file__)").stdout
    assert Path(found.strip()).is_relative_to(environment.folder / "env")


def test_its_tests_pass(environment: Environment) -> None:
    """Its own tests, the contract suite among them, pass against the installed distribution."""
    done = environment.test(EXAMPLE / "tests")
    assert 0 == done.returncode, done.stdout + done.stderr


def test_it_is_found_by_its_entry_point(environment: Environment) -> None:
    """The command line lists the plugin with its version, and its event."""
    listed = orjson.loads(environment.flowstone("plugins", "--json").stdout)
    assert [("0.1.0", "active")] == [
        (one["version"], one["state"]) for one in listed if one["name"] == "quality"
    ]
    events = orjson.loads(environment.flowstone("events", "--json").stdout)
    assert "on_quality_checked" in [event["hook"] for event in events]


@pytest.mark.parametrize(("least", "code"), [("2", 0), ("3", 1)])
def test_its_command_runs(least: str, code: int, environment: Environment, tmp_path: Path) -> None:
    """`flowstone quality` answers there, by output and exit code."""
    file = tmp_path / "orders.csv"
    file.write_text("id\n1\n2\n", encoding="utf-8")
    done = environment.flowstone("quality", str(file), FLOWSTONE_QUALITY_MIN_ROWS=least)
    assert (code, f"orders.csv: 2 rows, at least {least} wanted\n") == (done.returncode, done.stdout)


def test_its_listener_hears_a_pipeline(environment: Environment) -> None:
    """A pipeline that knows nothing of it leaves its event in the trace, under the run's correlation id."""
    done = environment.run("-c", PIPELINE)
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    shown = environment.flowstone("trace", "quality-1")
    assert "quality" in shown.stdout, shown.stdout + shown.stderr


def test_it_can_be_switched_off_by_name(environment: Environment) -> None:
    """Its name in FLOWSTONE_DISABLED_PLUGINS keeps it out."""
    listed = environment.flowstone("plugins", "--json", FLOWSTONE_DISABLED_PLUGINS="quality").stdout
    assert ["disabled"] == [one["state"] for one in orjson.loads(listed) if one["name"] == "quality"]
