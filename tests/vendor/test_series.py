"""What the real collector makes of processes and spans: whose they are, and how many series."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.otel.receivers import Sink, until
from tests.servers import collector
from tests.servers.collector import Collector, read, total
from tests.vendor import posting
from tests.vendor.posting import metrics, post, span, traces

LIMIT = 2000
ENVIRONMENT = "deployment.environment.name"
LABEL = "deployment_environment_name"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture(scope="module")
def between(sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    folder, plain = tmp_path_factory.mktemp("collector"), "exporters::otlp_http/backend::compression: none"
    with collector.running(
        folder,
        "otlp",
        "prometheus",
        changes=[plain],
        FLOWSTONE_OTLP_BACKEND=sink.endpoint,
        OTEL_RESOURCE_ATTRIBUTES="cloud.region=north",
    ) as running:
        yield running


def series(page: str, name: str) -> list[dict[str, str]]:
    """Return the labels of each series of *name*."""
    found = re.findall(rf"^{name}{{([^#\n]*?)}} ", page, re.MULTILINE)
    return [dict(re.findall(r'(\w+)="([^"]*)"', labels)) for labels in found]


def test_a_process_is_not_said_to_run_where_the_collector_does(between: Collector, sink: Sink) -> None:
    """Nothing of the collector's own host is added to what others send; what it is told to add is."""
    assert 200 == post(between.endpoint, "traces", traces([span(1)], cloud__zone="a"))
    assert until(lambda: sink.traces)
    (found,) = sink.traces[0].resource_spans
    told = {pair.key: pair.value.string_value for pair in found.resource.attributes}
    assert {"service.name": "third", "cloud.zone": "a", "cloud.region": "north"} == told


def test_every_series_says_in_which_environment_it_was_made(between: Collector) -> None:
    """Totals, metrics of processes and those of spans have it under one label; without one there is none."""
    for number, environment in enumerate(("prod", "staging", None)):
        told = {} if environment is None else {ENVIRONMENT.replace(".", "__"): environment}
        sums = [posting.total("adds.up", 1), posting.total("of.process", 2)]
        own = metrics(sums, service__instance__id=f"i{number}", **told)
        assert 200 == post(between.endpoint, "metrics", own)
        assert 200 == post(between.endpoint, "traces", traces([span(number, "labelled")], **told))

    def labels(port: int, name: str) -> list[str]:
        found = series(read(port), name)
        return sorted(one.get(LABEL, "") for one in found if one.get("span_name", "labelled") == "labelled")

    for port, name in (
        (between.scrape, "adds_up_total"),
        (between.scrape_processes, "of_process_total"),
        (between.scrape_processes, "flowstone_span_calls_total"),
    ):
        until(lambda port=port, name=name: len(labels(port, name)) == 3)  # type: ignore[misc]
        assert ["", "prod", "staging"] == labels(port, name), name


def test_names_without_end_do_not_make_series_without_end(between: Collector) -> None:
    """From the two thousandth series of a service on, what is new is counted in one that has no name."""
    for part in range(5):
        names = (f"GET /users/{part}-{number}" for number in range(500))
        spans = [span(number, name) for number, name in enumerate(names)]
        assert 200 == post(between.endpoint, "traces", traces(spans, service__namespace="without-end"))

    def found() -> str:
        lines = read(between.scrape_processes).splitlines()
        return "\n".join(line for line in lines if "without-end" in line)

    until(lambda: total(found(), "flowstone_span_calls_total") == 2500)
    assert 2500 == total(found(), "flowstone_span_calls_total")
    (over,) = [one for one in series(found(), "flowstone_span_calls_total") if "span_name" not in one]
    assert "true" == over["otel_metric_overflow"]
    assert LIMIT + 1 == len(series(found(), "flowstone_span_calls_total"))
