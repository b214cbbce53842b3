"""A subscriber in a process of its own, which sees the demo's runs while they happen."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from types import TracebackType
from typing import Any, Final, Self

from flowstone_dagster.demo import agreement
from flowstone_dagster.demo.jobs import WEATHER
from flowstone_dagster.demo.part import Part
from flowstone_dagster.demo.place import Place
from flowstone_dagster.demo.processes import COMMANDS, command

NAME: Final = "pubsub"
TITLE: Final = "Live: what a subscriber in another process saw while the runs went on"

# Since a minute: what happens before the subscriber stands is read from the log, so nothing depends on who is first.
_TYPED: Final = ("tail", "run:*", "materializations", "--json", "--since", "1m")
_ENDS: Final = frozenset({"run.stop", "run.exception"})
_PATIENCE: Final = 5.0
_SHOWN: Final = 4

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A message, and when it was here.

    Attributes:
        seq: Its place in the log.
        topic: On which it came.
        event: The event.
        at: When this process had it, Unix nanoseconds.
    """

    seq: int
    topic: str
    event: Document
    at: int

    @property
    def delay_ms(self) -> float:
        """From the event to here, in milliseconds."""
        return max(0, self.at - int(self.event["time"])) / 1e6


class Subscriber:
    """``flowstone tail``, listened to from now on. A context manager.

    Args:
        place: Where the demo keeps its files.
        correlation_id: Whose messages are kept; others on the same log are passed over.
    """

    def __init__(self, place: Place, correlation_id: str) -> None:
        self._correlation_id = correlation_id
        self.seen: list[Seen] = []
        self.gaps: list[Document] = []
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter, no shell
            command(COMMANDS, *_TYPED),
            env=place.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._listening = threading.Thread(target=self._listen, name="demo-live", daemon=True)
        self._listening.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            at, told = time.time_ns(), json.loads(line)
            if gap := told.get("gap"):
                self.gaps.append(gap)
            elif told["event"].get("correlationid") == self._correlation_id:
                self.seen.append(
                    Seen(seq=told["seq"], topic=told["topic"], event=told["event"]["data"], at=at)
                )

    def part(self, trace: Document) -> Part:
        """Wait for the end of both runs, and return what was seen."""
        deadline = time.monotonic() + _PATIENCE
        while self._running() and self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        self.close()
        problems = list(self._problems(trace))
        return Part(
            name=NAME,
            title=TITLE,
            steps=list(self._steps()) if self.seen else [(f"failed: {problems[0]}", ())],
            document=self._document(),
            problems=problems,
        )

    def _running(self) -> bool:
        return len(_ENDS & {one.event["name"] for one in self.seen}) < len(
            _ENDS
        )  # one run succeeds, one fails

    def _problems(self, trace: Document) -> Iterator[str]:
        for gap in self.gaps:
            yield f"the subscriber missed messages {gap['first']} to {gap['last']}: {gap['reason']}"
        if not self.seen:
            errors = self._process.stderr.read().strip() if self._process.stderr is not None else ""
            yield f"flowstone tail saw nothing of the runs; {errors or 'it told no error'}"
            return
        spans = {one.event["span_id"] for one in self.seen if one.event["name"] == "materialization.start"}
        for one in sorted(agreement.traced(trace)):
            if one.span_id not in spans:
                yield f"the subscriber did not see: {one}"
        found = {one.event["name"]: one for one in self.seen if one.event.get("pipeline") == WEATHER}
        start, stop = found.get("run.start"), found.get("run.stop")
        if start is None or stop is None or start.at >= stop.event["time"]:
            yield f"the subscriber was to see {WEATHER} begin before it had ended"

    def _document(self) -> Document:
        return {
            "command": f"flowstone {' '.join(_TYPED)}",
            "messages": len(self.seen),
            "gaps": self.gaps,
            "delay_ms": {"median": round(self._median(), 1), "max": round(self._longest(), 1)}
            if self.seen
            else None,
            "seen": [
                {
                    "seq": one.seq,
                    "topic": one.topic,
                    "event": one.event["name"],
                    "delay_ms": round(one.delay_ms, 1),
                }
                for one in self.seen
            ],
        }

    def _median(self) -> float:
        return median(one.delay_ms for one in self.seen)

    def _longest(self) -> float:
        return max(one.delay_ms for one in self.seen)

    def _steps(self) -> Iterator[tuple[str, list[str]]]:
        gaps = f"{len(self.gaps)} gaps" if self.gaps else "no gap"
        counted = (
            f"{len(self.seen)} messages, {gaps}; after the event by {self._median():.0f} ms in the median"
        )
        told = [one for one in self.seen if one.event["name"].startswith(("materialization.", "checkpoint."))]
        yield "flowstone tail 'run:*' materializations", [counted, *map(_line, told[-_SHOWN:])]

    def close(self) -> None:
        """End the process, and read what it has written."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._listening.join(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _line(one: Seen) -> str:
    of = one.event.get("asset") or one.event.get("checkpoint") or ""
    return f"{one.seq:>4}  {one.event['name']:<25}  {of:<14}  {one.delay_ms:>4.0f} ms later"
