from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from flowstone.runtime import identity
from flowstone.runtime.export import config
from flowstone.runtime.export.data import Scope
from flowstone.runtime.export.own_route import OwnRoute
from tests.otel.receivers import Sink, event_name, run

COUNT = 4000
EMIT = """
    import flowstone
    for number in range({count}):
        with flowstone.run("nightly", run_id=str(number)) as run:
            with flowstone.materialization("daily", attributes={{"a": "12345", "b": "12345", "c": "12345"}}) as m:
                m.add_event("halfway", {{"text": "12345"}})
    assert flowstone.flush(5)
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio"])
@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_ratio_samples_what_it_says(monkeypatch: pytest.MonkeyPatch, sampler: str, tenths: int) -> None:
    """Of derived trace ids and of our own the ratio is sampled, within four standard deviations."""
    ratio = tenths / 10
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", str(ratio))
    route = OwnRoute(config.read(), Scope("flowstone", "", ""), None)
    allowed = 4 * (COUNT * ratio * (1 - ratio)) ** 0.5
    derived = [identity.derive_trace_id("dagster", "prod", f"run-{number}") for number in range(COUNT)]
    own = [identity.new_trace_id() for _ in range(COUNT)]
    for ids in (derived, own):
        sampled = sum(route.sampled(Context(), one, "run", SpanKind.SERVER, {}) for one in ids)
        assert abs(sampled - COUNT * ratio) <= allowed


def test_whole_traces_are_sampled(sink: Sink) -> None:
    """A trace arrives with all of its spans or not at all."""
    env = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.3"}
    done = run(EMIT.format(count=300), OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, **env)
    assert (0, "") == (done.returncode, done.stderr)
    names: dict[bytes, list[str]] = {}
    for span in sink.spans():
        names.setdefault(span.trace_id, []).append(span.name)
    assert {("materialize daily", "run nightly")} == {tuple(sorted(found)) for found in names.values()}
    assert 300 * 0.3 == pytest.approx(len(names), abs=4 * (300 * 0.3 * 0.7) ** 0.5)


def test_limits_hold_on_the_fast_path(sink: Sink) -> None:
    """Attributes are counted and cut as the variables say, the span tells what is missing, our ids stay."""
    env = {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "7", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3"}
    done = run(EMIT.format(count=1), OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, **env)
    assert (0, "") == (done.returncode, done.stderr)
    span = next(span for span in sink.spans() if span.name == "materialize daily")
    values = {pair.key: pair.value.string_value for pair in span.attributes}
    assert 7 == len(values)
    assert span.dropped_attributes_count > 0
    assert "dai" == values["flowstone.asset.key"]
    assert {"flowstone.correlation.id", "flowstone.run.id"} <= set(values)
    assert "123" == span.events[0].attributes[0].value.string_value


FILE = """
file_format: "1.0"
resource:
  attributes:
    - {{name: service.name, value: from-the-file}}
tracer_provider:
  sampler: {{parent_based: {{root: {{always_on: }}}}}}
  processors:
    - batch: {{exporter: {{otlp_http: {{endpoint: "{endpoint}/v1/traces"}}}}}}
meter_provider:
  readers:
    - periodic: {{exporter: {{otlp_http: {{endpoint: "{endpoint}/v1/metrics"}}}}}}
logger_provider:
  processors:
    - batch: {{exporter: {{otlp_http: {{endpoint: "{endpoint}/v1/logs"}}}}}}
"""


def test_a_configuration_file_rules(sink: Sink, tmp_path: Path) -> None:
    """OTEL_CONFIG_FILE builds the providers of all signals; ours go there once, the variables count for nothing."""
    pytest.importorskip("opentelemetry.configuration", reason="needs the extra `config`")
    file = tmp_path / "otel.yaml"
    file.write_text(FILE.format(endpoint=sink.endpoint), encoding="utf-8")
    done = run(
        EMIT.format(count=1), OTEL_CONFIG_FILE=str(file), OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9"
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert ["materialize daily", "run nightly"] == sorted(span.name for span in sink.spans())
    assert sink.points("flowstone.run.duration")
    starts = [name for name in map(event_name, sink.records()) if name.endswith(".start")]
    assert ["flowstone.run.start", "flowstone.materialization.start"] == starts
    services = {
        pair.value.string_value
        for one in (*sink.traces[0].resource_spans, *sink.logs[0].resource_logs)
        for pair in one.resource.attributes
        if pair.key == "service.name"
    }
    assert {"from-the-file"} == services


def test_a_broken_configuration_file_is_told_once(tmp_path: Path) -> None:
    """A file that cannot be used costs one line in the log, and nothing else."""
    done = run(EMIT.format(count=1), OTEL_CONFIG_FILE=str(tmp_path / "missing.yaml"))
    assert 0 == done.returncode
    assert 1 == len(done.stderr.strip().splitlines())
    assert "missing.yaml" in done.stderr


def test_the_console_exporters_print(tmp_path: Path) -> None:
    """`console` prints all three signals; `none` prints nothing."""
    signals = ("TRACES", "METRICS", "LOGS")
    shown = run(EMIT.format(count=1), **{f"OTEL_{signal}_EXPORTER": "console" for signal in signals})
    silent = run(EMIT.format(count=1), **{f"OTEL_{signal}_EXPORTER": "none" for signal in signals})
    assert ("", "") == (shown.stderr, silent.stdout + silent.stderr)
    decoder, text, found = json.JSONDecoder(), shown.stdout.strip(), []
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:].strip()
    assert {"run nightly", "materialize daily"} == {one["name"] for one in found if "name" in one}
    # Before records had names, theirs is an attribute.
    assert "flowstone.run.start" in {
        one.get("event_name") or one.get("attributes", {}).get("event.name") for one in found
    }
    assert [one for one in found if "resource_metrics" in one]
