"""Checks evidence of flowstone's audit log with nothing but Python: python -I standalone.py EVIDENCE.zip KEY.

KEY is the log's verifier key as you got it by another way; what is proven, and what not, says README.txt.
"""

from __future__ import annotations

import json
import sys
import zipfile
import zlib
from base64 import b64decode
from hashlib import sha256, sha512
from typing import Any

COLUMNS = [
    "v",
    "id",
    "event_type",
    "actor_id",
    "actor_type",
    "resource_type",
    "resource_id",
    "action",
    "outcome",
    "details",
    "correlation_id",
    "trace_id",
    "span_id",
    "run_id",
    "writer",
    "ordinal",
    "occurred_at",
    "commitment",
]
FAULTS = (ValueError, KeyError, TypeError, OSError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)
LONGEST = 1 << 27  # bytes of a line; the largest entry of an archive and its proof fit
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # edwards25519, RFC 8032 §5.1
D, ROOT = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)


def _point(encoded: bytes) -> Any:
    sign, y = divmod(int.from_bytes(encoded, "little"), 1 << 255)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * ROOT % P
    if len(encoded) != 32 or y >= P or (x * x - square) % P or (x == 0 and sign):
        raise ValueError("not a point of the curve")
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


def _added(p: Any, q: Any) -> Any:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    return (b - a) * (d - c) % P, (d + c) * (b + a) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P


def _times(number: int, p: Any) -> Any:
    total: Any = (0, 1, 1, 0)
    while number:
        total, p, number = _added(total, p) if number & 1 else total, _added(p, p), number >> 1
    return total


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether an Ed25519 signature is right (RFC 8032 §5.1.7)."""
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % L
    try:
        base = _point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
        left, right = _times(s, base), _added(_point(signature[:32]), _times(k, _point(public)))
    except ValueError:
        return False
    same = not any((left[at] * right[2] - right[at] * left[2]) % P for at in (0, 1))
    return same and s < L and len(signature) == 64


def _checkpoint(note: str, key: str) -> tuple[int, bytes]:  # https://c2sp.org/signed-note, tlog-checkpoint
    name, id, encoded = key.strip().split("+", 2)
    public, (text, _, lines) = b64decode(encoded, validate=True), note.rpartition("\n\n")
    known = sha256(name.encode() + b"\n" + public).digest()[:4]
    for dash, signer, signature in (line.split(" ") for line in lines.splitlines()):
        made = b64decode(signature, validate=True)
        if (dash, signer, made[:4], id) == ("—", name, known, known.hex()) and public[:1] == b"\1":
            origin, size, root = text.split("\n")[:3]
            if origin == name and is_signed(public[1:], made[4:], text.encode() + b"\n"):
                return int(size), b64decode(root, validate=True)
    raise ValueError("the checkpoint is not signed by this key")


def _hash(values: Any, before: bytes = b"") -> bytes:
    return sha256(
        before + json.dumps(list(values), ensure_ascii=False, separators=(",", ":")).encode()
    ).digest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _leaf(seq: int, inserted_at: int, entry: dict[str, Any], private: dict[str, Any] | None) -> bytes:
    if list(entry) != COLUMNS or list(private or {}) not in (
        [],
        ["client_ip", "user_agent", "private", "nonce"],
    ):
        raise ValueError("other columns")
    if private is not None:
        nonce = bytes.fromhex(private.pop("nonce"))
        if _hash(private.values(), nonce).hex() != entry["commitment"]:
            raise ValueError("private columns that are not those it was committed to")
    return sha256(
        b"\0" + _hash(entry.values()) + seq.to_bytes(8, "big") + inserted_at.to_bytes(8, "big")
    ).digest()


def _root(reached: bytes, at: int, last: int, proof: list[str]) -> bytes | None:  # RFC 9162 §2.1.3.2
    for sibling in map(bytes.fromhex, proof):
        if last == 0 or len(sibling) != 32:
            return None
        if at & 1 or at == last:
            reached = sha256(b"\1" + sibling + reached).digest()
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            reached = sha256(b"\1" + reached + sibling).digest()
        at, last = at >> 1, last >> 1
    return reached if last == 0 else None


def opened(file: zipfile.ZipFile, name: str) -> Any:
    """Open a file of the zip, to be read in pieces: a small zip may hold more than fits into memory."""
    if file.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is neither stored nor deflated")
    return file.open(name)


def check(path: str, key: str) -> int:
    """Return how many entries are proven; raise ValueError where one is not."""
    seen: set[int] = set()
    with zipfile.ZipFile(path) as file:
        size, root = _checkpoint(opened(file, "checkpoint.txt").read(1 << 20).decode(), key)
        lines = opened(file, "entries.jsonl")
        for number, text in enumerate(iter(lambda: lines.readline(LONGEST), b""), 1):
            try:
                line = json.loads(text, object_pairs_hook=_unique)
                at, proof = line.pop("leaf"), line.pop("proof")
                if not 0 <= at < size or at in seen or _root(_leaf(**line), at, size - 1, proof) != root:
                    raise ValueError("not what was sealed")
                seen.add(at)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                raise ValueError(f"entries.jsonl, line {number}: {error}") from error
        names, said = file.namelist(), json.loads(opened(file, "evidence.json").read(1 << 20))["entries"]
        if said != len(seen) or len(names) != len(set(names)):
            raise ValueError("there are more or fewer entries than evidence.json says, or a file twice")
    return len(seen)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        sys.stdout.write(
            f"proven: {check(*sys.argv[1:])} entries were in the log when its key signed the checkpoint\n"
        )
    except FAULTS as fault:
        sys.exit(f"NOT PROVEN: {fault}")
