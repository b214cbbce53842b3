"""The real collector masks what other instrumentation lets out, wherever it stands, and leaves the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.otel.receivers import Sink, until
from tests.servers import collector
from tests.servers.collector import Collector
from tests.vendor.posting import attributes, logs, metrics, post, span, total, traces
from tests.vendor.secret_texts import HARMLESS, OTHER_KEYS, SECRET_KEYS, SECRETS

PLAIN = ("exporters::otlp_http/backend::compression: none",)
NAME, STATUS, HELD = "GET https://u:{}@h/x", "OperationalError: postgres://u:{}@h/db", "postgres://u:{}@h"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture(scope="module")
def between(sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    folder = tmp_path_factory.mktemp("collector")
    with collector.running(folder, "otlp", changes=PLAIN, FLOWSTONE_OTLP_BACKEND=sink.endpoint) as running:
        yield running


def arrived(between: Collector, sink: Sink, held: dict[str, object]) -> dict[str, Any]:
    """Send a span with these attributes, and return those that it arrived with."""
    before = len(sink.traces)
    assert 200 == post(between.endpoint, "traces", traces([span(1, attributes=attributes(held))]))
    assert until(lambda: len(sink.traces) > before)
    pairs = sink.spans()[-1].attributes
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in pairs}


def test_secrets_are_masked(between: Collector, sink: Sink) -> None:
    """Of every sample the secret is gone, by its text, in a list, in a map, and by its key whatever its type."""
    texts = {f"text.{n}": text for n, (text, _) in enumerate(SECRETS)}
    lists = {f"list.{n}": ["first", text] for n, (text, _) in enumerate(SECRETS) if '"' not in text}
    keys = dict.fromkeys(SECRET_KEYS, "StandsUnder")
    odd = {"pin.secret": 4711, "session.cookies": ["a", "b"], "nested": {"api_key": "NestedKey"}}
    told = arrived(between, sink, {**texts, **lists, **keys, **odd})
    assert [] == [secret for _, secret in SECRETS if secret in str(told)]
    assert {"****"} == {told[key] for key in (*SECRET_KEYS, "pin.secret", "session.cookies")}
    assert "NestedKey" not in str(told)


def test_what_is_harmless_arrives_as_it_was_sent(between: Collector, sink: Sink) -> None:
    """Counts of tokens, addresses and ordinary texts are not touched, and nothing is added."""
    texts: dict[str, object] = {f"text.{n}": text for n, text in enumerate(HARMLESS)}
    sent = {**texts, **dict.fromkeys(OTHER_KEYS, "kept"), "list": ["a", "b"], "count": 5}
    told = arrived(between, sink, sent)
    told["list"] = [one.string_value for one in told["list"].values]
    assert sent == told


def test_no_place_of_a_span_is_left_out(between: Collector, sink: Sink) -> None:
    """Resource, name, status and events are masked, and keep the rest of what they say."""
    told = [
        {
            "timeUnixNano": "1",
            "name": HELD.format("EventNamePw"),
            "attributes": attributes({"a": HELD.format("EventPw")}),
        }
    ]
    failed = span(
        2, NAME.format("NamePw"), status={"code": 2, "message": STATUS.format("StatusPw")}, events=told
    )
    before = len(sink.traces)
    assert 200 == post(between.endpoint, "traces", traces([failed, span(3)], db_password="ResourcePw"))
    assert until(lambda: len(sink.traces) > before)
    request = str(sink.traces[-1])
    assert [] == [
        one for one in ("Name", "Status", "EventName", "Event", "Resource") if f"{one}Pw" in request
    ]
    first, second = sink.spans()[-2:]
    assert ("GET https****h/x", "OperationalError: postgres****h/db") == (first.name, first.status.message)
    assert ("third", "", 0) == (second.name, second.status.message, len(second.attributes))
    assert [] == [one.key for one in first.attributes]
    assert ["postgres****h"] == [one.name for one in first.events]


def test_metrics_are_masked_without_a_label_more(between: Collector, sink: Sink) -> None:
    """Attributes of points and resources are masked in the metrics too, and none is added."""
    held = {"api_key": "PointKey", "url": HELD.format("PointPw"), "kept": "x"}
    request = metrics([total("mine", 2, attributes=attributes(held))], db_password="ResourcePw")
    assert 200 == post(between.endpoint, "metrics", request)
    assert until(lambda: sink.points("mine"))
    resources = [one for request in sink.requests for one in request.resource_metrics]
    (found,) = [one for one in resources if one.scope_metrics[0].metrics[0].name == "mine"]
    assert [] == [one for one in ("PointKey", "PointPw", "ResourcePw") if one in str(found)]
    (point,) = found.scope_metrics[0].metrics[0].sum.data_points
    assert set(held) == {one.key for one in point.attributes}
    assert {"service.name", "db_password"} == {one.key for one in found.resource.attributes}


def test_log_records_are_masked(between: Collector, sink: Sink) -> None:
    """Bodies are masked, texts and maps, and attributes; counts of tokens stay."""
    bodies = (
        {"stringValue": "postgres://u:BodyPw@h/db password=BodyKv"},
        {"kvlistValue": {"values": attributes({"cookie": "BodyMap"})}},
    )
    held = attributes({"token": "LogToken", "gen_ai.usage.output_tokens": 7})
    records = [{"timeUnixNano": "1", "body": body, "attributes": held} for body in bodies]
    assert 200 == post(between.endpoint, "logs", logs(records, db_password="ResourcePw"))
    assert until(sink.records)
    told = str(sink.logs)
    assert [] == [one for one in ("BodyPw", "BodyKv", "BodyMap", "LogToken", "ResourcePw") if one in told]
    assert {7} == {
        one.value.int_value for record in sink.records() for one in record.attributes if "tokens" in one.key
    }
