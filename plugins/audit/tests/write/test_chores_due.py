"""When the background looks what is due."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

import pytest

from flowstone.plugin import RunStart
from flowstone.testing.samples import sample
from flowstone_audit import chores, ingest, recorder
from flowstone_audit.errors import Unavailable
from plugins.audit.tests.write.log_table import Log
from tests.otel.receivers import until


def _spool_one() -> None:
    keeper = recorder.current()
    keeper.gather([sample(RunStart)])
    keeper.settle()


def _looks(monkeypatch: pytest.MonkeyPatch, catch_up: Callable[[float], int]) -> list[float]:
    """Return when the background looks what is due, from now on."""
    found: list[float] = []
    look = chores.Chores._do_what_is_due

    def noted(self: chores.Chores, now: float) -> None:
        found.append(now)
        look(self, now)

    monkeypatch.setattr(chores.Chores, "_do_what_is_due", noted)
    monkeypatch.setattr(ingest, "catch_up", catch_up)
    return found


def test_while_nothing_is_due_nobody_looks(audit_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes before the log has been idle for a second wakes no thread each time, nor does one poll."""

    def failing(timeout: float) -> int:
        raise Unavailable("the database is away")

    looks = _looks(monkeypatch, failing)
    for _ in range(20):
        _spool_one()
        sleep(0.05)
    sleep(1.5)  # it has tried, and waits for the time to try again
    assert 1 <= len(looks) <= 6, looks


def test_a_spool_that_cannot_be_read_keeps_what_comes_later_waiting_no_longer(
    audit_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again after half a minute; an entry that comes meanwhile, after a second as always."""
    tried: list[float] = []

    def unreadable(timeout: float) -> int:
        tried.append(monotonic())
        if len(tried) == 1:
            raise PermissionError("somebody else's")
        return 0

    _looks(monkeypatch, unreadable)
    _spool_one()
    assert until(lambda: len(tried) == 1, 20)
    sleep(0.1)
    _spool_one()
    assert until(lambda: len(tried) == 2, 20)
    assert tried[1] - tried[0] < 5
