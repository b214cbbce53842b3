"""One connection to NATS, and what is asked of JetStream over it.

It does not reconnect: nats-py would then send what waits in its buffer after what was lost, out of order. Whoever
uses a session opens another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import gmtime, strftime
from typing import Any, Final, NamedTuple

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from flowstone.plugin import count
from flowstone_pubsub.engines.base import EngineDown, Outgoing, Record, Retention
from flowstone_pubsub.engines.nats_records import headers_of, places_of, record_of, subject_of
from flowstone_pubsub.envelope import encode_lost

CONNECT_S: Final = 2
REQUEST_S: Final = 3.0
HEARTBEAT_S: Final = 2
_ACK_S: Final = 5.0
_CLOSE_S: Final = 0.5
_WINDOW: Final = 256
_PING_S: Final = 5
_NO_STREAM: Final = 10059
_TAKEN: Final = 10058
_CONSUMER: Final = {
    "ack_policy": "none",
    "max_deliver": 1,
    "replay_policy": "instant",
    "mem_storage": True,
    "num_replicas": 1,
}
ERRORS: Final = (nats.errors.Error, OSError, TimeoutError, orjson.JSONDecodeError, EOFError)
"""What a session's methods raise when the server or the way to it is down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a log is.

    Attributes:
        servers: URLs of the servers of one cluster, tried in turn.
        prefix: Of the subjects.
        stream: The stream's name.
        replicas: On how many servers a new stream is kept.
        retention: Of a new stream; one that exists keeps its own.
        window: Seconds for which a new stream tells repetitions.
    """

    servers: tuple[str, ...]
    prefix: str
    stream: str
    replicas: int
    retention: Retention
    window: float = 600.0


class State(NamedTuple):
    """Of a stream: where it begins and ends, and when it was made, which tells it from its predecessors."""

    oldest: int
    newest: int
    created: str


class RefusedError(EngineDown):
    """JetStream said no."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"JetStream: {error.get('description', 'refused')}")
        self.number = int(error.get("err_code", 0))


