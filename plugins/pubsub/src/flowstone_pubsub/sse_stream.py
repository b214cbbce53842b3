"""The answer to one client: what it missed, then what the channel brings, until it goes or its time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from random import uniform
from time import monotonic
from typing import Any, Final

from flowstone_pubsub.sse_channel import Channel
from flowstone_pubsub.sse_frames import frame_of, greeting
from flowstone_pubsub.subscription import Subscription

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}
LEASE_S: Final = 300.0
_PAGE: Final = 256
_CATCHING_UP_S: Final = 0.01
_MERCY_S: Final = 5.0


class Stream:
    """An ASGI answer.

    Args:
        channel: Of the topics that were asked for.
        past: A subscription behind the place where the client left off; None where the channel goes on from there.
        since: That place, or the channel's position.
        leave: Awaited at the end.
        lease: Seconds after which the client is to come again: a proxy may hold a stream whose reader is long gone.
    """

    def __init__(
        self,
        channel: Channel,
        past: Subscription | None,
        since: int,
        leave: Callable[[], Awaitable[None]],
        lease: float = LEASE_S,
    ) -> None:
        self._channel = channel
        self._past = past
        self._seq = since
        self._leave = leave
        self._until = monotonic() + lease * uniform(0.9, 1.1)  # noqa: S311  # so that they do not all return at once
        self._gone = False
        self._ended = False
        self._waiting: asyncio.Future[None] | None = None

    async def __call__(self, scope: object, receive: Receive, send: Send) -> None:
        """Answer."""
        watching = asyncio.create_task(self._watch(receive))
        ending = asyncio.get_running_loop().call_later(
            self._until - monotonic() + _MERCY_S, self._end, asyncio.current_task()
        )
        try:
            headers = [(name.encode(), text.encode()) for name, text in HEADERS.items()]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": greeting(self._seq), "more_body": True})
            at = await self._catch_up(send)
            await self._let_go()
            await self._go_on(at, send)
            if not self._gone:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            if not self._ended:
                raise
        finally:
            ending.cancel()
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            try:
                await self._let_go()
            finally:
                await self._leave()

    async def _let_go(self) -> None:
        """End the subscription to what is past; closing one may wait for the log, and the loop may not."""
        past, self._past = self._past, None
        if past is not None:
            await asyncio.to_thread(past.close)

    def _end(self, task: asyncio.Task[None] | None) -> None:
        """End it from outside: the client takes nothing, and the stream waits for it for ever."""
        self._ended = True
        if task is not None:
            task.cancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    @property
    def _over(self) -> bool:
        return self._gone or monotonic() > self._until

    async def _catch_up(self, send: Send) -> int:
        """Send what the client missed, from the log; return the place in the channel where it goes on."""
        while (at := self._channel.place_behind(self._seq)) is None and not self._over:
            assert self._past is not None, "without a past the channel goes on from here"
            chunk, self._seq = await asyncio.to_thread(_page, self._past)
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            elif self._past.closed or self._channel.closed:
                break
        return self._channel.end if at is None else at

    async def _go_on(self, at: int, send: Send) -> None:
        channel = self._channel
        message: dict[str, Any] = {"type": "http.response.body", "body": b"", "more_body": True}
        while not self._over:
            if at == channel.end:
                if channel.closed:
                    return
                self._waiting = channel.wait()
                await self._waiting
                continue
            message["body"], at, self._seq = channel.chunk(at, self._seq)
            await send(message)


def _page(past: Subscription) -> tuple[bytes, int]:
    """Return the frames of what *past* has at once, and the last seq that they cover."""
    frames: list[bytes] = []
    while len(frames) < _PAGE and (item := past.next_item(_CATCHING_UP_S)) is not None:
        frames.append(frame_of(item))
    return b"".join(frames), past.position
