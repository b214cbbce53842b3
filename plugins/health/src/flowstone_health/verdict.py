"""What the states of checks come to: for a probe, a component, the whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from flowstone_health.damping import RANK, Word
from flowstone_health.state import CheckState

Probe = Literal["health", "live", "ready", "startup"]

COMPONENTS: Final = ("database", "job_queue")
"""The components that the answer names whether or not there is a check of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer to a question about health.

    Attributes:
        status: ``healthy``, ``degraded`` or ``unhealthy``.
        output: Why it is unhealthy although no check is: ``draining`` or ``starting``; else empty.
        states: The checks that it is made of.
        unknown: Names that were to be left out, and are none.
    """

    status: Word
    output: str = ""
    states: Sequence[CheckState] = ()
    unknown: Sequence[str] = ()


def judge(
    states: Sequence[CheckState] | None,
    probe: Probe,
    now: float,
    *,
    draining: bool = False,
    exclude: Collection[str] = (),
) -> Verdict:
    """Return the verdict on *probe*.

    Args:
        states: How the checks stand; None before they are known.
        probe: Which checks count; ``health`` counts all.
        now: ``time.monotonic``.
        draining: Whether the process is about to end.
        exclude: Names of checks that do not count.
    """
    asked = of_probe(states or (), probe)
    unknown = [name for name in exclude if all(state.name != name for state in asked)] if states else []
    kept = [state for state in asked if state.name not in exclude]
    status, output = worst(state.counts_as(now) for state in kept), ""
    if probe in ("health", "ready") and draining:
        status, output = "unhealthy", "draining"
    elif probe != "live" and (states is None or any(_is_pending(state, exclude) for state in states)):
        status, output = "unhealthy", "starting"
    return Verdict(status=status, output=output, states=kept, unknown=unknown)


def of_probe(states: Iterable[CheckState], probe: Probe) -> list[CheckState]:
    """Return the states of the checks that are part of *probe*."""
    return [state for state in states if probe == "health" or probe in state.probes]


def worst(words: Iterable[Word]) -> Word:
    """Return the worst of *words*, ``healthy`` if there is none."""
    found: Word = "healthy"
    for word in words:
        if RANK[word] > RANK[found]:
            found = word
    return found


def of_component(states: Sequence[CheckState] | None, component: str, now: float) -> Word:
    """Return how a component is; one without a check is healthy, for it is not in use."""
    if states is None:
        return "unhealthy"
    return worst(state.counts_as(now) for state in states if state.component == component)


def _is_pending(state: CheckState, exclude: Collection[str]) -> bool:
    return state.required and state.status is None and state.name not in exclude
