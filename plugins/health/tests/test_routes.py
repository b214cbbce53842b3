"""What is answered to which question."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from flowstone.plugin import HealthCheck, HealthResult
from flowstone_health.board import Board
from flowstone_health.config import Config
from flowstone_health.exchange import Request, Response
from flowstone_health.routes import respond

MakeBoard = Callable[..., Board]

GOOD = HealthCheck(
    name="good", look=lambda: HealthResult(observed={"depth": (3, "{run}")}), component="database"
)
BAD = HealthCheck(name="bad", look=lambda: HealthResult(status="unhealthy", message="it is down"))
MEH = HealthCheck(name="meh", look=lambda: "degraded")
ALIVE = HealthCheck(name="alive", look=lambda: True, applies_to=frozenset({"live"}))


def _get(board: Board, path: str, query: str = "", peer: str = "127.0.0.1", **more: str) -> Response:
    method, accept = more.get("method", "GET"), more.get("accept", "")
    headers = {"accept": accept} if accept else {}
    return respond(
        Request(method=method, path=path, query=query, headers=headers, peer=peer), board, Config()
    )


def _json(answer: Response) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(answer.body)
    return told


def test_health_tells_the_words_and_the_checks(board: MakeBoard) -> None:
    """A caller who may see details gets words, IETF checks and measurements."""
    answer = _get(board(GOOD), "/health")
    told = _json(answer)
    assert 200 == answer.status
    assert "application/health+json" == dict(answer.headers)["content-type"]
    assert ("healthy", "healthy", "healthy") == (told["status"], told["database"], told["job_queue"])
    (good,) = told["checks"]["good"]
    assert ("pass", "healthy", "healthy", True, False) == (
        good["status"],
        good["state"],
        good["raw"],
        good["required"],
        good["stale"],
    )
    assert {"age_s", "latency_ms", "latency_p50_ms", "latency_p95_ms", "time"} <= good.keys()
    assert (3, "{run}") == (
        told["checks"]["good:depth"][0]["observedValue"],
        told["checks"]["good:depth"][0]["observedUnit"],
    )
    assert told["checks"]["job_queue"][0]["configured"] is False


def test_strangers_see_words_only(board: MakeBoard) -> None:
    """A caller from elsewhere sees status, components and time, and no check."""
    told = _json(_get(board(GOOD, BAD), "/health", "verbose", peer="203.0.113.9"))
    assert {"status", "database", "job_queue", "timestamp"} == told.keys()


@pytest.mark.parametrize(
    ("checks", "status", "word"),
    [((GOOD,), 200, "healthy"), ((GOOD, MEH), 200, "degraded"), ((MEH, BAD), 503, "unhealthy")],
)
@pytest.mark.parametrize("path", ["/health", "/health/", "/", "", "/readyz"])
def test_the_code_follows_the_worst(
    board: MakeBoard, checks: tuple[HealthCheck, ...], status: int, word: str, path: str
) -> None:
    """Degraded is served, unhealthy is not, and the body says the same as the code."""
    answer = _get(board(*checks), path)
    assert (status, word) == (answer.status, _json(answer)["status"])


def test_liveness_does_not_ask_dependencies(board: MakeBoard) -> None:
    """Only checks that say so are part of liveness."""
    one = board(ALIVE, BAD)
    assert (200, 503) == (_get(one, "/livez").status, _get(one, "/readyz").status)
    assert {"alive"} == _json(_get(one, "/livez", "verbose"))["checks"].keys()


def test_checks_can_be_left_out_and_unknown_names_are_told(board: MakeBoard) -> None:
    """`exclude` may be repeated; a name that is none is told, and changes nothing."""
    one = board(GOOD, BAD, MEH)
    assert (200, "healthy") == (
        (found := _get(one, "/readyz", "exclude=bad&exclude=meh")).status,
        _json(found)["status"],
    )
    told = _json(_get(one, "/readyz", "exclude=bda"))
    assert ("unhealthy", ["there is no check 'bda' to exclude"]) == (told["status"], told["notes"])


def test_single_checks_have_addresses(board: MakeBoard) -> None:
    """A check can be asked for by name, under its probes and under /health, and nowhere else."""
    one = board(GOOD, BAD, HealthCheck(name="spare", look=lambda: False, required=False))
    asked = ["/readyz/good", "/readyz/bad", "/health/bad", "/readyz/spare", "/livez/good", "/readyz/none"]
    assert [200, 503, 503, 503, 404, 404] == [_get(one, path).status for path in asked]


def test_head_is_get_without_the_body(board: MakeBoard) -> None:
    """HEAD has the code and the headers of GET, and no body."""
    one = board(BAD)
    head, get = _get(one, "/readyz", method="HEAD"), _get(one, "/readyz")
    assert (get.status, get.headers, b"") == (head.status, head.headers, head.body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused(board: MakeBoard, method: str) -> None:
    """Only GET and HEAD are answered, and the answer says so."""
    answer = _get(board(GOOD), "/health", method=method)
    assert (405, "GET, HEAD") == (answer.status, dict(answer.headers)["allow"])


def test_nothing_is_to_be_kept(board: MakeBoard) -> None:
    """Every answer forbids caches to keep it."""
    one = board(GOOD)
    answers = [_get(one, path) for path in ("/health", "/livez", "/nothing", "/openapi.json")]
    assert ["no-store"] * 4 == [dict(answer.headers)["cache-control"] for answer in answers]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/health+json"),
        ("*/*", "application/health+json"),
        ("application/json", "application/json"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/html, text/plain;q=0.5", "text/plain; charset=utf-8"),
        ("text/plain;q=0.4, application/json;q=0.5", "application/json"),
        ("image/png", "application/health+json"),
        (";;;,q=x", "application/health+json"),
    ],
)
def test_the_form_is_what_was_asked_for(board: MakeBoard, accept: str, expected: str) -> None:
    """JSON unless text is preferred; whoever can read neither gets JSON all the same."""
    assert expected == dict(_get(board(GOOD), "/health", accept=accept).headers)["content-type"]


def test_the_text_is_that_of_kubernetes(board: MakeBoard) -> None:
    """The text has one signed line for each check, and a last line with the verdict."""
    told = _get(board(GOOD, BAD), "/readyz", "verbose", accept="text/plain").body.decode()
    assert [
        "[+]good ok",
        "[-]bad unhealthy: it is down",
        "readyz check failed: unhealthy",
    ] == told.splitlines()


def test_draining_is_not_ready_and_alive(board: MakeBoard) -> None:
    """A process that is about to end wants no more work, and is not to be killed for it."""
    one = board(GOOD)
    one.draining = True
    ready = _get(one, "/readyz")
    assert (503, "draining") == (ready.status, _json(ready)["output"])
    assert 200 == _get(one, "/livez").status


def test_until_the_first_look_it_is_starting() -> None:
    """Before the checks are known, and before each required one was looked at, the process has not started."""
    collected, release = threading.Event(), threading.Event()

    def collect() -> list[HealthCheck]:
        collected.wait(10)
        return [HealthCheck(name="slow", look=lambda: release.wait(10))]

    one = Board(collect)
    one.start()
    before = [_get(one, path) for path in ("/startupz", "/readyz", "/livez", "/readyz/slow", "/livez/slow")]
    collected.set()
    between = _get(one, "/startupz")
    release.set()
    assert one.looked.wait(5)
    assert [503, 503, 200, 503, 200] == [answer.status for answer in before]
    assert "starting" == _json(before[3])["output"]
    assert (503, "starting") == (between.status, _json(between)["output"])
    assert 200 == _get(one, "/startupz").status
    one.stop()
