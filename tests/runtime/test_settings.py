"""Settings: a slip costs a default and one line, never more."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowstone
from flowstone.plugin import settings
from flowstone.runtime import mistakes
from flowstone.testing import Capture


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    mistakes.forget()
    yield
    mistakes.forget()


def _count(text: str) -> int:
    if not text.isdigit():
        raise ValueError(f"FLOWSTONE_SLIP_COUNT is {text!r}; it has to be a count")
    return int(text)


def test_what_cannot_be_used_is_told_once_and_its_default_holds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is read there is one line for each setting, which names it."""
    given = {"FLAG": "perhaps", "NUMBER": "lots", "NAN": "nan", "COUNT": "many"}
    for key, value in given.items():
        monkeypatch.setenv(f"FLOWSTONE_SLIP_{key}", value)
    found = settings("FLOWSTONE_SLIP")
    for _ in range(3):
        assert (True, 2.5, 1.5) == (
            found.flag("FLAG", True),
            found.number("NUMBER", 2.5),
            found.number("NAN", 1.5),
        )
        assert 7 == found.parsed("COUNT", "7", _count)
    assert [f"FLOWSTONE_SLIP_{key} is {value!r}" for key, value in given.items()] == [
        record.message.partition(";")[0] for record in caplog.records
    ]
    assert {logging.WARNING} == {record.levelno for record in caplog.records}


def test_what_can_be_used_is_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every spelling of yes and no, numbers, and what nobody set."""
    for number, word in enumerate(("1", "TRUE", " yes ", "On", "0", "false", "no", "OFF")):
        monkeypatch.setenv("FLOWSTONE_SLIP_FLAG", word)
        assert (number < 4) == settings("FLOWSTONE_SLIP").flag("FLAG", number >= 4)
    assert 3.0 == settings("FLOWSTONE_SLIP").number("NOWHERE", 3.0)
    assert 3 == settings("FLOWSTONE_SLIP").parsed("NOWHERE", "3", _count)
    assert [] == caplog.records


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("flowstone.toml", 'slip_flag = "1"\nslip_number ='),
        ("flowstone.toml", "slip_flag = '\xff'"),
        ("pyproject.toml", "[tool.flowstone]\nslip_flag = maybe"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    text: str,
) -> None:
    """One line names the file; nothing of it holds, nor of one above it."""
    (tmp_path / "flowstone.toml").write_text('slip_flag = "0"\n', encoding="utf-8")
    below = tmp_path / "below"
    below.mkdir()
    (below / name).write_bytes(text.encode("latin-1"))
    monkeypatch.chdir(below)
    assert [True, True] == [settings("FLOWSTONE_SLIP").flag("FLAG", True) for _ in range(2)]
    assert [str(below / name)] == [record.message.split()[0] for record in caplog.records]


def test_a_broken_file_of_somebody_elses_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A pyproject.toml without a word of flowstone may be as it likes."""
    (tmp_path / "flowstone.toml").write_text("slip_flag = false\n", encoding="utf-8")
    below = tmp_path / "below"
    below.mkdir()
    (below / "pyproject.toml").write_text("[tool.other\n", encoding="utf-8")
    monkeypatch.chdir(below)
    assert not settings("FLOWSTONE_SLIP").flag("FLAG", True)
    (below / "pyproject.toml").write_text("tool = 3\n", encoding="utf-8")
    (below / "again").mkdir()
    monkeypatch.chdir(below / "again")
    assert not settings("FLOWSTONE_SLIP").flag("FLAG", True)
    assert [] == caplog.records


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a folder in use cannot be removed")
def test_a_working_directory_that_is_gone_harms_nobody(
    flowstone_capture: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment still holds, and the pipeline runs."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("FLOWSTONE_SLIP_NUMBER", "4")
    assert (4.0, 5.0) == (
        settings("FLOWSTONE_SLIP").number("NUMBER", 0.0),
        settings("FLOWSTONE_SLIP").number("OTHER", 5.0),
    )
    with flowstone.run("nightly"):
        pass
    assert ["run.start", "run.stop"] == [event.name for event in flowstone_capture.events]
