"""What a verification found, and what that is worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, get_args

Kind = Literal[
    "modified",
    "deleted",
    "truncated",
    "inserted late",
    "duplicated",
    "back-dated",
    "seal altered",
    "damaged",
    "bad signature",
    "key swapped",
    "rolled back",
    "forked",
    "guards missing",
    "sealed late",
    "pruned early",
    "clock skew",
    "clock corrected",
    "unsealed",
    "not anchored",
]

KINDS: Final[tuple[str, ...]] = get_args(Kind)
NOTES: Final = frozenset(
    {"sealed late", "pruned early", "clock skew", "clock corrected", "unsealed", "not anchored"}
)
"""Kinds that an honest log can have too: told, and no alarm."""

PROVEN, TAMPERED, UNUSABLE, CONSISTENT = range(4)
"""Exit codes, by verdict."""

_WORDS: Final = ("proven", "tampered", "unusable", "consistent")
SHOWN: Final = 1000
"""Findings of one kind that are kept; the rest is counted."""


class Finding(NamedTuple):
    """One thing that is not as it was sealed, or that a reader has to know.

    Attributes:
        kind: What was done.
        message: The same in a sentence.
        seq: The entry, or the first of them.
        last: The last of several in a row.
        fields: The columns, where it can be told which.
        leaf: Index in the tree, of what concerns a seal or a checkpoint.
    """

    kind: Kind
    message: str
    seq: int | None = None
    last: int | None = None
    fields: tuple[str, ...] = ()
    leaf: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values; what is not known is left out."""
        return {name: value for name, value in self._asdict().items() if value is not None and value != ()}


@dataclass(slots=True)
class Report:
    """The outcome of one verification.

    Attributes:
        findings: What was found, in the order of the log; at most ``SHOWN`` of a kind.
        counts: How many there were of each kind.
        entries: Entries whose content was held against its seal.
        leaves: Leaves of the tree.
        erased: Entries whose private columns were erased by the rules.
        pruned: Sealed entries that were archived and deleted by the rules.
        unsealed: Entries that no seal has yet.
        anchored: Leaves that are under a checkpoint published outside; None if there was none to compare.
        keys: Verifier keys that the signatures were held against.
        allowed: Kinds that the caller has looked into, which raise no alarm.
        seconds: How long it took.
    """

    findings: list[Finding] = field(default_factory=list)
    counts: dict[Kind, int] = field(default_factory=dict)
    entries: int = 0
    leaves: int = 0
    erased: int = 0
    pruned: int = 0
    unsealed: int = 0
    anchored: int | None = None
    keys: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()
    seconds: float = 0.0

    def add(self, found: Iterable[Finding]) -> None:
        """Take findings in."""
        for one in found:
            known = self.counts.get(one.kind, 0)
            self.counts[one.kind] = known + 1
            if known < SHOWN:
                self.findings.append(one)

    @property
    def alarms(self) -> list[Finding]:
        """Findings that no honest log has, and that the caller has not allowed."""
        return [one for one in self.findings if one.kind not in NOTES and one.kind not in self.allowed]

    @property
    def first(self) -> Finding | None:
        """The alarm at the earliest place of the log."""
        return min(self.alarms, key=_place, default=None)

    @property
    def code(self) -> int:
        """Exit code: 0 proven, 1 tampered, 3 consistent."""
        if self.alarms:
            return TAMPERED
        if self.anchored is None or self.anchored < self.leaves or not self.keys:
            return CONSISTENT
        unproven = {"unsealed", "not anchored", "pruned early", *({"clock corrected"} - self.allowed)}
        return CONSISTENT if unproven & self.counts.keys() else PROVEN

    @property
    def verdict(self) -> str:
        """``proven``, ``tampered`` or ``consistent``; the last is all that can be said without an anchor."""
        return _WORDS[self.code]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        first = self.first
        return {
            "verdict": self.verdict,
            "exit_code": self.code,
            "first": None if first is None else first.to_dict(),
            "findings": [one.to_dict() for one in self.findings],
            "counts": dict(self.counts),
            "entries": self.entries,
            "leaves": self.leaves,
            "erased": self.erased,
            "pruned": self.pruned,
            "unsealed": self.unsealed,
            "anchored": self.anchored,
            "keys": list(self.keys),
            "allowed": sorted(self.allowed),
            "seconds": round(self.seconds, 3),
        }


def _place(finding: Finding) -> tuple[int, int]:
    """Entries first, by their numbers; then seals, by their leaves; then what stands beside them."""
    if finding.seq is not None:
        return 0, finding.seq
    return (2, 0) if finding.leaf is None else (1, finding.leaf)
