"""``flowstone dagster``, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from flowstone_dagster import names, pth
from flowstone_dagster.command import dagster


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another environment's folder, so that this one's file stays as it is."""
    monkeypatch.setattr(pth, "target", lambda: tmp_path / pth.FILE)
    return tmp_path / pth.FILE


def run(*arguments: str) -> str:
    result = CliRunner().invoke(dagster, list(arguments), catch_exceptions=False)
    assert 0 == result.exit_code
    return result.output


def test_the_pth_file_is_told_as_json(place: Path) -> None:
    """Looked for, written and removed: each time the file, and how it stands now."""
    steps = (
        ("missing",), ("missing", "--remove"), ("written", "--install"), ("there",), ("removed", "--remove"),
    )  # fmt: skip
    for state, *arguments in steps:
        assert {"file": str(place), "state": state} == json.loads(run("pth", "--json", *arguments))


def test_the_pth_file_is_told_in_words(place: Path) -> None:
    """The same without --json."""
    steps = (
        (f"{place}: missing",), (f"not there: {place}", "--remove"), (f"wrote {place}", "--install"),
        (f"{place}: there",), (f"removed {place}", "--remove"),
    )  # fmt: skip
    for text, *arguments in steps:
        assert f"{text}\n" == run("pth", *arguments)


def test_the_seams_are_told_as_json() -> None:
    """Every name that is patched or read, with whether it is there."""
    told = json.loads(run("seams", "--json"))
    assert (True, len(names.SEAMS) + len(names.READS)) == (told["ok"], len(told["names"]))
    assert all(isinstance(one["found"], bool) and one["without"] for one in told["names"])
