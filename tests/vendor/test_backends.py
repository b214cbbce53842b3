"""One backend has no room left: what the sender and the other backends notice, as shipped and isolated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.otel.receivers import Sink, until
from tests.servers import collector
from tests.servers.collector import Collector, read, total
from tests.vendor import posting
from tests.vendor.chain import datadog
from tests.vendor.posting import metrics, post, span, traces

# The backend that is away has room for one request, the other one takes what can be read here.
CHANGES = (
    "exporters::otlp_http/backend::sending_queue::queue_size: 1",
    "exporters::otlp_http/backend::sending_queue::num_consumers: 1",
    "exporters::otlp_http/datadog::compression: none",
    "exporters::otlp_http/datadog::sending_queue::batch::flush_timeout: 10ms",
)
COUNT = 8
KEY = "01234567890123456789012345678901"


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


def running(folder: Path, sink: Sink, **env: str) -> Iterator[Collector]:
    told = {
        **datadog(sink.endpoint),
        "DD_API_KEY": KEY,
        "FLOWSTONE_OTLP_BACKEND": "http://127.0.0.1:9",
        **env,
    }
    overlays = ("otlp", "datadog", "prometheus")
    with collector.running(folder, *overlays, changes=CHANGES, **told) as server:
        yield server


@pytest.fixture
def shipped(tmp_path: Path, sink: Sink) -> Iterator[Collector]:
    yield from running(tmp_path / "collector", sink)


@pytest.fixture
def isolated(tmp_path: Path, sink: Sink) -> Iterator[Collector]:
    yield from running(tmp_path / "collector", sink, FLOWSTONE_BACKEND_PROCESSORS="batch/isolated")


def send(server: Collector) -> list[int]:
    """Send one span and one delta after the other, and return the answers."""
    told = []
    for number in range(COUNT):
        told.append(post(server.endpoint, "traces", traces([span(number, f"span {number}")])))
        told.append(post(server.endpoint, "metrics", metrics([posting.total("adds.up", 1)])))
    return told


def test_as_shipped_the_sender_is_refused_and_the_others_have_it_all(shipped: Collector, sink: Sink) -> None:
    """Nothing is accepted that has no room; the other backend has it nevertheless, so what is sent again is there twice."""
    assert {200, 503} == set(send(shipped))
    assert until(lambda: len(sink.spans()) >= COUNT)
    assert 503 == post(shipped.endpoint, "traces", traces([span(0, "span 0")]))
    assert until(lambda: Counter(one.name for one in sink.spans())["span 0"] == 2)
    assert until(lambda: total(read(shipped.scrape), "adds_up_total") == COUNT)


def test_isolated_nobody_but_the_full_backend_notices(isolated: Collector, sink: Sink) -> None:
    """The sender is not refused, the other backend has each span once, totals are right, and what is lost is counted."""
    assert {200} == set(send(isolated))
    assert until(lambda: len(sink.spans()) >= COUNT)
    assert {f"span {number}": 1 for number in range(COUNT)} == Counter(one.name for one in sink.spans())
    assert until(lambda: total(read(isolated.scrape), "adds_up_total") == COUNT)
    for _ in range(4):  # a second's worth is one request
        assert {200} == set(send(isolated))
        until(lambda: isolated.counted("otelcol_exporter_enqueue_failed_spans"), 2)
    assert isolated.counted("otelcol_exporter_enqueue_failed_spans") > 0


def test_the_key_is_sent_as_it_was_told(shipped: Collector, sink: Sink) -> None:
    """A key of digits only is not taken for a number."""
    post(shipped.endpoint, "traces", traces([span(1)]))
    assert until(lambda: sink.traces)
    assert KEY == sink.headers["dd-api-key"]
