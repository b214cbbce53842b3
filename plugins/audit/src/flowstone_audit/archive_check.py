"""Checks an archive against its checkpoint, offline, holding one line at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, NamedTuple

from flowstone_audit import checkpoint, note
from flowstone_audit.archive_form import LONGEST, ArchiveBroken, Fold, Header, read_header, unique
from flowstone_audit.canonical import commitment, leaf_hash
from flowstone_audit.keys import VerifierKey
from flowstone_audit.row import HASHED
from flowstone_audit.tree.hashing import SIZE
from flowstone_audit.tree.layout import full_subtrees

_HOLE: Final = frozenset({"leaf", "hash"})
_ROW: Final = frozenset({"leaf", "seq", "inserted_at", "row", "private"})
_NUMBERS: Final = ("leaf", "seq", "inserted_at")


class Checked(NamedTuple):
    """An archive that holds.

    Attributes:
        header: Its first line.
        digest: SHA-256 of the whole file.
        signed: Whether the signature of its checkpoint was checked, not only the tree under it.
    """

    header: Header
    digest: bytes
    signed: bool


def check(
    path: Path, keys: Iterable[VerifierKey] = (), told: Callable[[int], object] | None = None
) -> Checked:
    """Verify a whole archive.

    Args:
        path: The file.
        keys: Keys of the log, from another place than the archive; without any its signature is not checked.
        told: Called with the number of leaves that were read, now and then.

    Raises:
        ArchiveBroken: It does not hold; the message names the line and what is wrong with it.
        OSError: It cannot be read.
    """
    known = tuple(keys)
    whole = sha256()
    with path.open("rb") as file:
        lines = _lines(file, whole.update)
        header = read_header(next(lines, b""))
        fold, rows = Fold(), 0
        _push(fold, header.left, 0, header.first_leaf)
        for leaf in range(header.first_leaf, header.end):
            where = f"line {leaf - header.first_leaf + 2}"
            value, is_row = _leaf(next(lines, b""), leaf, header, where)
            fold.push(0, value)
            rows += is_row
            if told is not None and not (leaf + 1) % 1000:
                told(1000)
        if next(lines, None) is not None:
            raise ArchiveBroken("there are more lines than the header says")
    if rows != header.rows:
        raise ArchiveBroken(f"there are {rows} rows, not {header.rows} as the header says")
    _push(fold, header.right, header.end, header.tree_size)
    _check_note(header, fold.root() if header.tree_size else b"", known)
    return Checked(header, whole.digest(), bool(known))


def _lines(file: BufferedReader, told: Callable[[bytes], object]) -> Iterator[bytes]:
    while line := file.readline(LONGEST):
        told(line)
        yield line


def _push(fold: Fold, hashes: tuple[bytes, ...], first: int, end: int) -> None:
    nodes = full_subtrees(first, end)
    if len(nodes) != len(hashes) or any(len(each) != SIZE for each in hashes):
        raise ArchiveBroken("the header has not the subtrees that its numbers ask for")
    fold.push_all(nodes, hashes)


def _leaf(line: bytes, leaf: int, header: Header, where: str) -> tuple[bytes, bool]:
    """Return the leaf hash that a line stands for, and whether that is of a row."""
    try:
        if not line.endswith(b"\n"):
            raise ArchiveBroken(f"{where} is missing or cut off")
        values = json.loads(line, object_pairs_hook=unique)
        if values["leaf"] != leaf:
            raise ArchiveBroken(f"{where} is leaf {values['leaf']}, not {leaf}")
        if values.keys() == _HOLE:
            return _bytes(values["hash"], where), False
        if values.keys() != _ROW or not all(type(values[name]) is int for name in _NUMBERS):
            raise ArchiveBroken(f"{where} is neither a row nor a hole")
        row: list[Any] = values["row"]
        if len(row) != len(HASHED):
            raise ArchiveBroken(f"{where} has {len(row)} columns, not {len(HASHED)}")
        if values["private"] is not None and not header.private:
            raise ArchiveBroken(f"{where} has private columns, and the header says there are none")
        _check_private(values["private"], row[-1], where)
        canonical = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
        return leaf_hash(sha256(canonical).digest(), values["seq"], values["inserted_at"]), True
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
        if isinstance(error, ArchiveBroken):
            raise
        raise ArchiveBroken(f"{where} is not of its form: {error}") from error


def _check_private(held: list[Any] | None, committed: str | None, where: str) -> None:
    if held is None:
        return
    client_ip, user_agent, private, nonce = held
    if commitment(_bytes(nonce, where), client_ip, user_agent, private).hex() != committed:
        raise ArchiveBroken(f"{where}: the private columns are not what the entry was committed to")


def _bytes(text: str, where: str) -> bytes:
    """Return 32 bytes from their one spelling."""
    found = bytes.fromhex(text)
    if len(found) != SIZE or found.hex() != text:
        raise ArchiveBroken(f"{where} has {text[:80]!r} where 64 lower-case hex digits should be")
    return found


def _check_note(header: Header, root: bytes, keys: tuple[VerifierKey, ...]) -> None:
    try:
        signed = note.verify(header.note, keys) if keys else note.parse(header.note)
        said = checkpoint.parse(signed)
    except note.NoteError as error:
        raise ArchiveBroken(f"the checkpoint: {error}") from error
    if (said.origin, said.size) != (checkpoint.origin(header.log_id), header.tree_size):
        raise ArchiveBroken("the checkpoint is of another log or size than the header says")
    if said.root != root:
        raise ArchiveBroken("rows, holes and subtrees do not lead to the root that the checkpoint signs")
