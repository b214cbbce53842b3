"""Health as a command line asks for it: of a server, or by looking itself."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import orjson

from flowstone_health import body, config, verdict
from flowstone_health.board import Board
from flowstone_health.collecting import collect
from flowstone_health.damping import Word

_LONGEST: int = 1 << 20
_T = TypeVar("_T")


class UnreachableError(Exception):
    """Nobody answered, or what answered does not report health."""


def look_here(timeout: float) -> dict[str, Any]:
    """Look at everything once, from this process, and return the document.

    Args:
        timeout: Seconds after which what was not answered counts as unhealthy.
    """
    board = Board(collect, interval=config.load().interval, tells=False)  # one look knows of no change
    board.start()
    board.looked.wait(timeout)
    now, states = monotonic(), board.states
    board.stop(0.1)
    components: dict[str, Word] = {key: verdict.of_component(states, key, now) for key in verdict.COMPONENTS}
    return body.document(verdict.judge(states, "health", now), components, now, details=True)


def ask(url: str, timeout: float, *, verbose: bool = False) -> dict[str, Any]:
    """Return the document that the server at *url* answers; the token is shown to it, where one is set.

    Args:
        url: Of the server, or of one of its routes; ``/health`` where it names none.
        timeout: Seconds to wait, in all.
        verbose: Whether to ask for the checks also where only the word is told unasked.

    Raises:
        UnreachableError: There is no such server, or it answers something else.
        ValueError: It is not an address of HTTP.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the URL has to begin with http:// or https://, and name a host")
    path = parts.path if parts.path not in ("", "/") else "/health"
    query = "&".join(filter(None, (parts.query, "verbose" if verbose else "")))
    where = f"{parts.hostname}:{parts.port or ''}"
    try:
        status, told = _within(timeout, lambda: _fetch(parts, f"{path}?{query}" if query else path, timeout))
    except (OSError, http.client.HTTPException, ValueError, RuntimeError) as error:
        raise UnreachableError(f"no health from {where} ({type(error).__name__})") from error
    if not isinstance(told, dict) or told.get("status") not in ("healthy", "degraded", "unhealthy"):
        raise UnreachableError(f"{parts.hostname} answers {status}, and no health")
    return told


def _fetch(parts: SplitResult, target: str, timeout: float) -> tuple[int, Any]:
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"Accept": "application/health+json"}
    if token := config.load().token:
        headers["Authorization"] = f"Bearer {token}"
    connection = kind(str(parts.hostname), parts.port, timeout=timeout)
    try:
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        return answer.status, orjson.loads(answer.read(_LONGEST))
    finally:
        connection.close()


def _within(timeout: float, call: Callable[[], _T]) -> _T:
    """Return what *call* returns, or raise what it raises.

    In a thread, which is left behind when it takes too long: a socket's time-out is one for each read, and the
    name service knows of none.

    Raises:
        TimeoutError: It takes longer than *timeout* seconds.
    """
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except (OSError, http.client.HTTPException, ValueError) as error:
            future.set_exception(error)

    threading.Thread(target=run, name="flowstone-health-asking", daemon=True).start()
    return future.result(timeout)
