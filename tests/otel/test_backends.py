from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.otel.receivers import TestAgent, agent_program, attributes, rotel, run, running_agent, until

EMIT = """
    import flowstone
    with flowstone.run("nightly", run_id="r1", correlation_id="c1"):
        with flowstone.materialization("daily"):
            with flowstone.io_load("orders", io_manager="s3") as io:
                io.size_bytes = 1024
        gate = flowstone.checkpoint("publish").request()
        gate.approve(actor="ann")
    assert flowstone.flush(5)
"""
NAMES = [
    "checkpoint request publish",
    "checkpoint resume publish",
    "load orders",
    "materialize daily",
    "run nightly",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestAgent]:
    program = agent_program()
    if program is None:
        pytest.skip("no ddapm-test-agent that takes OTLP; name one in FLOWSTONE_TEST_AGENT")
    with running_agent(tmp_path_factory.mktemp("snapshots"), program) as running:
        yield running


@pytest.fixture
def agent(server: TestAgent) -> TestAgent:
    server.clear()
    return server


def arrived(agent: TestAgent) -> None:
    """Check that spans and metrics of EMIT are there, once, complete and linked."""
    until(lambda: len(agent.spans()) >= len(NAMES) and agent.metrics())
    spans = {span["name"]: span for span in agent.spans()}
    assert sorted(span["name"] for span in agent.spans()) == NAMES
    assert {"c1"} == {attributes(span)["flowstone.correlation.id"] for span in spans.values()}
    assert {"tested"} == {span["resource"]["service.name"] for span in spans.values()}
    request = spans["checkpoint request publish"]
    assert [request["span_id"]] == [link["span_id"] for link in spans["checkpoint resume publish"]["links"]]
    names = {metric["name"] for metric in agent.metrics()}
    assert {"flowstone.run.duration", "flowstone.io.size", "flowstone.checkpoint.wait.duration"} <= names


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_the_agent_takes_what_we_send(agent: TestAgent, protocol: str) -> None:
    """Datadog's agent takes our spans and metrics over both protocols."""
    port = agent.http if protocol == "http/protobuf" else agent.grpc
    env = {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_SERVICE_NAME": "tested"}
    done = run(EMIT, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", **env)
    assert (0, "") == (done.returncode, done.stderr)
    arrived(agent)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_all_signals_of_a_run_carry_the_same_ids(agent: TestAgent, protocol: str) -> None:
    """What a real receiver got: one trace, one instance, one correlation id on spans and records; exemplars join."""
    port = agent.http if protocol == "http/protobuf" else agent.grpc
    done = run(
        EMIT,
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
        OTEL_SERVICE_NAME="tested",
    )
    assert (0, "") == (done.returncode, done.stderr)
    until(lambda: len(agent.spans()) >= len(NAMES) and agent.metrics() and agent.records())
    spans, records, metrics = agent.spans(), agent.records(), agent.metrics()
    by_id = {span["span_id"]: span for span in spans}
    (trace,) = {span["trace_id"] for span in spans}
    assert {trace} == {record["trace_id"] for record in records}
    assert set() == {record["span_id"] for record in records} - set(by_id)
    for one in (*spans, *records):
        assert ("c1", "r1") == tuple(
            attributes(one)[key] for key in ("flowstone.correlation.id", "flowstone.run.id")
        )
    (instance,) = {one["resource"]["service.instance.id"] for one in (*spans, *records, *metrics)}
    assert instance
    exemplars = {
        (metric["name"], exemplar["trace_id"], by_id[exemplar["span_id"]]["name"])
        for metric in metrics
        for point in metric.get("histogram", {}).get("data_points", ())
        for exemplar in point.get("exemplars", ())
    }
    assert ("flowstone.materialization.duration", trace, "materialize daily") in exemplars
    assert ("flowstone.run.duration", trace, "run nightly") in exemplars


def test_a_collector_passes_it_on(agent: TestAgent) -> None:
    """A collector takes our spans and metrics, compressed, and passes them on unharmed."""
    pytest.importorskip("rotel")
    env = {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_SERVICE_NAME": "tested"}
    with rotel(agent) as port:
        done = run(EMIT, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", **env)
        assert (0, "") == (done.returncode, done.stderr)
        arrived(agent)
