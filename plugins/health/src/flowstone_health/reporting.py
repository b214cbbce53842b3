"""The board of this process: made when somebody first asks for health, and anew in a forked child."""

from __future__ import annotations

import os
import threading

from flowstone_health import config
from flowstone_health.board import Board
from flowstone_health.collecting import collect
from flowstone_health.resources import Resources


class _Reporting:
    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.board: Board | None = None
        self.resources = Resources(config.load().resource_ttl)
        self.draining = False


_here: _Reporting | None = None


def _mine() -> _Reporting:
    global _here
    found = _here
    if found is None or found.pid != os.getpid():  # a parent's locks and threads are none of ours
        found = _here = _Reporting()
    return found


def board() -> Board:
    """Return the board of this process, at work."""
    mine = _mine()
    with mine.lock:
        made = mine.board
        if made is None:
            made = mine.board = Board(collect, mine.resources, config.load().interval)
            made.draining = mine.draining
    made.start()
    return made


def peek() -> Board | None:
    """Return the board of this process, if there is one."""
    return _mine().board


def resources() -> Resources:
    """Return what the pipeline saw of resources in this process."""
    return _mine().resources


def drain() -> None:
    """Say that this process is about to end: ``/readyz`` answers 503 from now on, ``/livez`` does not.

    Takes no lock, so that a signal handler may call it.
    """
    mine = _mine()
    mine.draining = True
    if mine.board is not None:
        mine.board.draining = True


def stop() -> None:
    """Let the board go; who asks afterwards gets a new one."""
    mine = _mine()
    with mine.lock:
        former, mine.board = mine.board, None
    if former is not None:
        former.stop()


def forget() -> None:
    """Stop, and know nothing any more. For tests."""
    global _here
    stop()
    _here = None
