"""What was done to an entry that is not what was sealed, and to which of its columns, as far as can be told.

Hashes do not say what they were made of. But an entry as it was can be guessed at: of a column that was
emptied, exchanged with a neighbour's or set to another of a few words, the old value is near at hand, and the
right guess fits the seal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from flowstone_audit import canonical
from flowstone_audit.row import HASHED, PRIVATE, Row, Stored
from flowstone_audit.tree.hashing import SIZE
from flowstone_audit.verifying.report import Finding

_WORDS: Final[Mapping[str, tuple[Any, ...]]] = {
    "v": (1, 2, 0),
    "actor_type": ("system", "user", "api"),
    "outcome": ("started", "success", "failure", "denied"),
}
_NEVER_NULL: Final = frozenset(
    {"v", "id", "event_type", "actor_id", "actor_type", "details", "writer", "ordinal", "occurred_at"}
)


def astray(seq: int) -> Finding:
    """Return what is to be said of an entry that the table has, and does not lead to by its number."""
    text = f"entry {seq} is not in its place in the table: queries do not see it"
    return Finding("damaged", text, seq, fields=("seq",))


def content_hash(row: Row) -> bytes | None:
    """Return the hash of what a row holds; None where it holds what no writer writes."""
    try:
        return canonical.row_hash(row)
    except (TypeError, ValueError, AttributeError):  # another type, or a text that is no Unicode
        return None


def leaf_of(row_hash: object, seq: int, inserted_at: object) -> bytes | None:
    """Return a leaf; None where its parts are none."""
    if not isinstance(row_hash, bytes) or not isinstance(inserted_at, int):
        return None
    try:
        return canonical.leaf_hash(row_hash, seq, inserted_at)
    except OverflowError:
        return None


def of_sealed(
    stored: Stored, leaf: bytes, near: Iterable[Stored], leaves: Mapping[int, bytes], *, permitted: bool
) -> list[Finding]:
    """Return what was done to an entry that may differ from its leaf; nothing if it does not.

    Args:
        stored: The entry.
        leaf: What was sealed under its number.
        near: Other entries, whose values may have been exchanged for its own.
        leaves: What was sealed under the numbers of *near*.
        permitted: Whether its private columns may be empty.
    """
    seq, at, row = stored
    near = list(near)
    made = content_hash(row)
    if leaf_of(made, seq, at) == leaf:
        found: list[Finding] = [] if made == row.row_hash else [_modified(seq, ("row_hash",))]
        return found + _private(seq, row, near, permitted)
    if leaf_of(row.row_hash, seq, at) == leaf:
        return [_modified(seq, _columns(row, row.row_hash, near))]
    if exchanged := _exchanged(made, at, seq, leaves):
        return [
            Finding("modified", f"entry {seq} stands in the place of entry {exchanged}", seq, fields=("seq",))
        ]
    if made is not None and made == row.row_hash:
        for other in near:
            if leaf_of(made, seq, other.inserted_at) == leaf:
                return [_modified(seq, ("inserted_at",))]
        text = f"entry {seq} was changed: inserted_at, or the whole of it together with its row_hash"
        return [Finding("modified", text, seq)]
    for other in near:
        if leaf_of(row.row_hash, seq, other.inserted_at) == leaf:
            return [_modified(seq, (*_columns(row, row.row_hash, near), "inserted_at"))]
    return [Finding("modified", f"entry {seq} was changed in several columns, row_hash among them", seq)]


def of_unsealed(stored: Stored, near: Iterable[Stored], *, permitted: bool) -> list[Finding]:
    """Return what was done to an entry that has no leaf to hold it against; nothing if nothing can be told."""
    row = stored.row
    near = list(near)
    if content_hash(row) == row.row_hash:
        dated = isinstance(stored.inserted_at, int)
        found = [] if dated else [_modified(stored.seq, ("inserted_at",))]
        return found + _private(stored.seq, row, near, permitted)
    fields = _columns(row, row.row_hash, near)
    return [_modified(stored.seq, fields, " before it was sealed")]


def _modified(seq: int, fields: tuple[str, ...], when: str = "") -> Finding:
    text = f"{' and '.join(fields)} of entry {seq} was changed" if fields else f"entry {seq} was changed"
    return Finding("modified", text + when, seq, fields=fields)


def _exchanged(made: bytes | None, at: object, seq: int, leaves: Mapping[int, bytes]) -> int | None:
    """Return under which other number this very entry was sealed."""
    if made is None:
        return None
    return next(
        (other for other, leaf in leaves.items() if other != seq and leaf_of(made, other, at) == leaf), None
    )


def _columns(row: Row, target: object, near: Iterable[Stored]) -> tuple[str, ...]:
    """Return the one column in which a row must be put right to have the hash *target*; nothing if not found."""
    near = list(near)
    for name in HASHED:
        for value in _guesses(name, row, near):
            if content_hash(row._replace(**{name: value})) == target:
                return (name,)
    return ()


def _guesses(name: str, row: Row, near: Iterable[Stored]) -> Iterator[Any]:
    """Yield what a column may have held."""
    now = getattr(row, name)
    yield from _WORDS.get(name, ())
    if name not in _NEVER_NULL:
        yield None
    if isinstance(now, str):
        yield from (now.strip(), now.replace("\ufffd", "\u2400"))
    if isinstance(now, str) and name in {"v", "ordinal", "occurred_at"} and now.lstrip("-").isdigit():
        yield int(now)
    if isinstance(now, str) and name == "id":
        yield now.encode("utf-8", "surrogateescape")
    if isinstance(now, bytes) and name not in {"id", "commitment"}:
        yield now.decode("utf-8", "replace")
    if name == "ordinal" and isinstance(now, int):
        yield from (now - 1, now + 1)
    yield from _joined(name, row)
    for other in near:
        value = getattr(other.row, name)
        yield value
        if name == "ordinal" and isinstance(value, int):
            yield from (value - 1, value + 1)


def _joined(name: str, row: Row) -> Iterator[Any]:
    """Yield what other columns of the row say of one."""
    if name == "commitment" and isinstance(row.nonce, bytes):
        made = _committed(row)
        if made is not None:
            yield made
    try:
        if name == "correlation_id":
            yield str(UUID(hex=row.trace_id or ""))
        elif name == "trace_id":
            yield UUID(hex=row.correlation_id or "").hex
    except (ValueError, AttributeError, TypeError):
        return
    if name == "action" and isinstance(row.event_type, str):
        yield row.event_type.rpartition(".")[2]


def _committed(row: Row) -> bytes | None:
    if not isinstance(row.nonce, bytes):
        return None
    try:
        return canonical.commitment(row.nonce, row.client_ip, row.user_agent, row.private)
    except (TypeError, ValueError):
        return None


def _private(seq: int, row: Row, near: Iterable[Stored], permitted: bool) -> list[Finding]:
    """Return what was done to the private columns of an entry whose other ones are right."""
    held = {name: getattr(row, name) for name in PRIVATE}
    if row.commitment is None:
        given = tuple(name for name, value in held.items() if value is not None)
        return [_modified(seq, given)] if given else []
    if not isinstance(row.commitment, bytes) or len(row.commitment) != SIZE:
        return [_modified(seq, ("commitment",))]
    has_nonce = isinstance(row.nonce, bytes) and len(row.nonce) == SIZE
    if has_nonce and _committed(row) == row.commitment:
        return []
    if not any(value is not None for value in held.values()):
        if permitted:
            return []
        text = f"the private columns of entry {seq} were emptied, and nobody asked for its erasure"
        return [Finding("modified", text, seq, fields=PRIVATE)]
    if not has_nonce:
        return [_modified(seq, ("nonce",))]
    for name in PRIVATE[:-1]:
        for value in [None, *(getattr(other.row, name) for other in near)]:
            if _committed(row._replace(**{name: value})) == row.commitment:
                return [_modified(seq, (name,))]
    return [Finding("modified", f"a private column of entry {seq} was changed", seq)]
