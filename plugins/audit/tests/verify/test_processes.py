"""Stretches shared out among processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from flowstone_audit.verifying import processes, stretch
from flowstone_audit.verifying.pieces import Stretch, Verified
from flowstone_audit.verifying.sealcheck import Base
from plugins.audit.tests.verify.story import Story

_OPENED = """
import sys
from flowstone_audit.verifying import worker
from flowstone_audit.verifying.opened import Target
with worker.open_source(Target(*eval(sys.argv[1]))).snapshot():
    print(sorted({"sqlalchemy", "alembic", "opentelemetry"} & {*sys.modules}))
"""


def test_what_no_helper_has_begun_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a helper that does not get on, this process verifies all but the one it is at; results keep their order."""
    stretches = [Stretch(at, at + 1, None, (), 0) for at in range(6)]
    free, begun = threading.Event(), threading.Event()
    helped: list[int] = []
    own: list[int] = []

    class Slow:
        def __init__(self, target: object) -> None: ...

        def verify(self, one: Stretch, trust: object) -> Verified:
            helped.append(one.first)
            begun.set()
            assert free.wait(20)
            return Verified(Base(), Base(), arrived=[one.first])

        def close(self) -> None: ...

    def verify(source: object, one: Stretch, trust: object) -> Verified:
        assert begun.wait(20)
        own.append(one.first)
        if len(own) == len(stretches) - 1:
            free.set()
        return Verified(Base(), Base(), arrived=[one.first])

    monkeypatch.setattr(processes, "_Helper", Slow)
    monkeypatch.setattr(stretch, "verify", verify)
    nothing: Any = None
    workers = processes.Workers(nothing, 2)
    made = [one.arrived for one in workers.verify(nothing, stretches, nothing)]
    workers.close()
    assert [[at] for at in range(6)] == made
    assert ([0], {1, 2, 3, 4, 5}) == (helped, set(own))


def test_a_helper_begins_soon(told: Story) -> None:
    """A process that helps to verify imports nothing that takes longer than verifying thousands of entries."""
    command = [sys.executable, "-c", _OPENED, repr(tuple(told.target))]
    assert "[]\n" == subprocess.run(command, capture_output=True, text=True, check=True).stdout
