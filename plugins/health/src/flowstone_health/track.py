"""The track of a check: its looks one after the other, damped. Touched by the board's thread only."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final

from flowstone.plugin import HealthCheck
from flowstone_health.damping import Damping
from flowstone_health.look import Look, made
from flowstone_health.state import CheckState
from flowstone_health.telling import Change

_SHORTEST_INTERVAL: Final = 0.05
_LATENCIES: Final = 20


class Flight:
    """A look under way; its thread writes ``result`` and nothing else."""

    __slots__ = ("began", "overdue", "result")

    def __init__(self, began: float) -> None:
        self.began = began
        self.overdue = 0  # how many time-outs were counted for it
        self.result: Look | None = None


class Track:
    """Follows one check.

    Attributes:
        check: What is looked at, and how often.
        flight: The look under way; None where there is none.
        due: When the next look is due (``time.monotonic``).
        state: How the check stands.
    """

    def __init__(self, check: HealthCheck, interval: float | None = None) -> None:
        self.check = check
        self.flight: Flight | None = None
        self.due = 0.0
        self.interval = max(_SHORTEST_INTERVAL, interval or check.interval)
        self._damping = Damping(check.fall, check.rise)
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self.state = CheckState(
            name=check.name,
            component=check.component,
            required=check.required,
            probes=frozenset(check.applies_to),
            interval=self.interval,
            timeout=check.timeout,
        )

    def advance(self, now: float) -> Change | None:
        """Take in what the look under way has brought; return the change of status, if any."""
        flight = self.flight
        if flight is None:
            return None
        if flight.result is not None:
            self.flight = None
            self.due = max(now, flight.began + self.interval)
            if flight.overdue:  # its answer is too old; a new look is begun at once
                self.state = replace(self.state, hung_since=None)
                return None
            return self.record(flight.result)
        if now >= self.times_out_at():
            flight.overdue += 1
            self.state = replace(self.state, hung_since=flight.began)
            message = f"timeout (after {self.check.timeout:g} s)"
            return self.record(made("unhealthy", message, took=now - flight.began))
        return None

    def times_out_at(self) -> float:
        """Return when the look under way counts as a bad answer next: at its time-out, then every interval."""
        assert self.flight is not None
        return self.flight.began + max(0.0, self.check.timeout) + self.flight.overdue * self.interval

    def record(self, look: Look) -> Change | None:
        """Take a look in; return the change of status, if any."""
        before = self._damping.status
        after = self._damping.take(look.status)
        self._latencies.append(look.took)
        self.state = replace(self.state, status=after, look=look, latencies=tuple(sorted(self._latencies)))
        if after == before or (before is None and after == "healthy"):
            return None
        return Change(name=self.check.name, before=before or "unknown", after=after, message=look.message)
