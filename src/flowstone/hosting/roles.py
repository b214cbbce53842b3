"""What a process is for in its host, and when it must deliver."""

from __future__ import annotations

import os
from typing import Final, Literal

from flowstone.runtime import engine
from flowstone.runtime.export.router import make_global

Role = Literal["run", "step", "server", "cli"]

FLUSH_POINT_S: Final = 2.0

_roles: dict[int, Role] = {}  # by pid: a forked child has a role of its own


def process_role(role: Role | None = None) -> Role | None:
    """Tell, the first time, what this process is for; return what it is."""
    if role is not None:
        _roles.setdefault(os.getpid(), role)
        if role == "server":
            # A global provider would switch on the spans of every library that the server uses.
            make_global(False)
    return _roles.get(os.getpid())


def is_silent() -> bool:
    """Tell whether this process is a server, which emits nothing of its own."""
    return process_role() == "server"


def flush_point(timeout: float = FLUSH_POINT_S) -> bool:
    """Deliver and export what was emitted, within *timeout* seconds; return whether all of it arrived.

    For the end of a top-level task in hosts whose processes may leave by ``os._exit``.
    """
    return engine.flush(timeout)
