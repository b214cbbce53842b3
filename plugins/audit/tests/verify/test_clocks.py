from __future__ import annotations

import pytest
from sqlalchemy import text

from flowstone_audit.verifying.report import CONSISTENT, PROVEN, TAMPERED
from plugins.audit.tests.verify.story import Story, clean, row


def moved(story: Story, seconds: int, entries: int = 3) -> None:
    """Write entries by a clock that is so many seconds wrong."""
    story.write(*(row() for _ in range(entries)))
    with story.attacking() as connection:
        last = f"seq > (SELECT max(seq) FROM flowstone_audit_log) - {entries}"
        by = f"{seconds} * 1000000" if story.is_sqlite else f"interval '{seconds} seconds'"
        connection.execute(
            text(f"UPDATE flowstone_audit_log SET inserted_at = inserted_at + {by} WHERE {last}")
        )
        connection.commit()


def test_a_clock_that_was_ahead(told: Story) -> None:
    """Entries dated ahead of the sealer's clock raise no alarm when the clock is right again."""
    moved(told, 1800)
    told.write(row(), row())
    assert [] == told.verify().alarms
    told.seal()
    told.fill(2)
    report = told.verify()
    assert ({"clock skew": 1}, PROVEN) == (report.counts, report.code)


def test_a_clock_that_is_behind(story: Story) -> None:
    """Entries that all go on from an earlier time raise no alarm; proven is the log once that was looked into."""
    story.fill(4, 4)
    moved(story, -300)
    story.seal()
    moved(story, -300)
    story.seal()
    report = story.verify()
    assert ({"clock corrected": 1}, CONSISTENT) == (report.counts, report.code)
    assert PROVEN == story.verify(allowed=frozenset({"clock corrected"})).code


@pytest.mark.parametrize("entries", [1, 3])
def test_entries_dated_back(story: Story, entries: int) -> None:
    """Where dates jump up again behind them, entries were dated back, one or several."""
    story.fill(4, 4)
    moved(story, -300, entries)
    story.seal()
    if entries == 1:
        assert ({"back-dated": 1}, TAMPERED) == (story.verify().counts, story.verify().code)
    story.fill(1, 1)
    for jobs in (1, 2):
        report = story.verify(jobs=jobs)
        assert ({"back-dated": 1}, TAMPERED) == (report.counts, report.code)
        assert [9] == [one.seq for one in report.alarms]


def test_clocks_that_differ_a_little(told: Story) -> None:
    """Seconds between clocks are nothing to tell."""
    moved(told, -6, 1)
    told.seal()
    moved(told, 5, 1)
    told.fill(2)
    clean(told)
