"""The proof of one entry, as ``flowstone audit prove`` prints it, verified without a database."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

from flowstone_audit import canonical, checkpoint, note
from flowstone_audit.archive_form import unique
from flowstone_audit.errors import NotFound
from flowstone_audit.keys import VerifierKey
from flowstone_audit.proof import FORMAT, EntryProof
from flowstone_audit.tree import inclusion
from flowstone_audit.verifying import files, outside
from flowstone_audit.verifying.report import Finding, Report

_TEXT = "c2sp.org/tlog-proof@v1"


def read(path: Path) -> EntryProof:
    """Return the proof in a file: C2SP's text or JSON; nothing of it is verified.

    Raises:
        NotFound: It holds none.
        OSError: It cannot be read.
    """
    content = path.read_bytes()
    try:
        found = _loaded(content) if content.lstrip().startswith(b"{") else _parsed(content.decode())
        return _made(found)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise NotFound(f"{path} holds no proof of an entry: {error}") from error


def verify(proof: EntryProof, keys: tuple[VerifierKey, ...], notes: tuple[str, ...] = ()) -> Report:
    """Verify the proof of an entry.

    Args:
        proof: As it was read.
        keys: Keys of the log, from elsewhere than the proof.
        notes: Checkpoints that were published outside.
    """
    begun = monotonic()
    report = Report(keys=tuple(key.text for key in keys))
    said = checkpoint.parse(note.parse(proof.note))
    report.leaves, report.entries = said.size, 1
    report.add(_signed(proof, keys))
    leaf = canonical.leaf_hash(sha256(proof.row).digest(), proof.seq, proof.inserted_at)
    if not inclusion.verify(said.root, said.size, proof.leaf, leaf, proof.hashes):
        text = f"entry {proof.seq} as it is told here is not under the checkpoint of {said.size} leaves"
        report.add([Finding("modified", text, proof.seq)])
    known = outside.gather(notes, said.origin, keys)
    report.add(known.findings)
    files.anchor(report, said, known)
    report.seconds = monotonic() - begun
    return report


def _signed(proof: EntryProof, keys: tuple[VerifierKey, ...]) -> list[Finding]:
    if not keys:
        return [Finding("not anchored", "no key to hold signatures against")]
    try:
        note.verify(proof.note, keys)
    except note.NotSigned:
        return [Finding("key swapped", "its checkpoint is signed by none of the known keys", proof.seq)]
    except note.BadSignature as error:
        return [Finding("bad signature", f"its checkpoint: {error}", proof.seq)]
    return []


def _parsed(text: str) -> dict[str, Any]:
    """Return C2SP's text as the JSON form has it."""
    head, _, signed = text.partition("\n\n")
    kind, extra, index, *hashes = head.split("\n")
    if kind != _TEXT or not extra.startswith("extra ") or not index.startswith("index "):
        raise ValueError(f"its first lines are not those of {_TEXT}")
    entry = _loaded(b64decode(extra.removeprefix("extra "), validate=True))
    where = int(index.removeprefix("index "))
    return {"format": FORMAT, "entry": entry, "index": where, "hashes": hashes, "checkpoint": signed}


def _loaded(text: bytes) -> Any:
    return json.loads(text, object_pairs_hook=unique)


def _made(found: dict[str, Any]) -> EntryProof:
    if found["format"] != FORMAT:
        raise ValueError(f"its format is {found['format']!r}")
    entry, signed = found["entry"], found["checkpoint"]
    size = checkpoint.parse(note.parse(signed)).size
    numbers = [entry["seq"], entry["inserted_at"], found["index"]]
    if not all(type(one) is int and 0 <= one < 1 << 63 for one in numbers):
        raise ValueError("a number in it is none")
    hashes = tuple(b64decode(one, validate=True) for one in found["hashes"])
    seq, inserted_at, leaf = numbers
    return EntryProof(entry["row"].encode(), seq, inserted_at, leaf, size, hashes, signed)
