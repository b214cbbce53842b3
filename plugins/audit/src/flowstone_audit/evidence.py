"""Evidence for outsiders: one file with entries, what proves them, and a program that checks it without us."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from time import time_ns
from typing import Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

import orjson
from sqlalchemy import Connection, select

from flowstone_audit import canonical, checkpoint, heads, note, proof, queries, stored
from flowstone_audit.entry import AuditEntry
from flowstone_audit.errors import NotFound
from flowstone_audit.keys import KeyUnusable, VerifierKey
from flowstone_audit.private import new_file
from flowstone_audit.row import HASHED
from flowstone_audit.selection import Filters
from flowstone_audit.tables import seal
from flowstone_audit.tree import inclusion
from flowstone_audit.tree.hashing import SIZE
from flowstone_audit.tree.layout import Node, stored_count, stored_index

_SEAL: Final = select(seal.c.first_leaf, seal.c.seqs, seal.c.hashes)
_README: Final = """\
Evidence of an audit log that flowstone keeps
=============================================

  entries.jsonl    {entries} entries, one JSON object a line, oldest first
  checkpoint.txt   what the log's key has signed: the size of the log and the root of its Merkle tree
  key.txt          the log's verifier key (name+id+key)
  evidence.json    what was asked for, and when: {asked}
  standalone.py    checks all this; some 140 lines of Python to read before you run it, nothing to install

To check it, with the key as you got it by another way than with this file (who made this file may have made
the key as well):

  python -I standalone.py THIS-FILE.zip 'KEY'

What is proven then: each entry, as it stands in entries.jsonl, was in the log when the key signed checkpoint.txt,
at the place that "seq" says; nothing in it was changed since.
What is not proven: that no other entry was left out of this file. Ask for the whole log, or hold the numbers
("seq", and "ordinal" of one "writer") against each other. Nor that what a writer wrote was true.

