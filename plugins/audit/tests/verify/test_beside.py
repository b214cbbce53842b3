"""The look at the whole database that a verification has beside the entries."""

from __future__ import annotations

from typing import Any

import pytest

from flowstone_audit.verifying import beside, indexes
from plugins.audit.tests.verify.story import Story, row


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that has a word for each look at all entries of SQLite's table, which only doubt is worth."""
    made: list[str] = []
    whole = beside._whole

    def noted(source: Any, first: int) -> beside.Found:
        if source.dialect == "sqlite":
            made.append("whole")
        return whole(source, first)

    monkeypatch.setattr(beside, "_whole", noted)
    return made


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("begun", [0, 1, 3], ids=["from the beginning", "from a checkpoint", "from the last"])
def test_a_clean_log_is_read_once(told: Story, looked: list[str], jobs: int, begun: int) -> None:
    """Where what indexes have is what entries say, the table is not looked at a second time, unsealed ones included."""
    told.write(row(), row(actor_type="system", run_id=None))
    since = told.notes[begun] if begun else None
    report = told.verify(jobs=jobs, since=since)
    assert ([], []) == (report.alarms, looked)


def test_entries_that_come_meanwhile(told: Story, looked: list[str]) -> None:
    """What is written, and sealed, while a verification runs raises no doubt."""
    written = []

    def write(size: int) -> None:
        written.append(size)
        if len(written) == 1:
            told.write(row(), row(actor_type="system", run_id=None))
            told.seal()
            told.write(row())

    report = told.verify(told=write)
    assert ([], []) == (report.alarms, looked)
    assert written


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_entries_that_go_meanwhile(told: Story, looked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where fewer entries are read than an index had, as beside a prune, the table is looked at as a whole: no alarm."""
    held = indexes.held

    def before(source: Any, first: int) -> dict[str, int] | None:
        found = held(source, first)
        return found and {name: count + 1 for name, count in found.items()}

    monkeypatch.setattr(indexes, "held", before)
    assert ([], ["whole"]) == (told.verify().alarms, looked)
