"""The demo, once: what it prints."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from flowstone_dagster.demo import project
from plugins.dagster.tests.demo.conftest import Done, Flowstone


def test_it_succeeds_although_an_asset_fails(first: Done) -> None:
    """The failure is meant to be: exit code 0, and nothing but three lines of progress on standard error."""
    assert 0 == first.returncode, first.stdout + first.stderr
    assert 3 == len(first.stderr.splitlines()), first.stderr


@pytest.mark.parametrize(
    "text",
    [
        "✘ materialize punctuality [2013-01]  failure",
        "✔ materialize flights [2013-01]",
        "27,004 rows",
        "IntCastingNaNError: Cannot convert non-finite values",
        "checkpoint publish requested",
        "checkpoint publish approved by flowstone demo",
        "resource tables healthy",
        "✔ run weather",
        "load observations (csv)",
        "flowstone.materialization.duration  4 measured",
        '"event":"materialization.exception","asset":"punctuality"',
        "checkpoint.approved of 'publish' by the user 'flowstone demo'",
        "trace and audit log tell of the same 7 materializations",
        "messages, no gap; after the event by",
        "materialization.stop       windy_hours",
        "200  healthy: database healthy",
        "503  unhealthy: database unhealthy",
        "dagster_storage: the check raised OperationalError",
    ],
)
def test_it_shows_what_happened(first: Done, text: str) -> None:
    """Trees, metrics and a log line tell of both runs."""
    assert text in first.stdout


def test_it_is_short(first: Done) -> None:
    """The output is short enough to be read, trees and all."""
    assert 130 >= len(first.stdout.splitlines()) + len(first.stderr.splitlines())


def test_it_names_its_folder(first: Done, folder: Path) -> None:
    """The data are where the output says they are, one file for the partition of each asset that was made."""
    assert f"Files    {folder}\n" in first.stdout
    made = {path.relative_to(folder / "data").as_posix() for path in folder.glob("data/**/*.csv")}
    partitioned = {f"{asset}/2013-01.csv" for asset in ("flights", "delays", "published")}
    assert {*partitioned, "airports.csv", "observations.csv", "windy_hours.csv"} == made


def test_the_commands_that_it_prints_work(first: Done) -> None:
    """What the user is told to type does, in a shell, what the output says."""
    commands = [line.partition("#")[0].strip() for line in first.stdout.splitlines() if "  # " in line]
    codes = [
        subprocess.run(each, shell=True, capture_output=True, check=False).returncode for each in commands
    ]
    # 1: a run in that trace failed, and the copy of the audit log is forged.
    assert [1, 1, 0, 0, 0, 1] == codes, commands


def test_it_leaves_other_peoples_files_alone(flowstone: Flowstone, tmp_path: Path) -> None:
    """A folder with files that are not the demo's is refused with the reason, and stays as it is."""
    mine = tmp_path / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    done = flowstone("demo", "--folder", str(tmp_path))
    assert (1, [mine]) == (done.returncode, list(tmp_path.iterdir()))
    assert "name another with --folder" in done.stderr


def test_the_project_knows_flowstone_by_its_checkpoint_only() -> None:
    """The project's code does not use flowstone, but for asking for an approval."""
    files = [file for place in project.__path__ for file in sorted(Path(place).glob("*.py"))]
    used = [
        ast.unparse(node)
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "flowstone"
    ]
    assert ["flowstone.checkpoint"] == used
