"""``flowstone audit key``: the public key that checkpoints are verified with."""

from __future__ import annotations

import time
from pathlib import Path

import click

from flowstone_audit import checkpoint, config, heads, keys
from flowstone_audit.cli import output
from flowstone_audit.keys import Signer
from flowstone_audit.reading import reading


@click.command("key")
@click.option(
    "--rotate", is_flag=True, help="Sign with a new key from now on; the old one is kept beside it."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def key(*, rotate: bool, as_json: bool) -> None:
    """Show the public verifier key of this home's checkpoints; the key pair is made where there is none.

    Give it to whoever is to verify: they need it from outside of the database. It is name+id+base64, as C2SP
    signed notes have it. The private key is FLOWSTONE_AUDIT_KEY, by default $FLOWSTONE_HOME/audit/key.pem.

    --rotate puts a new key in the place of the old one, which is kept as key.pem.<Unix seconds>. Checkpoints
    of before stay under the old key: verifiers need both public keys from then on.

    Exit status: 0, 2 no usable database or key.
    """
    with output.failing():
        path = config.load().key
        with reading() as connection:
            name = checkpoint.origin(heads.log_id(connection))
        retired = _retire(path) if rotate else None
        made = Signer(name, keys.load_or_make(path)).verifier
        old = None if retired is None else Signer(name, keys.load(retired)).verifier.text
        if as_json:
            output.show_json({"key": made.text, "file": str(path), "retired": old})
            return
        click.echo(made.text)
        if old is not None:
            click.echo(f"retired: {old}", err=True)


def _retire(path: Path) -> Path | None:
    """Move the key aside; return where to, or None where there was none."""
    if not path.exists():
        return None
    aside = path.with_name(f"{path.name}.{int(time.time())}")
    while aside.exists():
        aside = aside.with_name(aside.name + "+")
    return path.rename(aside)
