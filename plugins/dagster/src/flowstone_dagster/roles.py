"""What this process is in Dagster: a server, a run's own process, or one step's."""

from __future__ import annotations

import os
import sys
from pathlib import PurePath
from typing import Final, Literal

from flowstone.hosting import flush_point, process_role
from flowstone_dagster import runs
from flowstone_dagster.shapes import StepContext
from flowstone_dagster.wall import walled

FLUSH_SECONDS: Final = 0.5
"""How long the end of a step process may wait for export; atexit waits longer where it runs."""

_SERVERS: Final = frozenset(
    {
        "dagster-webserver",
        "dagster_webserver",
        "dagster-daemon",
        "dagster._daemon",
        "dagster-graphql",
        "dagster_graphql",
    }
)
_COMMANDS: Final = frozenset({"dagster", "dg"})
_SERVER_COMMANDS: Final = frozenset(
    {("dev",), ("code-server",), ("api", "grpc"), ("api", "grpc-health-check")}
)
_WITH_VALUE: Final = frozenset({"-X", "-W", "--check-hash-based-pycs"})

Role = Literal["run", "step", "server"]

_told: dict[int, Role] = {}  # by pid: a forked child is another process


def is_server(command: list[str]) -> bool:
    """Tell whether a command line is that of a web server, daemon or code server of Dagster.

    Args:
        command: The command as the interpreter was started, with the interpreter's own options
            (``sys.orig_argv``): processes that a code server spawns inherit its ``sys.argv``.
    """
    program, arguments = _program(command)
    if program in _SERVERS:
        return True
    words = tuple(word for word in arguments if not word.startswith("-"))
    return program in _COMMANDS and bool({words[:1], words[:2]} & _SERVER_COMMANDS)


def _program(command: list[str]) -> tuple[str, list[str]]:
    """Return what an interpreter was started to run, a script's name or a module, and its arguments."""
    place = 1
    while place < len(command):
        word = command[place]
        if word == "-m":
            return "".join(command[place + 1 : place + 2]), command[place + 2 :]
        if word == "-c":
            break
        if not word.startswith("-"):
            return PurePath(word).name, command[place + 1 :]
        place += 2 if word in _WITH_VALUE else 1
    return "", []


@walled
def tell_server() -> None:
    """Tell the core if this is a server."""
    if is_server(sys.orig_argv):
        _tell("server")


def tell_run() -> None:
    """Tell the core that a run lives here."""
    _tell("run")


@walled
def tell_step(context: StepContext) -> None:
    """Tell the core that a single step lives here, unless its whole run does."""
    _tell("run" if runs.began_here(context.dagster_run.run_id) else "step")


@walled
def step_over() -> None:
    """Wait a moment for export if this process was made for the step."""
    if _told.get(os.getpid()) == "step":
        flush_point(timeout=FLUSH_SECONDS)


def _tell(role: Role) -> None:
    if os.getpid() not in _told:
        _told[os.getpid()] = role
        process_role(role)
