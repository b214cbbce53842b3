"""How entries are dated: numbers and dates are given together, so dates grow with numbers, but for what clocks differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

SKEW_US: Final = 10_000_000
"""How far ``inserted_at`` may go back from one entry to the next: what the guards let a writer's clock differ."""


@dataclass(slots=True)
class Dates:
    """Takes in numbers and dates of entries, ascending by number, and notes where a date goes back.

    Attributes:
        opening: Number and date of the first entry.
        latest: The greatest date, of an entry that stands there rightly.
        seq: Its number.
        steady: The greatest date before that.
        back: (number, microseconds) of entries dated before those before them; of several in a row the first.
        ahead: (number, microseconds) of entries dated after those behind them.
        behind: Whether the last one was dated before those before it.
    """

    opening: tuple[int, int] | None = None
    latest: int = 0
    seq: int = 0
    steady: int = 0
    back: list[tuple[int, int]] = field(default_factory=list)
    ahead: list[tuple[int, int]] = field(default_factory=list)
    behind: bool = False

    def take(self, seqs: Sequence[int], moments: list[Any]) -> None:
        """Take in numbers and dates of entries."""
        try:
            ascend = bool(moments) and moments[0] >= self.latest and moments == sorted(moments)
        except TypeError:  # no moment at all: the leaf tells it
            ascend = False
        if ascend:
            self.opening = self.opening or (seqs[0], moments[0])
            self.steady = moments[-2] if len(moments) > 1 else self.latest
            self.latest, self.seq, self.behind = moments[-1], seqs[-1], False
            return
        for seq, moment in zip(seqs, moments, strict=True):
            if isinstance(moment, int):
                self._one(seq, moment)

    def follow(self, later: Dates) -> None:
        """Take in the dates of entries behind these ones."""
        if later.opening is not None:
            self._one(*later.opening)
            self.back += later.back
            self.ahead += later.ahead
            if later.latest >= self.latest:
                self.latest, self.seq, self.steady = later.latest, later.seq, max(later.steady, self.steady)

    def _one(self, seq: int, moment: int) -> None:
        self.opening = self.opening or (seq, moment)
        if moment >= self.latest:
            self.steady, self.latest, self.seq, self.behind = self.latest, moment, seq, False
        elif moment >= self.latest - SKEW_US:
            self.steady, self.behind = max(self.steady, moment), False
        elif moment >= self.steady - SKEW_US and self.steady:
            # Only one entry before is dated later: it is that one.
            self.ahead.append((self.seq, self.latest - moment))
            self.latest, self.seq, self.behind = max(self.steady, moment), seq, False
        else:
            if not self.behind:
                self.back.append((seq, self.latest - moment))
            self.behind = True
