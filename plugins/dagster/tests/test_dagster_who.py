"""Who asked for a run, by Dagster's tags."""

from __future__ import annotations

import pytest
from dagster import DagsterRun
from dagster._core.storage.tags import BACKFILL_ID_TAG, SCHEDULE_NAME_TAG, SENSOR_NAME_TAG, USER_TAG

from flowstone_dagster.who import actor_of


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, {}),
        ({USER_TAG: "ann@example.com"}, {"user.id": "ann@example.com"}),
        ({SCHEDULE_NAME_TAG: "daily"}, {"flowstone.actor.id": "schedule:daily"}),
        ({SENSOR_NAME_TAG: "s3"}, {"flowstone.actor.id": "sensor:s3"}),
        ({BACKFILL_ID_TAG: "abc"}, {"flowstone.actor.id": "backfill:abc"}),
        ({BACKFILL_ID_TAG: "abc", USER_TAG: "ann"}, {"user.id": "ann"}),
    ],
)
def test_the_tags_tell_who_asked(tags: dict[str, str], expected: dict[str, str]) -> None:
    """A user where there is one, else what of Dagster's own asked; nobody where nothing is known."""
    if "flowstone.actor.id" in expected:
        expected = expected | {"flowstone.actor.type": "system"}
    assert expected == actor_of(DagsterRun(job_name="j", tags=tags))


def test_a_re_execution_is_not_its_predecessors() -> None:
    """It takes over the tags, but not whoever asked."""
    run = DagsterRun(job_name="j", tags={USER_TAG: "ann"}, parent_run_id="r", root_run_id="r")
    assert {} == actor_of(run)


def test_nobody_where_the_row_is_gone() -> None:
    """Without a row nothing is known."""
    assert {} == actor_of(None)
