"""SIGTERM is seen before the program's own handler, and left alone where it has none."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from flowstone_health import draining, reporting
from tests.otel.receivers import until


@pytest.fixture(autouse=True)
def sigterm() -> Iterator[None]:
    """Puts the handler back that was there."""
    former = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, former)


def test_the_programs_handler_is_called_after_draining() -> None:
    """On SIGTERM the process is draining when its own handler is called."""
    seen: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: seen.append(reporting.board().draining))
    assert draining.watch()
    assert draining.watch()
    os.kill(os.getpid(), signal.SIGTERM)
    assert until(lambda: seen == [True], 5)


@pytest.mark.parametrize("disposition", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_disposition_is_left_alone(disposition: signal.Handlers) -> None:
    """Where SIGTERM ends the process, or is ignored, it stays so."""
    signal.signal(signal.SIGTERM, disposition)
    assert not draining.watch()
    assert disposition == signal.getsignal(signal.SIGTERM)


def test_draining_outlives_the_board() -> None:
    """A board that is made after the word was given is draining too."""
    reporting.board()
    reporting.drain()
    reporting.stop()
    assert reporting.board().draining
