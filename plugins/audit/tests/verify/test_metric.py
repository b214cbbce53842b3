"""What a verification found is a metric, so that an alert needs no span."""

from __future__ import annotations

import os
from time import time

from click.testing import CliRunner
from sqlalchemy import text

from flowstone_audit import config, depth
from flowstone_audit.cli.group import audit
from plugins.audit.tests.verify.story import Story


def told(name: str = "flowstone.audit.tampered") -> dict[tuple[str, ...], float]:
    (one,) = [one for one in depth.MEASURES if one.name == name]
    return dict(one.read())


def test_each_verification_that_finds_something_counts_once(lived: Story) -> None:
    """By the first thing that was done to the log; one that finds nothing counts nothing."""
    before = told()
    assert 3 == CliRunner().invoke(audit, ["verify"]).exit_code
    assert before == told()
    with lived.attacking() as connection:
        connection.execute(text("UPDATE flowstone_audit_log SET actor_id = 'eve' WHERE seq = 5"))
        connection.commit()
    assert 1 == CliRunner().invoke(audit, ["verify"]).exit_code
    assert before.get(("modified",), 0.0) + 1 == told()[("modified",)]


def test_the_last_whole_verification_that_found_nothing_has_an_age(lived: Story) -> None:
    """One entry, a part or what was tampered with is no whole; before the first there is no series at all."""
    age = "flowstone.audit.verified.age"
    run = CliRunner().invoke
    assert 3 == run(audit, ["verify", "--entry", "5"]).exit_code
    assert {} == told(age)
    assert 3 == run(audit, ["verify"]).exit_code
    assert 0 <= told(age)[()] < 60
    day_before = time() - 86_400
    os.utime(config.load().folder / "verified", (day_before, day_before))
    with lived.attacking() as connection:
        connection.execute(text("UPDATE flowstone_audit_log SET actor_id = 'eve' WHERE seq = 5"))
        connection.commit()
    assert 1 == run(audit, ["verify"]).exit_code
    assert 86_400 <= told(age)[()] < 86_500