A line: "entry" holds the columns in the order in which they are hashed ("details" is the exact text of a JSON
object; "occurred_at" and "inserted_at" are microseconds since 1970, UTC, by the clocks of writer and
database). "private" holds columns that may be erased; null where there were none, where they were erased, or
where they were left out: the proof holds as well. "leaf" is the place in the tree, "proof" the way to its root (RFC 9162).
"""


class Evidence(NamedTuple):
    """What was written.

    Attributes:
        entries: How many are in it.
        unsealed: How many were asked for and are not sealed yet, so that they are not in it.
        size: Leaves of the tree that its checkpoint signs.
        key: The verifier key that goes with it.
    """

    entries: int
    unsealed: int
    size: int
    key: str


def write(
    path: Path,
    connection: Connection,
    filters: Filters,
    keys: Sequence[VerifierKey],
    *,
    private: bool = True,
    told: Callable[[int], object] | None = None,
) -> Evidence:
    """Write the entries that *filters* mean into a new zip file, mode 0600.

    Args:
        path: The file; it must not exist.
        connection: To read with, in one transaction that sees one state.
        filters: Which entries.
        keys: Keys of the log.
        private: Whether the private columns go along.
        told: Called with the number of entries that were written.

    Raises:
        NotFound, KeyUnusable: No sealed entry is meant; there are no *keys*.
        NotProven: An entry is not what was sealed, or the newest checkpoint is signed by none of *keys*.
        OSError: The file is there, or cannot be written.
    """
    head = heads.last(connection)
    if not head.note:
        raise NotFound("nothing is sealed yet; see: flowstone audit seal")
    key = _signed_by(head.note, keys)
    writer, found = _Writer(connection, head.note, private), queries.stream(connection, filters)
    with new_file(path) as opened, ZipFile(opened, "w", ZIP_DEFLATED) as file:
        entries, unsealed = writer.entries(file, found, told)
        if not entries:
            raise NotFound("no sealed entry is meant")
        made = Evidence(entries, unsealed, head.size, key.text)
        _accompany(file, made, head.note, filters)
    return made


def _signed_by(text: str, keys: Sequence[VerifierKey]) -> VerifierKey:
    if not keys:
        raise KeyUnusable("no key of the log is known here; see the option --key")
    try:
        signed = note.verify(text, keys)
    except note.NoteError as error:
        raise proof.NotProven(f"the newest checkpoint: {error}; see: flowstone audit verify") from error
    return next(key for key in keys for one in signed.signatures if key.id == one.id)


def _accompany(file: ZipFile, made: Evidence, signed: str, filters: Filters) -> None:
    """Put beside the entries what is needed to check and to understand them."""
    asked = {name: str(value) for name, value in filters.items() if value is not None}
    facts = {"entries": made.entries, "unsealed": made.unsealed, "asked": asked, "made_at": time_ns() // 1000}
    for name, text in {
        "checkpoint.txt": signed,
        "key.txt": f"{made.key}\n",
        "evidence.json": orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode() + "\n",
        "README.txt": _README.format(entries=made.entries, asked=asked or "all entries"),
        "standalone.py": Path(__file__).with_name("standalone.py").read_text(encoding="utf-8"),
    }.items():
        file.writestr(name, text)


class _Writer:
    """Writes entries with their proofs, reading each seal once where that can be."""

    def __init__(self, connection: Connection, signed: str, private: bool) -> None:
        self._connection = connection
        self._said = checkpoint.parse(note.parse(signed))
        self._private = private
        self._seal = lru_cache(maxsize=64)(self._read_seal)
        self._hash = lru_cache(maxsize=65536)(self._read_hash)
        self._leaves: dict[int, int] = {}

    def entries(
        self, file: ZipFile, found: Iterator[AuditEntry], told: Callable[[int], object] | None
    ) -> tuple[int, int]:
        """Write the lines; return how many, and how many entries are not sealed yet."""
        written = unsealed = 0
        with file.open("entries.jsonl", "w") as out:
            for entry in found:
                leaf = self._leaf(entry.seq or 0)
                if leaf is None:
                    unsealed += 1
                    continue
                out.write(self._line(entry, leaf))
                written += 1
                if told is not None:
                    told(1)
        return written, unsealed

    def _leaf(self, seq: int) -> int | None:
        known = self._leaves.get(seq)
        if known is not None:
            return known
        found = proof.leaf_of(self._connection, seq)
        if found is not None:
            first, seqs, _ = self._seal(self._seal_of(found))
            self._leaves = {one: first + at for at, one in enumerate(seqs)}
        return found

    def _line(self, entry: AuditEntry, leaf: int) -> bytes:
        seq, inserted_at, row = stored.of_entry(entry)
        hashes = inclusion.prove(self._said.size, leaf, lambda nodes: [self._hash(node) for node in nodes])
        made = canonical.leaf_hash(canonical.row_hash(row), seq, inserted_at)
        if not inclusion.verify(self._said.root, self._said.size, leaf, made, hashes):
            raise proof.NotProven(f"entry {seq} is not what was sealed; see: flowstone audit verify")
        values = row._asdict() | {
            "id": entry.id,
            "commitment": None if row.commitment is None else row.commitment.hex(),
        }
        held = None
        if self._private and row.nonce is not None:
            held = {name: values[name] for name in ("client_ip", "user_agent", "private")}
            held["nonce"] = row.nonce.hex()
        line = {
            "leaf": leaf,
            "seq": seq,
            "inserted_at": inserted_at,
            "entry": {name: values[name] for name in HASHED},
            "private": held,
            "proof": [one.hex() for one in hashes],
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

    def _seal_of(self, leaf: int) -> int:
        found = heads.seal_of_leaf(self._connection, leaf)
        if found is None:
            raise LookupError(f"the seal of leaf {leaf} is missing")
        return found.first

    def _read_seal(self, first: int) -> tuple[int, tuple[int, ...], bytes]:
        row = self._connection.execute(_SEAL.where(seal.c.first_leaf == first)).one()
        return row[0], struct.unpack(f">{len(row[1]) // 8}Q", row[1]), bytes(row[2])

    def _read_hash(self, node: Node) -> bytes:
        first, _, hashes = self._seal(self._seal_of(node.last_leaf))
        at = (stored_index(node) - stored_count(first)) * SIZE
        if len(hashes) < at + SIZE:
            raise proof.NotProven(
                f"the seal of leaf {node.last_leaf} is not whole; see: flowstone audit verify"
            )
        return hashes[at : at + SIZE]
