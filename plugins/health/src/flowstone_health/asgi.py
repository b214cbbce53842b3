"""Health as an ASGI application, to be mounted or run by itself; no framework is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from flowstone_health import config, draining, reporting
from flowstone_health.board import Board
from flowstone_health.exchange import Request
from flowstone_health.routes import HEALTH, respond

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_POLL_S: Final = 0.01


class HealthApp:
    """Answers ``/health``, ``/livez``, ``/readyz``, ``/startupz`` and ``/openapi.json`` below where it is mounted.

    Args:
        board: Returns the board to answer from; the process's by default.
    """

    def __init__(self, board: Callable[[], Board] = reporting.board) -> None:
        self._board = board

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Message, send: Send) -> None:
        request, board = _request(scope), self._board()
        # Polled: the board sets a flag of threads, and a waiting thread for each request would be dearer.
        while request.path in HEALTH and board.first_wait():  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        answer = respond(request, board, config.load())
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._board()
                draining.watch()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await send({"type": "lifespan.shutdown.complete"})
                return


def _request(scope: Message) -> Request:
    path, root = scope["path"], scope.get("root_path", "")
    if root and path.startswith(root):
        path = path[len(root) :]
    client = scope.get("client")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(
        method=scope["method"],
        path=path,
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        peer=client[0] if client else "",
    )


app: Final = HealthApp()
"""The application that answers for this process."""
