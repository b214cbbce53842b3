"""The demo's processes: programs and commands, each in an interpreter of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

from flowstone_dagster.demo.place import Place, UnusableError

COMMANDS: Final = "flowstone.cli.main"
"""The module behind ``flowstone``."""

_PATIENCE: Final = 120.0


def command(module: str, *arguments: str) -> list[str]:
    """Return how a module is run by this interpreter."""
    # -P: a module of the current folder must not take the place of an installed one.
    return [sys.executable, "-P", "-m", module, *arguments]


def run(
    place: Place,
    module: str,
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    stdout: int | None = subprocess.PIPE,
    stderr: int | None = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    """Run a module to its end.

    Args:
        place: Where the demo keeps its files.
        module: The module.
        *arguments: What it is told.
        settings: What its environment has beside the demo's.
        stdout: Where its output goes; None for ours.
        stderr: Where its errors go; None for ours.

    Raises:
        UnusableError: It did not end.
    """
    typed = command(module, *arguments)
    try:
        return subprocess.run(  # noqa: S603  # our own interpreter, no shell
            typed,
            env={**place.environment(), **(settings or {})},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnusableError(f"no end after {_PATIENCE:.0f} s of: {' '.join(typed)}") from error


def told(done: subprocess.CompletedProcess[str], *good: int) -> Any:
    """Return the JSON document that a command of flowstone has printed.

    Raises:
        UnusableError: It ended otherwise than with 0 or a *good* code, or printed none.
    """
    try:
        if done.returncode in (0, *good):
            return json.loads(done.stdout)
    except ValueError:
        pass
    typed = " ".join(["flowstone", *done.args[5:]] if COMMANDS in done.args else done.args[1:])
    raise UnusableError(f"exit code {done.returncode} of: {typed}\n{done.stderr.strip()}".rstrip())
