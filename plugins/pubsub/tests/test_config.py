from __future__ import annotations

import pytest

from flowstone_pubsub.config import retention_of
from flowstone_pubsub.engines.base import Retention

DAY = 86_400


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", Retention()),
        ("5000", Retention(records=5000)),
        ("100_000, 7 d", Retention(100_000, 7 * DAY)),
        ("30 min", Retention(age=1800)),
        ("30m", Retention(age=1800)),
        ("1.5 Hours", Retention(age=5400)),
        ("90 sec", Retention(age=90)),
        ("2 weeks, 10", Retention(10, 14 * DAY)),
    ],
)
def test_what_is_kept(text: str, kept: Retention) -> None:
    """A number of records, an age, or both; units by their usual names."""
    assert kept == retention_of(text)


@pytest.mark.parametrize(
    "text", ["1 month", "2 months", "500 ms", "1 mo", "1 y", "3 hrs 2", "d", "-1", "1 mb"]
)
def test_what_is_no_unit_is_refused(text: str) -> None:
    """A unit that only begins like one is no unit: a month is not a minute."""
    with pytest.raises(ValueError, match="FLOWSTONE_PUBSUB_RETENTION"):
        retention_of(text)
