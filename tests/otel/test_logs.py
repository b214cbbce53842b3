from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.otel.receivers import Sink, event_name, run
from tests.servers.ports import free_port

EMIT = """
    import flowstone
    with flowstone.run("nightly", run_id="r1", correlation_id="c1"):
        with flowstone.materialization("daily"):
            with flowstone.io_load("orders"):
                pass
        try:
            with flowstone.materialization("broken"):
                raise ValueError("no")
        except ValueError:
            pass
        flowstone.resource_health("warehouse", healthy=True)
"""
NAMES = [
    "flowstone.run.start",
    "flowstone.materialization.start",
    "flowstone.materialization.stop",
    "flowstone.materialization.start",
    "flowstone.materialization.exception",
    "flowstone.resource.health_check",
    "flowstone.run.stop",
]


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


def test_a_plain_script_delivers_its_records_at_its_exit(sink: Sink) -> None:
    """Each lifecycle event arrives once, in order, with its time, and joins its span by both ids."""
    done = run(EMIT, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    assert (0, "") == (done.returncode, done.stderr)
    records = sink.records()
    assert NAMES == [event_name(record) for record in records]
    assert all(record.time_unix_nano for record in records)
    spans = {(span.trace_id, span.span_id) for span in sink.spans()}
    assert set() == {(record.trace_id, record.span_id) for record in records} - spans


@pytest.mark.parametrize(
    ("env", "count"),
    [
        ({"OTEL_LOGS_EXPORTER": "none"}, 0),
        ({"OTEL_SDK_DISABLED": "true"}, 0),
        ({"FLOWSTONE_OTEL_LOG_LEVEL": "debug"}, len(NAMES) + 2),
        ({"FLOWSTONE_OTEL_LOG_LEVEL": "error"}, 1),
    ],
)
def test_settings_choose_what_is_sent(sink: Sink, env: dict[str, str], count: int) -> None:
    """No records without an exporter; the level says from which severity on."""
    done = run(EMIT, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, **env)
    assert (0, "") == (done.returncode, done.stderr)
    assert count == len(sink.records())


def test_a_forked_child_sends_its_own_records_once(sink: Sink) -> None:
    """After a fork each process sends its own records, under its own instance id."""
    code = """
        import os, flowstone
        with flowstone.materialization("before"):
            pass
        flowstone.flush(5)
        if os.fork() == 0:
            with flowstone.materialization("child"):
                pass
            os._exit(0 if flowstone.flush(5) else 1)
        assert os.wait()[1] == 0
    """
    done = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    assert (0, "") == (done.returncode, done.stderr)
    assert ["before", "before", "child", "child"] == sorted(
        next(pair.value.string_value for pair in record.attributes if pair.key == "flowstone.asset.key")
        for record in sink.records()
    )
    instances = {
        pair.value.string_value
        for request in sink.logs
        for pair in request.resource_logs[0].resource.attributes
        if pair.key == "service.instance.id"
    }
    assert 2 == len(instances)


def test_lost_records_are_counted() -> None:
    """A receiver that is not there costs the records, and each of them is accounted for."""
    code = (
        EMIT
        + "    flowstone.shutdown(2); from flowstone.plugin import stats; import json; print(json.dumps(stats()))"
    )
    code = code.replace("\n    flowstone.shutdown", "\n    flowstone.shutdown")
    done = run(code, OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"http://127.0.0.1:{free_port()}/v1/logs")
    stats = json.loads(done.stdout)
    assert len(NAMES) == stats.get("export.failed.logs", 0) + stats.get("export.dropped.logs", 0)


def test_a_logger_provider_of_the_users_is_used(sink: Sink) -> None:
    """A global logger provider gets our records, with ids and event names; no exporter of ours gets them."""
    code = """
        from opentelemetry._logs import set_logger_provider
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs import export
        from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
        memory = getattr(export, "InMemoryLogRecordExporter", None) or export.InMemoryLogExporter
        memory = memory()
        provider = LoggerProvider()
        provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
        set_logger_provider(provider)
    """
    show = """
    flowstone.flush(5)
    import json
    found = [one.log_record for one in memory.get_finished_logs()]
    name = lambda r: getattr(r, "event_name", None) or r.attributes["event.name"]
    print(json.dumps([[name(r), r.trace_id, r.attributes["flowstone.correlation.id"]] for r in found]))
    """
    import textwrap

    code = textwrap.dedent(code) + textwrap.dedent(EMIT) + textwrap.dedent(show)
    done = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    assert (0, "") == (done.returncode, done.stderr)
    shown = json.loads(done.stdout)
    assert NAMES == [name for name, _, _ in shown]
    assert {"c1"} == {correlation for _, _, correlation in shown}
    assert {int.from_bytes(sink.spans()[0].trace_id, "big")} == {trace for _, trace, _ in shown}
    assert [] == sink.records()
