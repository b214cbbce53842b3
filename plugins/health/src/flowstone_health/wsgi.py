"""Health as a WSGI application."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final

from flowstone_health import config, reporting
from flowstone_health.board import Board
from flowstone_health.exchange import Request
from flowstone_health.routes import HEALTH, respond


class HealthWsgiApp:
    """Answers as the ASGI application does.

    Args:
        board: Returns the board to answer from; the process's by default.
    """

    def __init__(self, board: Callable[[], Board] = reporting.board) -> None:
        self._board = board

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        request, board = _request(environ), self._board()
        if request.path in HEALTH:
            board.looked.wait(board.first_wait())
        answer = respond(request, board, config.load())
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", list(answer.headers))
        return [answer.body]


def _request(environ: dict[str, Any]) -> Request:
    headers = {
        key[5:].replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", "").encode("latin-1", "replace").decode("utf-8", "replace"),
        query=environ.get("QUERY_STRING", ""),
        headers=headers,
        peer=environ.get("REMOTE_ADDR", ""),
    )


wsgi_app: Final = HealthWsgiApp()
"""The application that answers for this process."""
