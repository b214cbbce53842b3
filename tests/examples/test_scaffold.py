"""`flowstone plugins new`: what it writes is a plugin that passes its own tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from flowstone.cli.main import main
from flowstone.testing import Capture
from tests.examples.environment import Environment
from tests.laws.tree import ROOT


def _new(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["plugins", "new", *arguments])
    return result.exit_code, result.output


def test_a_new_plugin_passes_its_own_tests(tmp_path: Path) -> None:
    """Written, installed and tested without a change, its command and its entry point included."""
    assert 0 == _new("row-counts", "--folder", str(tmp_path))[0]
    made = tmp_path / "flowstone-row-counts"
    environment = Environment(tmp_path)
    environment.install(made)
    done = environment.test(made / "tests")
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "flowstone-row-counts is installed\n" == environment.flowstone("row-counts").stdout
    assert "row-counts" in environment.flowstone("plugins").stdout


def test_a_new_plugin_is_clean(tmp_path: Path) -> None:
    """What is written passes formatter, linter and type checker of this repository."""
    assert 0 == _new("quality", "--folder", str(tmp_path))[0]
    made = tmp_path / "flowstone-quality"
    checks = (
        ("ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), str(made)),
        ("ruff", "check", "--isolated", "--select", "E,F,B,UP", "--line-length", "110", str(made)),
        (
            "mypy",
            "--config-file=",
            "--strict",
            str(made / "src"),
            "--no-incremental",
            "--cache-dir=/dev/null",
        ),
    )
    for check in checks:
        pytest.importorskip(check[0])
        done = subprocess.run(
            [sys.executable, "-m", *check], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert 0 == done.returncode, done.stdout + done.stderr


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    """Nothing is written where something stands."""
    there = tmp_path / "flowstone-quality"
    there.mkdir()
    code, output = _new("quality", "--folder", str(tmp_path))
    assert (1, True) == (code, "exists; nothing was written" in output)
    assert [] == list(there.iterdir())


def test_the_prefix_is_not_doubled(tmp_path: Path) -> None:
    """A name that has the distribution's prefix already is taken for the name behind it."""
    assert 0 == _new("flowstone-quality", "--folder", str(tmp_path))[0]
    assert ["flowstone-quality"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["Quality", "a b", "../up", "1st", "a--b", "a-", "", "flowstone-", "naïve"])
def test_bad_names_are_refused(name: str, tmp_path: Path) -> None:
    """A name that makes no package ends with the rule, and nothing is written."""
    code, output = _new(name, "--folder", str(tmp_path))
    assert (2, True) == (code, "lower-case" in output)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["otel", "flowstone-audit", "doctor", "trace", "dagster"])
def test_a_name_that_is_taken_is_refused(name: str, tmp_path: Path) -> None:
    """By a plugin, a command or a package: the message says so, and nothing is written."""
    code, output = _new(name, "--folder", str(tmp_path))
    assert (2, True) == (code, "is taken" in output)
    assert [] == list(tmp_path.iterdir())


def test_what_was_written_is_told_as_json(tmp_path: Path) -> None:
    """One document with the folder and the files in it."""
    code, output = _new("row-counts", "--folder", str(tmp_path), "--json")
    told = json.loads(output)
    made = tmp_path / "flowstone-row-counts"
    assert (0, "row-counts", str(made)) == (code, told["plugin"], told["folder"])
    assert told["files"] == sorted(str(one.relative_to(made)) for one in made.rglob("*") if one.is_file())


def test_the_listing_stays(flowstone_capture: Capture) -> None:
    """Without a further word `flowstone plugins` still lists them."""
    result = CliRunner().invoke(main, ["plugins"])
    assert (0, True) == (result.exit_code, result.output.startswith("capture"))
