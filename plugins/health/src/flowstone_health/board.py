"""The board: one thread that has the checks looked at, and the states that whoever answers reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Final

from flowstone.plugin import HealthCheck, count, start_thread
from flowstone_health.collecting import stand_in
from flowstone_health.damping import Word
from flowstone_health.look import look_at
from flowstone_health.resources import Resources
from flowstone_health.state import CheckState
from flowstone_health.telling import Change, Teller
from flowstone_health.track import Flight, Track

_FIRST_LOOK_S: Final = 1.0
_LONGEST_WAIT_S: Final = 1.0
_SHORTEST_WAIT_S: Final = 0.002


class Board:
    """Looks in the background; a look is a thread of its own, once at a time for each check.

    A look that hangs keeps its thread and is not started again before it returns, so there are never more
    threads than checks.

    Args:
        collect: Returns the checks; called once, in the background, because plugins may be slow to import.
        resources: What the pipeline saw of resources.
        interval: Seconds between two looks of every check; None leaves it to the checks.
        tells: Whether changes leave as events.

    Attributes:
        states: How the checks stand; replaced as a whole. None until the checks are known.
        draining: Whether this process is about to end, and wants no more work.
    """

    def __init__(
        self,
        collect: Callable[[], Iterable[HealthCheck]],
        resources: Resources | None = None,
        interval: float | None = None,
        *,
        tells: bool = True,
    ) -> None:
        self._collect, self._resources, self._interval = collect, resources, interval
        self.states: Sequence[CheckState] | None = None
        self.draining = False
        self.teller = Teller(silent=not tells)
        self.looked = threading.Event()  # all checks were looked at once, or timed out
        self._tracks: list[Track] = []
        self._seen: dict[str, CheckState] = {}
        self._bell = threading.Event()
        self._stopped = False
        self._started_at = monotonic()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look; once begun, or after ``stop``, nothing happens."""
        if self._thread is not None and (self._thread.is_alive() or self._stopped):
            return
        thread = start_thread(self._run, "flowstone-health")
        if thread is None:  # whoever asks next tries again
            count("health.thread.failed")
            return
        self._thread = thread

    def stop(self, timeout: float = 1.0) -> None:
        """Look no more; a hung look is left behind."""
        self._stopped = True
        self._bell.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def first_wait(self) -> float:
        """Return the seconds that somebody may wait for the first looks: 0 once they are done, or a second after the start.

        So whoever asks first is told how things are, not that all is starting.
        """
        if self.looked.is_set():
            return 0.0
        return max(0.0, self._started_at + _FIRST_LOOK_S - monotonic())

    def _run(self) -> None:
        while not self._stopped:
            self._bell.clear()
            try:
                if self.states is None and not self._tracks:
                    self._tracks = [self._track(check) for check in self._collect()]
                self._round(monotonic())
                pause = self._pause(monotonic())
            except Exception:  # noqa: BLE001  # a mistake of ours must not end the looking
                count("health.round.failed")
                pause = _LONGEST_WAIT_S
            self._bell.wait(pause)

    def _track(self, check: HealthCheck) -> Track:
        try:
            return Track(check, self._interval)
        except Exception as error:  # noqa: BLE001  # one check that cannot be followed must not hide the others
            return Track(stand_in(check, str(check.name), type(error).__name__))

    def _round(self, now: float) -> None:
        """Take in what looks have brought, begin those that are due, and publish how all stand."""
        for track in self._tracks:
            try:
                self._advance(track, now)
            except Exception:  # noqa: BLE001  # its state ages, and shows it; the others go on
                count("health.track.failed")
        states = [track.state for track in self._tracks]
        self.teller.resources(states)
        self.states = tuple(states + self._of_resources())
        if not self.looked.is_set() and all(state.status is not None for state in states):
            self.looked.set()

    def _advance(self, track: Track, now: float) -> None:
        change = track.advance(now)
        if change is not None:
            self.teller.changed(change)
        if track.flight is None and now >= track.due:
            self._begin(track, now)

    def _of_resources(self) -> list[CheckState]:
        """Return how the resources of the pipeline stand, and tell what changed."""
        found = self._resources.states() if self._resources is not None else []
        seen = {state.name: state for state in found}
        for name in seen.keys() | self._seen.keys():
            now, former = seen.get(name), self._seen.get(name)
            before: Word = (former.status if former else None) or "healthy"
            after: Word = (now.status if now else None) or "healthy"
            if before != after:
                message = now.look.message if now and now.look else ""
                self.teller.changed(Change(name=name, before=before, after=after, message=message))
        self._seen = seen
        return found

    def _begin(self, track: Track, now: float) -> None:
        flight = Flight(now)

        def look() -> None:
            flight.result = look_at(track.check)
            self._bell.set()

        track.due = now + track.interval
        if start_thread(look, f"flowstone-health-{track.check.name}") is None:  # the state ages, and shows it
            count("health.thread.failed")
            return
        track.flight = flight

    def _pause(self, now: float) -> float:
        """Return how long there is nothing to do."""
        next_ = [track.due if track.flight is None else track.times_out_at() for track in self._tracks]
        return min(max(min(next_, default=now) - now, _SHORTEST_WAIT_S), _LONGEST_WAIT_S)
