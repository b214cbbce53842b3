"""A server of events: ``python -m benchmarks.pubsub_sse_server ours|sse_starlette`` prints its port."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from benchmarks.pubsub_memory import TEXT, open_bus
from flowstone_pubsub.envelope import encode_payload
from flowstone_pubsub.sse import Events
from flowstone_pubsub.sse_channel import HEARTBEAT_S
from flowstone_pubsub.sse_stream import LEASE_S

TOGETHER = 50


def app(
    route: Callable[..., object], readers: Callable[[], int], put: Callable[[int, str], object]
) -> Starlette:
    """Return the application: the stream, how many read it, and what makes it flow."""

    async def count(_: Request) -> Response:
        return PlainTextResponse(f"\n{readers()}")

    async def go(request: Request) -> Response:
        last = int(request.query_params["count"]) - 1
        for n in range(last + 1):
            put(n, request.query_params["mark"] if n == last else "")
            if n % TOGETHER == 0:
                await asyncio.sleep(0)
        return PlainTextResponse("done")

    return Starlette(routes=[Route("/events", route), Route("/readers", count), Route("/go", go)])


def ours() -> Starlette:
    """Return our application on a bus in memory."""
    bus = open_bus()
    events = Events(bus, HEARTBEAT_S, LEASE_S)
    return app(
        events.answer,
        lambda: sum(channel.readers for channel in events.channels.values()),
        lambda n, mark: bus.broadcast("numbers", {"n": n, "text": TEXT, "mark": mark}),
    )


def sse_starlette() -> Starlette:
    """Return the rival's, each client fed from a bare queue with text that is ready."""
    from sse_starlette import EventSourceResponse, ServerSentEvent

    queues: set[asyncio.Queue[tuple[int, str]]] = set()

    async def stream(_: Request) -> EventSourceResponse:
        async def events() -> AsyncIterator[ServerSentEvent]:
            queue: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
            queues.add(queue)
            try:
                while True:
                    n, text = await queue.get()
                    yield ServerSentEvent(text, id=str(n))
            finally:
                queues.discard(queue)

        return EventSourceResponse(events())

    envelope = json.loads(encode_payload({"n": 0, "text": TEXT, "mark": ""}, "0" * 32, 0, "numbers"))

    def put(n: int, mark: str) -> None:
        text = json.dumps({**envelope, "mark": mark})
        for queue in queues:
            queue.put_nowait((n, text))

    return app(stream, lambda: len(queues), put)


def main(which: str) -> None:
    """Serve until terminated."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        made = ours() if which == "ours" else sse_starlette()
        config = uvicorn.Config(made, log_level="critical", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main(sys.argv[1])
