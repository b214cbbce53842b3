"""Health as a command line asks for it: of a server, or by looking itself."""

from __future__ import annotations

import http.client
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import orjson

from flowstone_health import body, config, verdict
from flowstone_health.board import Board
from flowstone_health.collecting import collect
from flowstone_health.damping import Word

_LONGEST: int = 1 << 20


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


def ask(url: str, timeout: float) -> dict[str, Any]:
    """Return the document that the server at *url* answers; the token is shown to it, where one is set.

    Args:
        url: Of the server, or of one of its routes; ``/health`` where it names none.
        timeout: Seconds to wait.

    Raises:
        UnreachableError: There is no such server, or it answers something else.
        ValueError: It is not an address of HTTP.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the URL has to begin with http:// or https://, and name a host")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = parts.path if parts.path not in ("", "/") else "/health"
    headers = {"Accept": "application/health+json"}
    if token := config.load().token:
        headers["Authorization"] = f"Bearer {token}"
    connection = kind(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request("GET", f"{path}?{parts.query}" if parts.query else path, headers=headers)
        answer = connection.getresponse()
        told = orjson.loads(answer.read(_LONGEST))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnreachableError(
            f"no health from {parts.hostname}:{parts.port or ''} ({type(error).__name__})"
        ) from error
    finally:
        connection.close()
    if not isinstance(told, dict) or told.get("status") not in ("healthy", "degraded", "unhealthy"):
        raise UnreachableError(f"{parts.hostname} answers {answer.status}, and no health")
    return told
