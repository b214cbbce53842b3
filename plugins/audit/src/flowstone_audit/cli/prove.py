"""``flowstone audit prove``: that an entry is in the log, or that the log only grew."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import click
from sqlalchemy import Connection

from flowstone_audit import checkpoint, file_anchor, lookup, note, proof
from flowstone_audit.checkpoint import Checkpoint
from flowstone_audit.cli import output
from flowstone_audit.errors import NotFound
from flowstone_audit.proof import NotProven
from flowstone_audit.reading import reading

NOT_PROVEN = 1


@click.command("prove")
@click.argument("id", required=False)
@click.option(
    "--from", "old", metavar="CHECKPOINT", help="Prove that the log only grew since this checkpoint."
)
@click.option("--to", "new", metavar="CHECKPOINT", help="Of --from: up to this one; the newest if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def prove(*, id: str | None, old: str | None, new: str | None, as_json: bool) -> None:
    """Prove that the entry ID is in the log: its text, the path to the root, the signed checkpoint.

    ID is an entry's id, the beginning of one, or its number. The proof is text in the form of
    c2sp.org/tlog-proof, with the entry in its line `extra`. CHECKPOINT is a file with signed checkpoints, of
    which the last counts, or the number of entries that one of this log has.

    Exit status: 0; 1 the database does not hold what was sealed, or history was changed; 2 wrong usage or no
    usable database; 3 no such entry or checkpoint, or not sealed yet; 4 the beginning of several ids.
    """
    if (id is None) == (old is None) or (new is not None and old is None):
        raise click.UsageError("give an ID, or --from and perhaps --to")
    with output.failing():
        try:
            if old is not None:
                _growth(old, new, as_json=as_json)
            elif id is not None:
                _entry(id, as_json=as_json)
        except NotProven as error:
            output.fail(str(error), NOT_PROVEN)


def _entry(id: str, *, as_json: bool) -> None:
    first, *others = lookup.like(id)
    if others:
        output.fail(f"{id} is the beginning of {len(others) + 1} ids", output.AMBIGUOUS)
    seq = first.seq
    if seq is None:
        raise NotFound(f"entry {id} waits in the spool; it can be proven when the database has it")
    with reading() as connection:
        made = proof.of_entry(connection, seq)
    if as_json:
        output.show_json(made.document())
    else:
        click.echo(made.text(), nl=False)


def _growth(old: str, new: str | None, *, as_json: bool) -> None:
    with reading() as connection:
        first, last = _note(connection, old), _note(connection, new)
        before, after = _said(first), _said(last)
        path = proof.of_growth(connection, before, after)
    hashes = [b64encode(one).decode() for one in path]
    if as_json:
        document = {"from": first, "to": last, "old_size": before.size, "new_size": after.size}
        output.show_json({"format": proof.FORMAT, **document, "hashes": hashes})
        return
    click.echo(
        f"the log of {after.size:,} entries begins with that of {before.size:,}; nothing in it was changed"
    )
    output.show(hashes, output.style())


def _note(connection: Connection, given: str | None) -> str:
    if given is None:
        return proof.checkpoint_at(connection)
    path = Path(given)
    if not path.exists() and given.isdecimal():
        return proof.checkpoint_at(connection, int(given))
    notes = file_anchor.read(path)
    if not notes:
        raise NotFound(f"{given} holds no checkpoint")
    return notes[-1]


def _said(text: str) -> Checkpoint:
    return checkpoint.parse(note.parse(text))
