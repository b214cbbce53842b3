"""What a verification found is a metric, so that an alert needs no span."""

from __future__ import annotations

from click.testing import CliRunner
from sqlalchemy import text

from flowstone_audit import depth
from flowstone_audit.cli.group import audit
from plugins.audit.tests.verify.story import Story


def told() -> dict[tuple[str, ...], float]:
    (one,) = [one for one in depth.MEASURES if one.name == "flowstone.audit.tampered"]
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
