"""``flowstone audit seal``: what is committed, into the Merkle tree."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.exc import DBAPIError

from flowstone_audit import config, database, engines, ingest, sealing
from flowstone_audit.checkpoint import parse
from flowstone_audit.cli import output
from flowstone_audit.errors import Unavailable
from flowstone_audit.note import parse as parse_note
from flowstone_audit.reading import reading
from flowstone_audit.sealing import Sealed

_WAIT_S = 10.0


@click.command("seal")
@click.option("--once", is_flag=True, help="Seal what is there and end; this is the default.")
@click.option("--watch", is_flag=True, help="Go on sealing until interrupted.")
@click.option(
    "--interval",
    type=click.FloatRange(0.05, 86400),
    help="Of --watch: seconds from one seal to the next; FLOWSTONE_AUDIT_SEAL_INTERVAL if not given.",
)
@click.option("--sweep", is_flag=True, help="First look through the whole log for entries that came late.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each seal.")
def seal(*, once: bool, watch: bool, interval: float | None, sweep: bool, as_json: bool) -> None:
    """Seal all committed entries, sign the checkpoint and publish it to the anchors.

    Any number of sealers may run at once, and each may be killed at any instant. The key is made when it is
    first needed; see: flowstone audit key.

    Exit status: 0, also where there was nothing to seal; 2 wrong usage, no usable database or key, or the last
    seal was altered.
    """
    if once and watch:
        raise click.UsageError("give one of --once and --watch")

    def tell(made: Sealed) -> None:
        click.echo(output.line_of(_document(made)) if as_json else _line(made), nl=not as_json)

    with output.failing():
        total = _seal(tell, swept=True if sweep else None)
        if not watch:
            if not total and not as_json:
                click.echo("nothing to seal")
            return
        pause = interval or config.load().seal_interval
        try:
            while True:
                time.sleep(pause)
                _seal(tell, swept=None)
        except KeyboardInterrupt:
            return


def _seal(tell: Callable[[Sealed], None], *, swept: bool | None) -> int:
    try:
        ingest.catch_up(_WAIT_S)
    except Unavailable as error:
        click.echo(f"warning: {error}", err=True)
    with reading(catch_up=0.0):
        pass  # see that there are tables: to connect would make an empty file
    try:
        with database.connect() as connection:
            return sealing.seal_all(connection, timeout=_WAIT_S, swept=swept, told=tell)
    except DBAPIError as error:
        raise Unavailable(f"cannot seal: {engines.reason_of(error)}") from error


def _document(made: Sealed) -> dict[str, Any]:
    said = parse(parse_note(made.note))
    return {
        "first_leaf": made.first_leaf,
        "leaves": made.leaves,
        "size": made.size,
        "root": made.root.hex(),
        "late": made.late,
        "time": said.time,
        "checkpoint": made.note,
    }


def _line(made: Sealed) -> str:
    late = f", {made.late} of them late" if made.late else ""
    return f"sealed {made.leaves:,} (size {made.size:,}, root {made.root.hex()}){late}"
