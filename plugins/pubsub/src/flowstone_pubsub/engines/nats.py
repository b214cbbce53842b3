"""The engine for more than one machine: a JetStream stream keeps the log, its sequence is the log's.

``nats://[user:password@]host[:port][,host...][?prefix=flowstone&replicas=3]``

The stream is called as the prefix, keeps all subjects ``prefix.>``, and is made by whoever needs it first; its
limits can be changed at the server. Repetitions are told for ten minutes. Names of other users of the server's, and
their rights, are the server's affair: the account needs ``$JS.API.>``, ``prefix.>`` and ``_INBOX.>``.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from flowstone_pubsub.engines import addresses
from flowstone_pubsub.engines.base import Deliver, EngineDown, Item, Outgoing, Retention
from flowstone_pubsub.engines.continuing import begin_of, page
from flowstone_pubsub.engines.looping import LoopThread
from flowstone_pubsub.engines.nats_follower import NatsFollower
from flowstone_pubsub.engines.nats_session import ERRORS, Address, Session, State

T = TypeVar("T")
_WAIT_S: Final = 30.0  # each step has a shorter limit of its own
_CLOSE_S: Final = 2.0


def connect(url: str, retention: Retention) -> NatsEngine:
    """Return an engine on the stream that *url* names; it is connected when first needed.

    Raises:
        ValueError: The URL is malformed.
    """
    bare, own = addresses.split(url, ("stream", "replicas"))
    parts = urlsplit(bare)
    login, _, hosts = parts.netloc.rpartition("@")
    names = [name for name in hosts.split(",") if name]
    replicas = own.get("replicas", "1")
    if not names or replicas not in {"1", "2", "3", "4", "5"}:
        raise ValueError("a log in NATS is nats://host:port?prefix=flowstone&replicas=1")
    servers = tuple(f"{parts.scheme}://{login}{'@' if login else ''}{name}" for name in names)
    stream = own.get("stream", own["prefix"])
    return NatsEngine(
        Address(
            servers=servers, prefix=own["prefix"], stream=stream, replicas=int(replicas), retention=retention
        )
    )


class NatsEngine:
    """An engine on a stream."""

    name = "nats"
    durable = True

    def __init__(self, address: Address) -> None:
        self._address = address
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._loop: LoopThread | None = None
        self._session: Session | None = None
        self._opening: asyncio.Lock | None = None
        self._publishing: asyncio.Lock | None = None
        self._followers: list[NatsFollower] = []
        self._closed = False

    def publish(self, batch: Sequence[Outgoing]) -> None:
        """Append *batch*, acknowledgements in parallel.

        Raises:
            EngineDown: An unknown part of it is in the log.
        """
        if batch:
            self._run(lambda session: self._publish(session, batch))

    async def _publish(self, session: Session, batch: Sequence[Outgoing]) -> None:
        assert self._publishing is not None
        async with self._publishing:
            await session.publish(batch)

    def follow(self, after: int | None, deliver: Deliver) -> NatsFollower:
        """Deliver what is behind *after* and what comes, in a thread and over a connection of its own.

        Raises:
            EngineDown: With ``after=None``, where the server cannot say where the log ends.
        """
        if after is None:
            after = self.bounds()[1]
        self._check()
        follower = NatsFollower(self._address, after, deliver)
        self._followers.append(follower)
        return follower

    def read(self, after: int, limit: int) -> Sequence[Item]:
        """Return at most *limit* items behind *after*.

        Raises:
            EngineDown: The stream cannot be read.
        """
        return self._run(lambda session: _page(session, after, limit))

    def bounds(self) -> tuple[int, int]:
        """Return the oldest and the newest seq.

        Raises:
            EngineDown: The stream cannot be read.
        """
        return _bounds(self._run(lambda session: session.state()))

    def before(self, moment: int) -> int:
        """Return the seq before the first record that was added at *moment* (Unix ns) or later, by the server's clock.

        Raises:
            EngineDown: The stream cannot be read.
        """
        return self._run(lambda session: session.before(moment))

    def _run(self, work: Callable[[Session], Awaitable[T]]) -> T:
        with self._lock if self._pid == os.getpid() else threading.Lock():
            self._check()
            if self._loop is None:
                self._loop = LoopThread("flowstone-pubsub-nats-asking")
                self._opening, self._publishing = asyncio.Lock(), asyncio.Lock()
            loop = self._loop
        try:
            return loop.run(self._with_session(work), _WAIT_S)
        except ERRORS as error:
            raise EngineDown(f"NATS: {type(error).__name__} {error}") from error

    def _check(self) -> None:
        if self._closed or self._pid != os.getpid():
            raise EngineDown("this engine was closed, or inherited through a fork")

    async def _with_session(self, work: Callable[[Session], Awaitable[T]]) -> T:
        assert self._opening is not None
        async with self._opening:
            session = self._session
            if session is not None and session.lost.is_set():
                session = self._session = None
            if session is None:
                session = Session(self._address)
                try:
                    await session.open()
                except BaseException:
                    await session.close()
                    raise
                self._session = session
        try:
            return await work(session)
        except BaseException:
            # Whatever it was: a new connection does not carry on what this one left half done.
            if self._session is session:
                self._session = None
            await session.close()
            raise

    def close(self) -> None:
        """End the followers and the connection; of an engine that was inherited, nothing."""
        if self._pid != os.getpid():
            return
        while self._followers:
            self._followers.pop().close()
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
        if loop is not None:
            session = self._session
            if session is not None:
                _quietly(loop, session.close())
            loop.stop()


def _quietly(loop: LoopThread, work: Coroutine[Any, Any, None]) -> None:
    with suppress(*ERRORS):
        loop.run(work, _CLOSE_S)


async def _page(session: Session, after: int, limit: int) -> list[Item]:
    bounds = _bounds(await session.state())
    first = begin_of(after, bounds)
    wanted = min(limit, bounds[1] - first + 1)
    records = await session.fetch(first, wanted) if wanted > 0 else []
    return page(records, after, bounds, limit)


def _bounds(state: State) -> tuple[int, int]:
    return (state.oldest, state.newest) if state.newest else (0, 0)
