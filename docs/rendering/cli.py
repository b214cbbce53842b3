"""The page of the command line, rendered from its commands."""

from __future__ import annotations

from collections.abc import Iterator

import click

from flowstone.cli.main import main

_INTRODUCTION = """\
# Command line

This page is rendered from the commands of flowstone and of the plugins in this repository; `make docs` writes it.

A command that belongs to a plugin which is not installed says what to install, and ends with exit code 2."""


def page() -> str:
    """Return the page as Markdown."""
    context = click.Context(main, info_name="flowstone", terminal_width=100, max_content_width=100)
    parts = [_INTRODUCTION]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if command is not None and not command.hidden:
            parts.extend(_command(command, context, name))
    return "\n\n".join(parts) + "\n"


def _command(command: click.Command, above: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, parent=above, info_name=name, terminal_width=100, max_content_width=100)
    yield f"## {context.command_path}"
    yield "\n".join(("```text", command.get_help(context).strip(), "```"))
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from _command(found, context, below)
