"""``flowstone audit export``: entries as JSON lines, CloudEvents, or an archive with its proofs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from flowstone_audit import archive, cloudevents, heads, queries, retention
from flowstone_audit.cli.draft import draft
from flowstone_audit.cli.filters import chosen, filter_options
from flowstone_audit.cli.output import NOT_FOUND, fail, failing, line_of, show_json
from flowstone_audit.cli.progress import Progress
from flowstone_audit.entry import AuditEntry
from flowstone_audit.private import new_file
from flowstone_audit.reading import reading
from flowstone_audit.selection import Filters

STANDARD_OUTPUT: Final = Path("-")


@click.command("export")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file; standard output if not given, or with -.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "cloudevents", "archive"]),
    default="jsonl",
    show_default=True,
    help="JSON lines; CloudEvents 1.0, one a line; all sealed entries with their proofs.",
)
@filter_options
@click.option("--without-private", is_flag=True, help="Leave out client_ip, user_agent and private details.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Say what was written as one JSON document; needs -o.")
def export(
    *, output: Path | None, form: str, without_private: bool, force: bool, as_json: bool, **given: Any
) -> None:
    """Write audit entries, oldest first. A file is there as a whole or not at all, readable by you alone.

    Exit status: 0, 2 wrong usage or no usable database, 3 nothing found.
    """
    filters = chosen(given)
    output = None if output == STANDARD_OUTPUT else output
    if output is None and (form == "archive" or as_json):
        raise click.UsageError("say with -o which file to write")
    if form == "archive" and any(value is not None for value in filters.values()):
        raise click.UsageError("an archive holds all sealed entries; it takes no filters")
    with failing():
        if output is None:
            written = _write(sys.stdout.buffer, form, filters, private=not without_private)
        else:
            with draft(output, force=force) as path:
                if form == "archive":
                    written = _archive(path, private=not without_private)
                else:
                    with new_file(path) as file:
                        written = _write(file, form, filters, private=not without_private)
        if not written:
            fail("no audit entry is like that", NOT_FOUND)
        if as_json:
            show_json({"file": str(output), "format": form, "entries": written})
        elif output is not None:
            click.echo(f"{written} entries in {output}", err=True)


def _write(file: BinaryIO, form: str, filters: Filters, *, private: bool) -> int:
    written = 0
    with reading() as connection, Progress("entries") as progress:
        made = _maker(form, heads.log_id(connection), private=private)
        for entry in queries.stream(connection, filters):
            file.write(line_of(made(entry)))
            written += 1
            progress.step(1)
    file.flush()
    return written


def _maker(form: str, log_id: str, *, private: bool) -> Callable[[AuditEntry], dict[str, Any]]:
    if form == "jsonl":
        return lambda entry: entry.to_dict(private=private)
    return lambda entry: cloudevents.of(entry, log_id, private=private)


def _archive(path: Path, *, private: bool) -> int:
    with retention.snapshot() as connection, Progress("leaves", heads.size(connection)) as progress:
        return archive.write(path, connection, private=private, told=progress.step).rows
