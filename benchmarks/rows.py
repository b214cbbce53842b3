"""What a benchmark says: rows with a verdict, and notes that explain them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any, Literal

Sense = Literal["most", "least"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        unit: The unit of all its numbers: ``x`` for a ratio, ``%``, ``ms``, ``us``.
        best: From the best round of either side.
        median: Median of the rounds' own values; a promise is held or missed by it.
        must: The bound that must hold; none for a row that only informs.
        aim: What is aimed at.
        sense: Whether the bounds are the most or the least that the value may be.
        detail: The numbers behind it.
    """

    what: str
    unit: str
    best: float
    median: float
    must: float | None = None
    aim: float | None = None
    sense: Sense = "most"
    detail: str = ""

    @property
    def verdict(self) -> str:
        """Return ``held``, ``MISSED``, or nothing where nothing is promised."""
        if self.must is None:
            return ""
        held = self.median <= self.must if self.sense == "most" else self.median >= self.must
        return "held" if held else "MISSED"

    def as_json(self) -> dict[str, Any]:
        """Return the row for programs."""
        return {**asdict(self), "verdict": self.verdict}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one section found.

    Attributes:
        rows: Its lines of the table.
        notes: What has to be known to read them.
        why: Where the time goes; printed under a section that missed a bound.
    """

    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    why: tuple[str, ...] = ()

    @property
    def missed(self) -> bool:
        """Whether a bound was missed."""
        return any(row.verdict == "MISSED" for row in self.rows)

    def because(self, explain: Callable[[], Sequence[str]]) -> Report:
        """Return the report, explained where a bound was missed."""
        return replace(self, why=tuple(explain())) if self.missed else self


def ratio(
    what: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    must: float | None = None,
    aim: float | None = None,
    sense: Sense = "most",
) -> Row:
    """Return the row of *ours* / *theirs*, both in microseconds, one value per round each.

    With the sense ``least`` it is *theirs* / *ours*: how many times less ours is.
    """
    above, below = (ours, theirs) if sense == "most" else (theirs, ours)
    return Row(
        what=what,
        unit="x",
        best=min(above) / min(below),
        median=median(a / b for a, b in zip(above, below, strict=True)),
        must=must,
        aim=aim,
        sense=sense,
        detail=f"{_us(ours)} against {_us(theirs)}",
    )


def value(
    what: str,
    unit: str,
    found: Sequence[float],
    *,
    must: float | None = None,
    aim: float | None = None,
    detail: str = "",
) -> Row:
    """Return the row of a quantity that is no ratio, one value per round."""
    return Row(what=what, unit=unit, best=min(found), median=median(found), must=must, aim=aim, detail=detail)


def _us(found: Sequence[float]) -> str:
    if min(found) >= 1000:
        return f"{min(found) / 1000:.3g} ({median(found) / 1000:.3g}) ms"
    return f"{min(found):.3g} ({median(found):.3g}) us"
