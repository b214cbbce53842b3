"""Changes of status leave as events; what stands for a shared resource tells now and then how it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from flowstone.plugin import NO_TRACE, ResourceHealthCheck, emit
from flowstone_health.damping import Word
from flowstone_health.events import HealthChanged
from flowstone_health.state import CheckState

ORIGIN: Final = "flowstone.health.check.name"
"""The attribute by which our own events of resources are known: they must not feed us."""

_PERIOD: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of a check's damped status.

    Attributes:
        name: The check's.
        before: The status until now.
        after: The status from now on.
        message: What is the matter; scrubbed.
    """

    name: str
    before: Word
    after: Word
    message: str


class Teller:
    """Emits ``health.changed`` on every change, and ``resource.health_check`` on changes and every five minutes.

    Not on every look: a check every second would fill the audit log with sameness.

    Args:
        silent: Whether to count only.

    Attributes:
        transitions: How many changes there were, by name and status after it.
    """

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self.transitions: Counter[tuple[str, str]] = Counter()
        self._told: dict[str, tuple[Word, float]] = {}

    def changed(self, change: Change) -> None:
        """Tell a change."""
        self.transitions[change.name, change.after] += 1
        if self._silent:
            return
        emit(
            HealthChanged,
            NO_TRACE,
            check=change.name,
            before=change.before,
            after=change.after,
            message=change.message,
            attributes={ORIGIN: change.name},
        )

    def resources(self, states: Iterable[CheckState]) -> None:
        """Tell how the shared resources are: the checks that name a component."""
        now = monotonic()
        for state in () if self._silent else states:
            if not state.component or state.look is None or state.status is None:
                continue
            status, at = self._told.get(state.name, (None, 0.0))
            if status != state.status or now - at >= _PERIOD:
                self._told[state.name] = (state.status, now)
                emit(
                    ResourceHealthCheck,
                    NO_TRACE,
                    resource=state.name,
                    status=state.status,
                    duration=int(state.look.took * 1e9),
                    attributes={ORIGIN: state.name},
                )
