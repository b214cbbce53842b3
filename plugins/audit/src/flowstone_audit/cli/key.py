"""``flowstone audit key``: the public key that checkpoints are verified with."""

from __future__ import annotations

import time
from pathlib import Path

import click
from sqlalchemy import Connection

from flowstone_audit import checkpoint, config, heads, keys, signing
from flowstone_audit.cli import output
from flowstone_audit.keys import Signer, VerifierKey
from flowstone_audit.reading import reading


@click.command("key")
@click.option(
    "--rotate", is_flag=True, help="Sign with a new key from now on; the old one is kept beside it."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def key(*, rotate: bool, as_json: bool) -> None:
    """Show the public verifier key of the log; the key pair is made where there is none and nothing is sealed.

    Give it to whoever is to verify: they need it from outside of the database. It is name+id+base64, as C2SP
    signed notes have it. The private key is FLOWSTONE_AUDIT_KEY, by default $FLOWSTONE_HOME/audit/key.pem.

    --rotate puts a new key in the place of the old one, which is kept as key.pem.<Unix seconds>. Checkpoints
    of before stay under the old key: verifiers need both public keys from then on. So it is where the key of
    the log is lost: from then on this home seals.

    Exit status: 0, 2 no usable database or key, such as where another home has the key.
    """
    with output.failing():
        path, old = config.load().key, None
        with reading() as connection:
            if rotate:
                made, old = _rotated(connection, path)
            else:
                signer = signing.signer_of(connection)
                signer.keep()
                made = signer.verifier
        if as_json:
            output.show_json({"key": made.text, "file": str(path), "retired": old})
            return
        click.echo(made.text)
        if old is not None:
            click.echo(f"retired: {old}", err=True)


def _rotated(connection: Connection, path: Path) -> tuple[VerifierKey, str | None]:
    """Put a new key in the place of the one in *path*, if any; return the new one, and the text of the old one."""
    name = checkpoint.origin(heads.log_id(connection))
    last = signing.ids_of(heads.newest_note(connection))
    retired = _retire(path)
    made = Signer(name, keys.load_or_make(path)).verifier
    lost = last - {one.id for one in signing.own(path, name)}
    if lost:
        signing.follow(path, lost)
    return made, None if retired is None else Signer(name, keys.load(retired)).verifier.text


def _retire(path: Path) -> Path | None:
    """Move the key aside; return where to, or None where there was none."""
    if not path.exists():
        return None
    aside = path.with_name(f"{path.name}.{int(time.time())}")
    while aside.exists():
        aside = aside.with_name(aside.name + "+")
    return path.rename(aside)
