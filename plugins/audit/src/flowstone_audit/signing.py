"""Whose key signs the next seal: that of the last one, or one that was put in its place on purpose.

A log that several homes write to has one key. A home without it writes entries, which whoever has the key
seals: two keys in turns would be what somebody leaves who has forged seals.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from flowstone_audit import checkpoint, config, heads, keys, note
from flowstone_audit.keys import KeyUnusable, Signer, VerifierKey

_RETIRED: Final = re.compile(r"\.[0-9]+\+*")  # as flowstone audit key --rotate names them
_ELSEWHERE: Final = (
    "the log is sealed with the key {}, and {} {}: let FLOWSTONE_AUDIT_KEY name a copy of that key, or leave"
    " sealing to who has it; where it is lost, see: flowstone audit key --rotate"
)


def signer_of(connection: Connection) -> Signer:
    """Return the signer of the log that *connection* leads to.

    Where nothing is sealed and there is no key, it is a new one, which is kept once it has signed a seal.

    Raises:
        KeyUnusable: The key's file cannot be read, or the log is sealed with another key.
        SchemaMismatch: The log has no id.
    """
    name, path = checkpoint.origin(heads.log_id(connection)), config.load().key
    signed = heads.newest_note(connection)
    if not path.is_file():
        if signed:
            raise KeyUnusable(_ELSEWHERE.format(_shown(signed), path, "does not exist"))
        return keys.new(name, path)
    ids = ids_of(signed)
    if ids and not ids & (_followed(path) | {one.id for one in own(path, name)}):
        raise KeyUnusable(_ELSEWHERE.format(_shown(signed), path, "holds another one"))
    return Signer(name, keys.load(path))


def own(path: Path, origin: str) -> tuple[VerifierKey, ...]:
    """Return the public halves of the key in *path*, and of those that it has taken the place of.

    Raises:
        KeyUnusable: What is there is no key.
    """
    retired = [
        one for one in path.parent.glob(f"{path.name}.*") if _RETIRED.fullmatch(one.name[len(path.name) :])
    ]
    there = [one for one in (path, *sorted(retired)) if one.is_file()]
    return tuple(VerifierKey(origin, keys.load(one).public_key().public_bytes_raw()) for one in there)


def follow(path: Path, ids: set[bytes]) -> None:
    """Let the key in *path* sign on top of seals by keys of these ids, which are lost.

    Raises:
        KeyUnusable: That cannot be kept beside the key.
    """
    try:
        with _follows(path).open("a", encoding="ascii") as file:
            file.writelines(f"{one.hex()}\n" for one in sorted(ids))
    except OSError as error:
        raise KeyUnusable(f"cannot write beside the key: {error}") from error


def ids_of(signed: str) -> set[bytes]:
    """Return the ids of the keys whose signatures a checkpoint has; none where it is no note."""
    try:
        return {one.id for one in note.parse(signed).signatures}
    except note.Malformed:
        return set()


def _followed(path: Path) -> set[bytes]:
    try:
        return {bytes.fromhex(one) for one in _follows(path).read_text("ascii").split()}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError) as error:
        raise KeyUnusable(f"{_follows(path)}: {error}") from error


def _follows(path: Path) -> Path:
    return path.with_name(f"{path.name}.follows")


def _shown(signed: str) -> str:
    return ", ".join(sorted(one.hex() for one in ids_of(signed))) or "that cannot be read from its last seal"
