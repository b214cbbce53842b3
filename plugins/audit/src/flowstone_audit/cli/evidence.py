"""``flowstone audit evidence``: entries with their proofs in one file, for people who have nothing of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from flowstone_audit import checkpoint, config, heads, retention, signing
from flowstone_audit import evidence as evidences
from flowstone_audit.cli.draft import a_file, draft
from flowstone_audit.cli.filters import chosen, filter_options
from flowstone_audit.cli.output import fail, failing, show_json
from flowstone_audit.cli.progress import Progress
from flowstone_audit.evidence import Evidence
from flowstone_audit.heads import SealBroken
from flowstone_audit.proof import NotProven
from flowstone_audit.selection import Filters
from flowstone_audit.verifying import outside

NOT_PROVEN: Final = 1


@click.command("evidence")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    callback=a_file,
    help="The zip file to write.",
)
@filter_options
@click.option("--key", metavar="KEY|FILE", help="The log's verifier key; that of this home if not given.")
@click.option("--without-private", is_flag=True, help="Leave out client_ip, user_agent and private details.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def evidence(
    *, output: Path, key: str | None, without_private: bool, force: bool, as_json: bool, **given: Any
) -> None:
    """Write sealed entries, their proofs, the signed checkpoint and a program that checks them into a zip file.

    The file is readable by you alone. Whoever gets it needs Python and the log's key (flowstone audit key), by
    another way than the file. What is not sealed yet is left out; to seal it now: flowstone audit seal.

    Exit status: 0, 1 an entry is not what was sealed, 2 wrong usage or no usable database, 3 nothing found.
    """
    filters = chosen(given)
    with failing():
        try:
            with draft(output, force=force) as path:
                made = _written(path, filters, key, private=not without_private)
        except (NotProven, SealBroken) as error:
            fail(str(error), NOT_PROVEN)
    if as_json:
        show_json({"file": str(output), **made._asdict()})
        return
    left = f"; {made.unsealed:,} more are not sealed yet" if made.unsealed else ""
    click.echo(f"{output}: {made.entries:,} entries under a checkpoint of {made.size:,} leaves{left}")
    click.echo("give the key by another way than the file:")
    click.echo(made.key)


def _written(path: Path, filters: Filters, key: str | None, *, private: bool) -> Evidence:
    with retention.snapshot() as connection, Progress("entries") as progress:
        keys = (
            signing.own(config.load().key, checkpoint.origin(heads.log_id(connection)))
            if key is None
            else (outside.key_of(key),)
        )
        return evidences.write(path, connection, filters, keys, private=private, told=progress.step)