class Session:
    """A connection, with the stream that is made if it is not there."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client = Client()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._inbox = ""
        self._sent = 0
        self.lost = asyncio.Event()
        """Set when the connection is gone."""

    async def open(self) -> State:
        """Connect, make the stream where it is missing, return its state.

        Raises:
            EngineDown: JetStream refuses; other errors: see ``ERRORS``.
        """
        for left, server in reversed(tuple(enumerate(reversed(self._address.servers)))):
            try:
                await self._connect(server)
                break
            except ERRORS:
                if not left:
                    raise
        self._inbox = self._client.new_inbox()
        await self._client.subscribe(f"{self._inbox}.*", cb=self._acknowledged)
        try:
            return await self.state()
        except RefusedError as error:
            if error.number != _NO_STREAM:
                raise
        return await self._make()

    async def _connect(self, server: str) -> None:
        await asyncio.wait_for(
            self._client.connect(
                server,
                name="flowstone-pubsub",
                allow_reconnect=False,
                connect_timeout=CONNECT_S,
                ping_interval=_PING_S,
                max_outstanding_pings=2,
                error_cb=_told_elsewhere,
                closed_cb=self._gone,
            ),
            2 * CONNECT_S,
        )

    async def _gone(self) -> None:
        self.lost.set()
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(EngineDown("the connection to NATS is gone"))
                future.exception()  # it is looked at by whoever still waits for it

    async def _make(self) -> State:
        at = self._address
        wanted = {
            "name": at.stream,
            "subjects": [f"{at.prefix}.>"],
            "retention": "limits",
            "discard": "old",
            "storage": "file",
            "max_msgs": at.retention.records,
            "max_age": int(at.retention.age * 1e9),
            "duplicate_window": int(min(at.window, at.retention.age) * 1e9),
            "num_replicas": at.replicas,
            "allow_direct": True,
            "description": "live events of flowstone",
        }
        try:
            await self.ask(f"STREAM.CREATE.{at.stream}", wanted)
        except RefusedError as error:
            if error.number != _TAKEN:  # another process was quicker, with settings of its own
                raise
        return await self.state()

    async def ask(self, what: str, payload: object = None) -> dict[str, Any]:
        """Return JetStream's answer.

        Raises:
            RefusedError: It says no.
        """
        body = b"" if payload is None else orjson.dumps(payload)
        answer = await self._client.request(f"$JS.API.{what}", body, timeout=REQUEST_S)
        told: dict[str, Any] = orjson.loads(answer.data)
        if "error" in told:
            raise RefusedError(told["error"])
        return told

    async def state(self) -> State:
        """Return where the stream begins and ends."""
        told = await self.ask(f"STREAM.INFO.{self._address.stream}")
        state = told["state"]
        return State(int(state["first_seq"]), int(state["last_seq"]), str(told.get("created", "")))

    async def publish(self, batch: Sequence[Outgoing]) -> None:
        """Publish in the order of *batch*, acknowledgements in parallel; all are there when this returns.

        Raises:
            EngineDown: An unknown part of it is in the log.
        """
        for start in range(0, len(batch), _WINDOW):
            futures = [await self._send(one) for one in batch[start : start + _WINDOW]]
            try:
                await asyncio.wait_for(asyncio.gather(*futures), _ACK_S)
            finally:
                self._waiting.clear()

    async def _send(self, one: Outgoing) -> asyncio.Future[None]:
        self._sent += 1
        word = str(self._sent)
        future = self._waiting[word] = asyncio.get_running_loop().create_future()
        subject, reply, headers = (
            subject_of(self._address.prefix, one.topics[0]),
            f"{self._inbox}.{word}",
            headers_of(one),
        )
        data = one.data
        if len(data) + sum(map(len, headers.values())) + 128 > self._client.max_payload:
            # It would be refused whenever it is offered: what stands in its place says that it is missing.
            count("pubsub.too_large")
            data = encode_lost(1, one.id, one.time, one.topics[0])
        await self._client.publish(subject, data, reply=reply, headers=headers)
        return future

    async def _acknowledged(self, message: Msg) -> None:
        future = self._waiting.pop(message.subject.rpartition(".")[2], None)
        if future is None or future.done():
            return
        if not _is_taken(message.data):
            future.set_exception(EngineDown(f"JetStream did not take it: {message.data[:200]!r}"))
            future.exception()
        else:
            future.set_result(None)

    async def before(self, moment: int) -> int:
        """Return the seq before the first record that was added at *moment* (Unix ns) or later, by the server's clock."""
        newest = (await self.state()).newest
        found = await self._fetch(_since(moment), 1)
        return found[0].seq - 1 if found else newest

    async def fetch(self, first: int, limit: int) -> list[Record]:
        """Return at most *limit* records from *first* on, of a stream that has one there or behind."""
        return await self._fetch(_from(first), limit)

    async def _fetch(self, start: dict[str, Any], limit: int) -> list[Record]:
        stream = self._address.stream
        config = {"inactive_threshold": 5_000_000_000, **start}
        made = await self.ask(f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": config})
        inbox, name = self._client.new_inbox(), made["name"]
        asked = await self._client.subscribe(inbox, pending_msgs_limit=0, pending_bytes_limit=0)
        found: list[Record] = []
        try:
            wish = orjson.dumps({"batch": limit, "no_wait": True})
            await self._client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}", wish, reply=inbox)
            while len(found) < limit:
                message = await asked.next_msg(timeout=REQUEST_S)
                if message.headers and "Status" in message.headers:
                    break  # there are no more
                found.append(
                    record_of(places_of(message.reply)[0], message.subject, message.headers, message.data)
                )
        finally:
            with suppress(*ERRORS):
                await asked.unsubscribe()
                await self._client.publish(f"$JS.API.CONSUMER.DELETE.{stream}.{name}")
        return found

    async def push(self, first: int, take: Callable[[Msg], Awaitable[None]]) -> None:
        """Have the server push all from *first* on, with heartbeats, and no more than is taken."""
        inbox, stream = self._client.new_inbox(), self._address.stream
        await self._client.subscribe(inbox, cb=take, pending_msgs_limit=0, pending_bytes_limit=0)
        config = {
            "deliver_subject": inbox,
            "flow_control": True,
            "idle_heartbeat": HEARTBEAT_S * 1_000_000_000,
            **_from(first),
        }
        await self.ask(f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": config})

    async def answer(self, subject: str) -> None:
        """Tell the server that what came before was taken."""
        await self._client.publish(subject)

    async def close(self) -> None:
        """Close the connection; one that hangs is given up."""
        with suppress(*ERRORS, asyncio.CancelledError):
            await asyncio.wait_for(self._client.close(), _CLOSE_S)


def _is_taken(answer: bytes) -> bool:
    """Tell whether JetStream took a message; where there is no answer nobody keeps its subject."""
    try:
        told = orjson.loads(answer)
    except ValueError:
        return False
    return isinstance(told, dict) and "error" not in told


def _from(first: int) -> dict[str, Any]:
    return {"deliver_policy": "by_start_sequence", "opt_start_seq": first, **_CONSUMER}


def _since(moment: int) -> dict[str, Any]:
    seconds, rest = divmod(moment, 1_000_000_000)
    begin = strftime(f"%Y-%m-%dT%H:%M:%S.{rest:09d}Z", gmtime(seconds))
    return {"deliver_policy": "by_start_time", "opt_start_time": begin, **_CONSUMER}


async def _told_elsewhere(error: Exception) -> None:
    """Say nothing: whoever uses the connection meets the error."""
