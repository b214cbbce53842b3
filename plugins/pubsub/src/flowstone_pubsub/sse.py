"""Server-sent events: ``GET /events?topics=a,b&since=4711``, as an ASGI application to mount or to run.

Each message is ``id: SEQ`` and ``data:`` its CloudEvents envelope; what a client cannot have comes as ``event: gap``
with ``first``, ``last`` and ``reason``. A browser that comes again sends ``Last-Event-ID`` by itself and gets what it
missed. It asks nobody who they are: mount it behind what does, or serve it on the loopback, where it answers only who
asks for this machine by its own names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from flowstone_pubsub import current
from flowstone_pubsub.bus import Bus
from flowstone_pubsub.current import SwitchedOff
from flowstone_pubsub.engines.base import EngineDown
from flowstone_pubsub.sse_access import is_rebound
from flowstone_pubsub.sse_channel import HEARTBEAT_S, Channel
from flowstone_pubsub.sse_stream import HEADERS, LEASE_S, Stream
from flowstone_pubsub.subscription import Subscription
from flowstone_pubsub.topics import EVERYTHING

MOST_CLIENTS: Final = 1000
MOST_TOPICS: Final = 50
_PAST_WAITING: Final = 1024


def create_app(
    bus: Bus | None = None,
    *,
    heartbeat: float = HEARTBEAT_S,
    lease: float = LEASE_S,
    hosts: Collection[str] = (),
) -> Starlette:
    """Return the application; ``uvicorn --factory flowstone_pubsub.sse:create_app`` serves it.

    Args:
        bus: What to subscribe to; the process's own bus where none is given.
        heartbeat: Seconds of silence after which a comment is sent.
        lease: Seconds after which a client is to come again; a tenth more or less.
        hosts: Names, beside ``localhost``, under which browsers on this machine may ask it without a proxy.
    """
    events = Events(bus, heartbeat, lease, hosts)
    return Starlette(routes=[Route("/events", events.answer, methods=["GET"])])


class Events:
    """Answers clients; those who ask for the same topics share a channel.

    Attributes:
        clients: How many streams are open, or being opened.
        channels: Those that are read, by their topics.
    """

    def __init__(self, bus: Bus | None, heartbeat: float, lease: float, hosts: Collection[str] = ()) -> None:
        self._bus = bus
        self._heartbeat = heartbeat
        self._lease = lease
        self._hosts = frozenset(name.lower() for name in hosts)
        self.channels: dict[tuple[str, ...], Channel] = {}
        self._opening = asyncio.Lock()
        self.clients = 0

    async def answer(self, request: Request) -> Response | Stream:
        """Answer ``GET /events``, and HEAD."""
        if is_rebound(request, self._hosts):
            return PlainTextResponse("this machine is called localhost; see hosts of create_app", 403)
        if request.method == "HEAD":
            return Response(headers=HEADERS)
        try:
            topics = _topics(request)
            since = _since(request)
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        if self.clients >= MOST_CLIENTS:
            return _later("too many clients")
        self.clients += 1
        try:
            return await self._stream(topics, since)
        except ValueError as error:
            self.clients -= 1
            return PlainTextResponse(str(error), 400)
        except (EngineDown, SwitchedOff, OSError) as error:
            self.clients -= 1
            return _later(str(error) if isinstance(error, SwitchedOff) else "the log cannot be reached now")

    async def _stream(self, topics: tuple[str, ...], since: int | str | None) -> Stream:
        channel = await self._channel(topics)
        past: Subscription | None = None
        try:
            if since is None:
                seq = channel.position
            elif isinstance(since, int) and channel.place_behind(since) is not None:
                seq = since
            else:
                past = await asyncio.to_thread(self._subscribe, topics, since)
                seq = past.position
        except BaseException:
            await self._leave(topics, channel)
            raise
        return Stream(channel, past, seq, self._leaver(topics, channel), self._lease)

    async def _channel(self, topics: tuple[str, ...]) -> Channel:
        async with self._opening:
            channel = self.channels.get(topics)
            if channel is None or channel.closed:
                subscription = await asyncio.to_thread(self._subscribe, topics, None)
                channel = self.channels[topics] = Channel(subscription, self._heartbeat)
            channel.readers += 1
            return channel

    def _subscribe(self, topics: tuple[str, ...], since: int | str | None) -> Subscription:
        bus = self._bus or current.bus()
        if since is None:
            return bus.subscribe(*topics, policy="spill")
        return bus.subscribe(
            *topics,
            since="earliest" if isinstance(since, str) else since,
            policy="spill",
            maxlen=_PAST_WAITING,
        )

    def _leaver(self, topics: tuple[str, ...], channel: Channel) -> Callable[[], Awaitable[None]]:
        async def leave() -> None:
            self.clients -= 1
            await self._leave(topics, channel)

        return leave

    async def _leave(self, topics: tuple[str, ...], channel: Channel) -> None:
        channel.readers -= 1
        if not channel.readers:
            if self.channels.get(topics) is channel:
                del self.channels[topics]
            await channel.close()


def _topics(request: Request) -> tuple[str, ...]:
    """Return what was asked for: ``topics=a,b``, or ``topic=`` for each where names have commas."""
    asked = request.query_params.getlist("topic")
    asked += [one for text in request.query_params.getlist("topics") for one in text.split(",") if one]
    if len(asked) > MOST_TOPICS:
        raise ValueError(f"ask for {MOST_TOPICS} topics at most; wildcards cover more")
    return tuple(sorted(set(asked))) or (EVERYTHING,)


def _since(request: Request) -> int | str | None:
    asked = request.headers.get("last-event-id") or request.query_params.get("since")
    if not asked or asked == "earliest":
        return asked or None
    if asked.isascii() and asked.isdigit() and len(asked) < 19:
        return int(asked)
    raise ValueError("since, and Last-Event-ID, are a number or 'earliest'")


def _later(text: str) -> Response:
    return PlainTextResponse(text, 503, headers={"retry-after": "2", "cache-control": "no-store"})
