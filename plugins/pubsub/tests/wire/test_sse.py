from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn

from flowstone_pubsub.bus import Bus
from flowstone_pubsub.engines.base import Retention
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.sse import create_app
from flowstone_pubsub.testing.reading import outgoing
from flowstone_pubsub.topics import asset_topic
from tests.otel.receivers import until
from tests.servers.ports import free_port

PATIENCE = 10.0


class Served(NamedTuple):
    url: str
    bus: Bus


class Frame(NamedTuple):
    event: str
    id: int
    data: Any


@pytest.fixture
def served(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Served]:
    """The application in a real uvicorn; parameters: settings of ``create_app``."""
    bus = Bus(open_engine(f"sqlite:///{tmp_path}/events.db", Retention(records=1000)))
    port = free_port()
    config = uvicorn.Config(
        create_app(bus, **getattr(request, "param", {})),
        port=port,
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert until(lambda: server.started)
    yield Served(f"http://127.0.0.1:{port}/events", bus)
    server.should_exit = True
    thread.join(PATIENCE)
    bus.close()


class Client:
    """Reads an event stream as the standard says."""

    def __init__(self, url: str, **headers: str) -> None:
        self._client = httpx.Client(timeout=PATIENCE)
        self._request = self._client.stream("GET", url, headers=headers)
        self.response = self._request.__enter__()
        self._lines = self.response.iter_lines()
        self.last_id = ""
        self.comments: list[str] = []

    def frame(self) -> Frame:
        """Return the next event; raise StopIteration at the end of the stream."""
        event, data = "message", list[str]()
        while True:
            line = next(self._lines)
            name, _, value = line.partition(": ")
            if name == "id":
                self.last_id = value
            elif name == "event":
                event = value
            elif name == "data":
                data.append(value)
            elif line.startswith(":"):
                self.comments.append(value)
            elif not line and data:
                return Frame(event, int(self.last_id), json.loads("\n".join(data)))
            elif not line and self.comments:
                return Frame("comment", int(self.last_id), self.comments.pop())
            elif not line:
                event = "message"

    def frames(self, count: int) -> list[Frame]:
        return [self.frame() for _ in range(count)]

    def close(self) -> None:
        self._request.__exit__(None, None, None)
        self._client.close()


@contextlib.contextmanager
def client(url: str, **headers: str) -> Iterator[Client]:
    made = Client(url, **headers)
    try:
        yield made
    finally:
        made.close()


def numbers(frames: list[Frame]) -> list[Any]:
    return [frame.data["data"]["attributes"]["payload"] for frame in frames]


def test_clients_get_what_they_asked_for(served: Served) -> None:
    """Each message of the topics comes as its envelope, with its place in the log as id; nothing of others."""
    with client(f"{served.url}?topics=a,b") as some, client(served.url) as all_:
        for n, topic in enumerate(["a", "x", "b"]):
            served.bus.broadcast(topic, n)
        assert [0, 2] == numbers(found := some.frames(2))
        assert [1, 3] == [frame.id for frame in found]
        assert ["a", "b"] == [frame.data["subject"] for frame in found]
        assert [0, 1, 2] == numbers(all_.frames(3))
        assert "text/event-stream" == some.response.headers["content-type"]
        assert "no-cache, no-transform" == some.response.headers["cache-control"]
        assert "no" == some.response.headers["x-accel-buffering"]


def test_what_is_a_strangers_is_json_too(served: Served) -> None:
    """A message that is none of ours comes as the JSON that it is, or as its text."""
    with client(f"{served.url}?topics=a") as reader:
        for data in (b"hello\r\nworld", b'{"a":\n1}'):
            served.bus.engine.publish([outgoing(0, "a")._replace(data=data)])
        assert ["hello\r\nworld", {"a": 1}] == [frame.data for frame in reader.frames(2)]


def test_names_with_commas_stars_and_percents(served: Served) -> None:
    """A topic in a parameter of its own is taken as it is."""
    topic = asset_topic("50% of *, a&b ☃")
    query = str(httpx.QueryParams({"topic": topic}))
    with client(f"{served.url}?{query}") as reader:
        served.bus.broadcast("asset:other", 1)
        served.bus.broadcast(topic, 2)
        assert [2] == numbers(reader.frames(1))


def test_a_client_that_comes_again_misses_nothing(served: Served) -> None:
    """With Last-Event-ID, or since, it gets what is behind that place once and in order, then what comes."""
    for n in range(600):
        served.bus.broadcast("a", n)
    assert served.bus.flush(PATIENCE)
    with client(f"{served.url}?topics=a", **{"last-event-id": "250"}) as again:
        for n in range(600, 620):
            served.bus.broadcast("a", n)
        assert list(range(250, 620)) == numbers(again.frames(370))
    with client(f"{served.url}?topics=a&since=619") as again:
        assert [619] == numbers(again.frames(1))
    with client(f"{served.url}?topics=a&since=earliest") as again:
        assert list(range(620)) == numbers(again.frames(620))


def test_a_client_that_heard_nothing_can_come_again(served: Served) -> None:
    """The first thing that is sent is the place in the log, so that what comes after an early end is not lost."""
    served.bus.broadcast("a", 0)
    assert served.bus.flush(PATIENCE)
    with client(f"{served.url}?topics=a") as reader:
        assert ["retry: 2000", "id: 1"] == [next(reader._lines), next(reader._lines)]
    served.bus.broadcast("a", 1)
    with client(f"{served.url}?topics=a", **{"last-event-id": "1"}) as reader:
        assert [1] == numbers(reader.frames(1))


def test_who_comes_again_joins_the_others_though_his_topics_are_silent(served: Served) -> None:
    """Behind what others were told, and beside topics that are busy, it soon reads no log of its own any more."""
    with client(f"{served.url}?topics=rare") as first:
        served.bus.broadcast("rare", 0)
        first.frame()
        for n in range(20):
            served.bus.broadcast("busy", n)
        assert served.bus.flush(PATIENCE)
        with client(f"{served.url}?topics=rare", **{"last-event-id": "10"}) as again:
            subscribed = [served.bus.subscribers("rare")]
            for n in range(200):
                served.bus.broadcast("busy", n)
                time.sleep(0.005)
            subscribed.append(served.bus.subscribers("rare"))
            served.bus.broadcast("rare", 1)
            assert [1] == numbers(again.frames(1)) == numbers(first.frames(1))
        assert subscribed[1] == 1, subscribed


def test_what_is_not_kept_is_told(served: Served) -> None:
    """Who left off before the oldest record gets a gap, and then what there is."""
    for start in range(0, 3000, 100):
        served.bus.engine.publish([outgoing(start + n, "a") for n in range(100)])
    oldest = served.bus.engine.bounds()[0]
    with client(f"{served.url}?topics=a&since=10") as reader:
        gap, first = reader.frames(2)
    assert Frame("gap", oldest - 1, {"first": 11, "last": oldest - 1, "reason": "retention"}) == gap
    assert oldest == first.id


@pytest.mark.parametrize("served", [{"heartbeat": 0.2}], indirect=True)
def test_silence_is_broken_by_heartbeats(served: Served) -> None:
    """A comment comes when nothing else does, and moves the place on over what the client did not ask for."""
    with client(f"{served.url}?topics=a") as reader:
        served.bus.broadcast("other", 0)
        assert served.bus.flush(PATIENCE)
        assert Frame("comment", 1, "heartbeat") in [reader.frame() for _ in range(3)]


@pytest.mark.parametrize("served", [{"lease": 1.0}], indirect=True)
def test_a_stream_ends_after_its_lease(served: Served) -> None:
    """It ends in order; a client goes on where it was, and nothing is lost in between."""
    got: list[Any] = []
    last, sent, streams = "0", 0, 0
    while len(got) < 40:
        streams += 1
        with (
            client(f"{served.url}?topics=a", **{"last-event-id": last}) as reader,
            contextlib.suppress(StopIteration),
        ):
            while len(got) < 40:
                served.bus.broadcast("a", sent)
                sent += 1
                got += numbers([reader.frame()])
                time.sleep(0.05)
        last = reader.last_id
    assert list(range(40)) == got[:40]
    assert streams > 1


def test_a_client_that_does_not_read_disturbs_nobody(served: Served) -> None:
    """One that stalls is told a gap later; memory is bounded meanwhile, and others hear everything at once."""
    served.bus.broadcast("a", "begin")
    with socket.create_connection(("127.0.0.1", int(served.url.split(":")[2].split("/")[0]))) as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        stalled.sendall(b"GET /events?topics=a HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert b"200" in stalled.recv(1024)
        with client(f"{served.url}?topics=a") as reader:
            for n in range(200):
                served.bus.engine.publish([outgoing([n, "x" * 100_000], "a")])
                assert [n] == [found for found, _ in numbers(reader.frames(1))]
        stalled.settimeout(PATIENCE)
        received = bytearray()
        while b'[199,"x' not in received[-300_000:] and (piece := stalled.recv(1 << 17)):
            received += piece
        assert b'[199,"x' in received
        assert b"event: gap" in received
        assert len(received) < 15_000_000


def test_channels_end_with_their_last_client(served: Served) -> None:
    """Clients of the same topics share one subscription, which ends with the last of them."""
    with client(f"{served.url}?topics=b,a"), client(f"{served.url}?topics=a,b"):
        assert 1 == served.bus.subscribers("a")
    assert until(lambda: not served.bus.subscribers("a"))


@pytest.mark.parametrize(
    "query",
    [
        "since=x",
        "since=-1",
        "since=" + "9" * 30,
        "topics=" + "x" * 600,
        "topics=" + ",".join(map(str, range(60))),
    ],
)
def test_nonsense_is_refused(served: Served, query: str) -> None:
    """What cannot be understood is a 400 that says why."""
    answer = httpx.get(f"{served.url}?{query}")
    assert 400 == answer.status_code
    assert answer.text


def test_head_opens_no_stream(served: Served) -> None:
    """HEAD gets the headers, and nothing is subscribed to."""
    assert 200 == httpx.head(served.url).status_code
    assert "" == httpx.head(served.url).text
    assert 0 == served.bus.subscribers("*")


def test_a_log_that_is_down_is_a_503() -> None:
    """Where the log cannot be reached the client is asked to come again."""
    bus = Bus(open_engine(f"redis://127.0.0.1:{free_port()}/0"))
    transport = httpx.ASGITransport(create_app(bus))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport) as asking:
            return await asking.get("http://localhost/events")

    answer = asyncio.run(ask())
    assert (503, "2") == (answer.status_code, answer.headers["retry-after"])
    bus.close()
