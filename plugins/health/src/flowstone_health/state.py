"""What is known of a check: immutable, so that whoever answers reads it without a lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flowstone_health.damping import RANK, Word
from flowstone_health.look import Look

_MISSED: Final = 3  # intervals without a look after which an answer is stale


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckState:
    """How a check stands.

    Attributes:
        name: Its name, unique.
        component: What it looks at; empty for a component of its own.
        required: Whether the whole is unhealthy with it.
        probes: The probes it is part of.
        interval: Seconds between two looks.
        timeout: Seconds after which a look counts as hung.
        status: The damped status; None before the first look.
        look: The latest look that counts; None before the first.
        hung_since: When the look began that is hung now (``time.monotonic``); None where none is.
        latencies: Seconds that the latest looks took, sorted.
        configured: Whether there is anything to look at.
    """

    name: str
    component: str = ""
    required: bool = True
    probes: frozenset[str] = frozenset({"ready"})
    interval: float = 10.0
    timeout: float = 5.0
    status: Word | None = None
    look: Look | None = None
    hung_since: float | None = None
    latencies: Sequence[float] = ()
    configured: bool = True

    def is_stale(self, now: float) -> bool:
        """Tell whether the latest look is older than looks should be."""
        return self.look is not None and self.age(now) > _MISSED * self.interval + self.timeout

    def age(self, now: float) -> float:
        """Return the seconds since the latest look ended; 0 before the first."""
        return max(0.0, now - self.look.ended) if self.look is not None else 0.0

    def message(self, now: float) -> str:
        """Return what is the matter."""
        if self.hung_since is not None:
            return f"timeout (still running {now - self.hung_since:.0f} s)"
        if self.look is None:
            return "starting: not looked at yet"
        if self.is_stale(now):
            return f"no look for {self.age(now):.0f} s; {self.look.message}".removesuffix("; ")
        return self.look.message

    def counts_as(self, now: float, *, alone: bool = False) -> Word:
        """Return what it makes of the whole: what is optional makes it degraded at most.

        Args:
            now: ``time.monotonic``.
            alone: Whether it was asked for by name, so that it is the whole.
        """
        required = self.required or alone
        if self.status is None:
            return "unhealthy" if required else "healthy"
        found: Word = self.status
        if self.is_stale(now) and RANK[found] < RANK["degraded"]:
            found = "degraded"
        if found == "unknown" or (found == "unhealthy" and not required):
            return "degraded"
        return found
