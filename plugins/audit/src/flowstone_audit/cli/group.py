"""``flowstone audit``: its commands are imported when they are asked for."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Final, NoReturn

import click

UNUSABLE: Final = 2
INTERRUPTED: Final = 130
NOBODY_READS: Final = 141
"""As a shell has it of a program that SIGPIPE or SIGINT ends."""

COMMANDS: Final = (
    "log",
    "show",
    "history",
    "export",
    "verify",
    "prove",
    "evidence",
    "seal",
    "key",
    "migrate",
    "erase",
    "prune",
)
"""Their names; each is the command of that name in the module of that name."""


class Commands(click.Group):
    """Finds its commands by name, and sees that none ends with 1 by mistake: of `verify` that means tampered with."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it printed has arrived when it ends well."""
        try:
            with _arrived():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            _leave(INTERRUPTED)
        except BrokenPipeError:  # such as of `| head`, which has read enough
            _leave(NOBODY_READS)
        except OSError as error:  # such as a disk that is full
            _leave(UNUSABLE, f"cannot write: {error}")
        except Exception:  # a mistake of ours
            _leave(UNUSABLE, traceback.format_exc().rstrip())

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, those for reading first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"flowstone_audit.cli.{cmd_name}"), cmd_name)
        return found


@contextmanager
def _arrived() -> Iterator[None]:
    """Have written out what was printed, also where the block ends with an exit code."""
    try:
        yield
    except click.exceptions.Exit:
        sys.stdout.flush()
        raise
    sys.stdout.flush()


def _leave(code: int, message: str = "") -> NoReturn:
    """End with *code*; what was not written stays so, for the interpreter would try again and complain."""
    if message:
        with suppress(OSError):
            click.echo(message, err=True)
    with suppress(OSError, ValueError):  # under a test there is no descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    raise click.exceptions.Exit(code)


@click.group("audit", cls=Commands)
def audit() -> None:
    """The audit log: what happened, who did it, and the proof that nobody has changed it.

    The database is that of FLOWSTONE_AUDIT_URL; what waits in spools on this machine is taken in first.
    """
