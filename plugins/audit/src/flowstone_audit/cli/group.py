"""``flowstone audit``: its commands are imported when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

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
    """Finds its commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, those for reading first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"flowstone_audit.cli.{cmd_name}"), cmd_name)
        return found


@click.group("audit", cls=Commands)
def audit() -> None:
    """The audit log: what happened, who did it, and the proof that nobody has changed it.

    The database is that of FLOWSTONE_AUDIT_URL; what waits in spools on this machine is taken in first.
    """
