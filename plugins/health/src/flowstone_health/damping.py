"""Damping: how many answers in a row it takes to change a status."""

from __future__ import annotations

from typing import Final, Literal

Word = Literal["healthy", "degraded", "unhealthy", "unknown"]

RANK: Final[dict[Word, int]] = {"healthy": 0, "unknown": 1, "degraded": 2, "unhealthy": 3}
"""Which of two statuses is worse."""


class Damping:
    """Follows raw answers; the status moves only after enough of them in a row point the same way.

    The first answer counts at once: before it nothing is known.

    Args:
        fall: How many answers in a row that are worse make the status worse; the last of them is taken.
        rise: How many that are better make it better.
    """

    __slots__ = ("_fall", "_rise", "_streak", "status")

    def __init__(self, fall: int, rise: int) -> None:
        self._fall, self._rise = max(1, fall), max(1, rise)
        self._streak = 0  # below zero: that many worse ones in a row
        self.status: Word | None = None

    def take(self, raw: Word) -> Word:
        """Take a raw answer and return the status that follows from it."""
        if self.status is None:
            self.status = raw
            return raw
        worse = RANK[raw] - RANK[self.status]
        if worse == 0:
            self._streak = 0
        elif worse > 0:
            self._streak = min(self._streak, 0) - 1
            if -self._streak >= self._fall:
                self.status, self._streak = raw, 0
        else:
            self._streak = max(self._streak, 0) + 1
            if self._streak >= self._rise:
                self.status, self._streak = raw, 0
        return self.status
