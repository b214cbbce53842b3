"""What this process has sent, got, dropped and missed so far, by the few words that metrics are labelled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from flowstone.plugin import Counting

Kind = Literal["sent", "consumed", "dropped", "gaps", "lost", "refused", "encoded"]

_MOST_LABELS: Final = 64
_OTHER: Final = "other"


def _folded(key: tuple[Kind, str], counted: Mapping[tuple[Kind, str], int]) -> tuple[Kind, str]:
    if key in counted or sum(kind == key[0] for kind, _ in counted) < _MOST_LABELS:
        return key
    return key[0], _OTHER


_counting: Final = Counting(_folded)


def add(kind: Kind, label: str, n: int = 1) -> None:
    """Add *n* to what was counted of *kind* under *label*; too many labels become one, ``other``."""
    _counting.add((kind, label), n)


def of(kind: Kind) -> Mapping[str, int]:
    """Return what was counted of *kind*, by label."""
    return {label: n for (whose, label), n in _counting.snapshot().items() if whose == kind}


def total(kind: Kind) -> int:
    """Return what was counted of *kind* in all."""
    return sum(of(kind).values())


def reset() -> None:
    """Start from zero."""
    _counting.reset()
