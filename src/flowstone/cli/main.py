"""The entry of the command line: our commands, and those that plugins provide."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec

import click

import flowstone
from flowstone.cli.doctor import doctor
from flowstone.cli.events import events
from flowstone.cli.plugins import plugins
from flowstone.runtime import engine

# Commands of our own plugins, and what to install where they are missing.
_ELSEWHERE = {
    "trace": "console",
    "tail": "pubsub",
    "audit": "audit",
    "health": "health",
    "demo": "dagster,console",
}
_PROVIDED = "flowstone.cli.provided"


class Commands(click.Group):
    """Commands of flowstone and of its plugins; plugins are loaded when a command is looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands there are."""
        return sorted({*self.commands, *self._provided(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or end with what to install for it."""
        found = self.commands.get(cmd_name) or self._provided(ctx).get(cmd_name)
        if found is None and cmd_name in _ELSEWHERE:
            click.echo(f"flowstone {cmd_name}: {_why_missing(_ELSEWHERE[cmd_name])}", err=True)
            ctx.exit(2)
        return found

    def _provided(self, ctx: click.Context) -> dict[str, click.Command]:
        """Return the commands of plugins, looked for once in a call of the command line."""
        found: dict[str, click.Command] | None = ctx.meta.get(_PROVIDED)
        if found is None:
            found = _provided(self.commands)
        ctx.meta[_PROVIDED] = found
        return found


def _why_missing(plugins: str) -> str:
    """Say why no plugin provides a command, and what to do."""
    absent = [name for name in plugins.split(",") if find_spec(f"flowstone_{name}") is None]
    if absent:
        return f"not installed. Run: pip install 'flowstone[{','.join(absent)}]'"
    return "its plugin is installed but not active. See: flowstone plugins, FLOWSTONE_DISABLED_PLUGINS"


def _provided(ours: Mapping[str, click.Command]) -> dict[str, click.Command]:
    """Return the commands of plugins by name; one whose name is taken is left out with a warning."""
    found: dict[str, click.Command] = {}
    for one in engine.for_reading().plugins.implementations("provide_commands"):
        try:
            commands = list(one.call(None))
        except Exception as error:  # a plugin's fault must not take the command line away
            click.echo(f"warning: plugin {one.plugin} provides no commands: {error}", err=True)
            continue
        for command in commands:
            name = command.name or ""
            if name in ours or name in found:
                click.echo(f"warning: plugin {one.plugin}: the command {name} is taken", err=True)
            else:
                found[name] = command
    return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(flowstone.__version__, prog_name="flowstone")
def main() -> None:
    """Observability for data orchestrators."""


main.add_command(doctor)
main.add_command(events)
main.add_command(plugins)

if __name__ == "__main__":
    sys.exit(main())
