"""The two runs of the project, and ``flowstone trace``."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Final

from flowstone_dagster import pth
from flowstone_dagster.demo.jobs import PROJECT, WEATHER
from flowstone_dagster.demo.place import Place, UnusableError
from flowstone_dagster.demo.processes import COMMANDS, run

_TAIL: Final = 15


def run_month(place: Place, correlation_id: str, *, verbose: bool) -> dict[str, Any]:
    """Run the first job in a process of its own, and return what that process measured.

    Raises:
        UnusableError: The process failed.
    """
    done = run(place, "flowstone_dagster.demo.month", correlation_id, str(place.lines), stderr=_log(verbose))
    _demand(done)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def run_weather(place: Place, correlation_id: str, *, verbose: bool) -> None:
    """Run the second job as any user of Dagster would; each step gets a process.

    Raises:
        UnusableError: The process failed.
    """
    tags = json.dumps({"flowstone/correlation_id": correlation_id})
    job = ("job", "execute", "-m", PROJECT, "-d", str(place.folder), "-j", WEATHER, "--tags", tags)
    _demand(run(place, "dagster", *job, stderr=_log(verbose)))


def trace_document(place: Place, correlation_id: str) -> dict[str, Any]:
    """Return what ``flowstone trace --json`` tells.

    Raises:
        UnusableError: It tells nothing.
    """
    done = run(place, COMMANDS, "trace", correlation_id, "--json")
    if done.returncode > 1:  # 1 says that a run in it failed, as one shall
        raise UnusableError(f"flowstone trace: {done.stderr.strip()}{_advice()}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def show_trace(place: Place, correlation_id: str) -> None:
    """Let ``flowstone trace`` write to our standard output, with the colours and the width of the terminal."""
    sys.stdout.flush()
    run(place, COMMANDS, "trace", correlation_id, stdout=None, stderr=None)


def _log(verbose: bool) -> int | None:
    return None if verbose else subprocess.PIPE


def _demand(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        last = "\n".join((done.stderr or "").splitlines()[-_TAIL:])
        raise UnusableError(f"exit code {done.returncode} of: {' '.join(done.args)}\n{last}".rstrip())


def _advice() -> str:
    if pth.target().exists():
        return ""
    return "\nDagster may not have been observed; run: python -m flowstone_dagster pth --install"
