"""Ports for the servers of tests, on the loopback and below the ephemeral range."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import Final

_given: Final[dict[int, int]] = {}


def free_port() -> int:
    """Return a free port on the loopback, below the ephemeral range; no other test process is given it.

    A port stays this process's while its server is stopped, or not started yet.
    """
    for port in range(20000 + os.getpid() % 5000, 32000):
        if port not in _given and _is_free(port) and _reserve(port):
            return port
    raise RuntimeError("no free port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _reserve(port: int) -> bool:
    lock = os.open(Path(tempfile.gettempdir()) / f"flowstone-test-port-{port}", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    _given[port] = lock  # until this process ends
    return True
