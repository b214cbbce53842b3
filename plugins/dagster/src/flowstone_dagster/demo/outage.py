"""Health: a database that goes away and comes back, as a load balancer sees it."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from flowstone_dagster.demo.part import Part
from flowstone_dagster.demo.place import Place, UnusableError
from flowstone_dagster.demo.processes import COMMANDS, command

NAME: Final = "health"
TITLE: Final = "Health: the database of Dagster's runs goes away, and comes back"

_TYPED: Final = ("health", "--serve", "--port", "0")
_SETTINGS: Final = {
    "FLOWSTONE_HEALTH_INTERVAL": "0.2",
    "FLOWSTONE_HEALTH_GRACE": "0",
    # What the server sees belongs to none of the runs, whose audit log is sealed and whose traces are complete.
    "FLOWSTONE_AUDIT_POLICY": "resource.*=off,health.*=off",
    "FLOWSTONE_STORE_URL": "off",
}
_BLAMED: Final = "dagster_storage"
_PATIENCE: Final = 30.0

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What ``GET /health`` answered.

    Attributes:
        code: The status code.
        document: The body.
    """

    code: int
    document: Document

    @property
    def reasons(self) -> list[str]:
        """Which required checks failed, and why."""
        return [
            f"{name}: {one.get('output') or one['state']}"
            for name, found in self.document.get("checks", {}).items()
            for one in found
            if one.get("required") and one["status"] == "fail"
        ]

    def blames(self, check: str) -> bool:
        """Tell whether it is no success because of *check*."""
        return self.code == 503 and any(one.startswith(f"{check}:") for one in self.reasons)


class HealthServer:
    """``flowstone health --serve``, being started. A context manager.

    Args:
        place: Where the demo keeps its files.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter, no shell
            command(COMMANDS, *_TYPED),
            env={**place.environment(), **_SETTINGS},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def part(self) -> Part:
        """Break what the server looks at and mend it, and return what it answered.

        Raises:
            UnusableError: There is no server, or the database cannot be moved.
        """
        address, place = self._address(), self._place
        before = _until(address, lambda one: one.code == 200)
        try:
            place.runs.rename(place.runs_away)
            try:
                during = _until(address, lambda one: one.blames(_BLAMED))
            finally:
                place.runs_away.rename(place.runs)
        except OSError as error:
            raise UnusableError(f"{place.runs} cannot be moved: {error}") from error
        after = _until(address, lambda one: one.code == 200)
        answers = (before, during, after)
        return Part(
            name=NAME,
            title=TITLE,
            steps=list(_steps(*answers)),
            document={
                "answers": [{"code": one.code, "reasons": one.reasons, **one.document} for one in answers]
            },
            problems=list(_problems(*answers)),
        )

    def _address(self) -> tuple[str, int]:
        """Return where the server listens, as it says itself."""
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        found = urlsplit(said.rpartition(" ")[2])
        if not found.hostname or not found.port:
            assert self._process.stderr is not None
            self.close()
            raise UnusableError(
                f"flowstone {' '.join(_TYPED)}: {self._process.stderr.read().strip() or said}"
            )
        return found.hostname, found.port

    def close(self) -> None:
        """End the server."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _until(address: tuple[str, int], wanted: Callable[[Answer], bool]) -> Answer:
    """Ask until the answer is as *wanted*; return the last one when patience ends."""
    deadline = time.monotonic() + _PATIENCE
    while not wanted(found := _ask(address)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _ask(address: tuple[str, int]) -> Answer:
    connection = http.client.HTTPConnection(*address, timeout=_PATIENCE)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return Answer(code=answer.status, document=json.loads(answer.read()))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnusableError(f"GET /health: {error}") from error
    finally:
        connection.close()


def _problems(before: Answer, during: Answer, after: Answer) -> Iterator[str]:
    codes = [before.code, during.code, after.code]
    if codes != [200, 503, 200]:
        reasons = "; ".join([*before.reasons, *after.reasons])
        yield f"/health was to answer 200, 503, 200, and answered {', '.join(map(str, codes))}: {reasons}"
    elif not during.blames(_BLAMED):
        yield f"/health was to blame {_BLAMED}, and blames {'; '.join(during.reasons) or 'nothing'}"


def _steps(before: Answer, during: Answer, after: Answer) -> Iterator[tuple[str, list[str]]]:
    yield "flowstone health --serve, and GET /health", [_line(before)]
    yield "dagster/history is moved away", [_line(during), *during.reasons]
    yield "dagster/history is moved back", [_line(after)]


def _line(answer: Answer) -> str:
    told = answer.document
    return f"{answer.code}  {told['status']}: database {told['database']}, job queue {told['job_queue']}"
