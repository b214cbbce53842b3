"""Following a stream: an ephemeral push consumer, begun again behind the last record whenever anything is amiss."""

from __future__ import annotations

import asyncio
from typing import Final

from nats.aio.msg import Msg

from flowstone.plugin import count
from flowstone_pubsub.engines.base import Deliver, EngineDown, Record
from flowstone_pubsub.engines.continuing import Continuing
from flowstone_pubsub.engines.looping import LoopThread
from flowstone_pubsub.engines.nats_records import places_of, record_of
from flowstone_pubsub.engines.nats_session import ERRORS, HEARTBEAT_S, Address, Session

_AGAIN_S: Final = 0.05
_AGAIN_MOST_S: Final = 2.0
_SILENT_S: Final = 2.5 * HEARTBEAT_S
_NOTHING: Final = "100"


class NatsFollower:
    """Reads the stream over a connection and in a thread of its own."""

    def __init__(self, address: Address, after: int, deliver: Deliver) -> None:
        self._address = address
        self._log = Continuing(after, deliver)
        self._loop = LoopThread("flowstone-pubsub-nats")
        self._batch: list[Record] = []
        self._delivered = 0
        self._amiss = asyncio.Event()
        self._heard = asyncio.Event()
        self._closed = False
        self._loop.soon(self._begin)

    @property
    def head(self) -> int:
        """The last seq that was delivered."""
        return self._log.head

    def close(self) -> None:
        """Deliver nothing more."""
        self._closed = True
        self._log.close()
        self._loop.soon(self._amiss.set)
        self._loop.stop()

    def _begin(self) -> None:
        self._task = self._loop.loop.create_task(self._work())

    async def _work(self) -> None:
        again = _AGAIN_S
        while not self._closed:
            session = Session(self._address)
            try:
                again = await self._follow(session) or again
            except (EngineDown, *ERRORS):
                pass  # tried again below, and counted
            finally:
                await session.close()
            if not self._closed:
                count("pubsub.reconnects")
                await asyncio.sleep(again)
                again = min(again * 2, _AGAIN_MOST_S)

    async def _follow(self, session: Session) -> float:
        """Deliver until something is amiss; return how long to wait then."""
        state = await session.open()
        self._log.resume(state.created, state.oldest, state.newest)
        self._batch.clear()
        self._delivered = 0
        self._amiss.clear()

        async def take(message: Msg) -> None:
            await self._take(session, message)

        await session.push(self._log.resume_at(state.oldest, state.newest), take)
        lost = asyncio.create_task(session.lost.wait())
        amiss = asyncio.create_task(self._amiss.wait())
        try:
            while not (lost.done() or amiss.done()):
                self._heard.clear()
                await asyncio.wait((lost, amiss), timeout=_SILENT_S, return_when=asyncio.FIRST_COMPLETED)
                if not self._heard.is_set():
                    break  # not even heartbeats: the way there, or the consumer, is gone
        finally:
            lost.cancel()
            amiss.cancel()
        return _AGAIN_S

    async def _take(self, session: Session, message: Msg) -> None:
        self._heard.set()
        headers = message.headers or {}
        if headers.get("Status") == _NOTHING:
            if message.reply:
                await session.answer(message.reply)
            elif stalled := headers.get("Nats-Consumer-Stalled"):
                await session.answer(stalled)
            if int(headers.get("Nats-Last-Consumer", self._delivered)) != self._delivered:
                self._amiss.set()
            return
        try:
            seq, delivery = places_of(message.reply)
        except ValueError:
            self._amiss.set()
            return
        if delivery != self._delivered + 1:
            self._amiss.set()  # something was lost on the way; what is in hand is good
        if self._amiss.is_set():
            return
        self._delivered = delivery
        if not self._batch:
            self._loop.loop.call_soon(self._hand_over)
        self._batch.append(record_of(seq, message.subject, message.headers, message.data))

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, []
        if not self._log.take(batch):
            self._amiss.set()
