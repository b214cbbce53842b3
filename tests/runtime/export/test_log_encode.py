from __future__ import annotations

import ast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from flowstone.runtime.export.data import SEVERITY_TEXTS, LogData, Scope
from flowstone.runtime.export.log_encode import encode_record
from flowstone.runtime.export.log_records import exported_record
from flowstone.runtime.export.sinks import envelope_of
from tests.laws.tree import sources
from tests.otel.versions import needs_names
from tests.runtime.export.test_encode import RESOURCE, attributes, ids, texts, times

SCOPE = Scope("flowstone", "1.0", "http://scope/schema")

records = st.builds(
    LogData,
    time=times,
    observed=times,
    event_name=texts.filter(bool),
    severity=st.sampled_from(sorted(SEVERITY_TEXTS)),
    body=texts,
    trace_id=ids(32),
    span_id=ids(16),
    sampled=st.booleans(),
    dropped=st.just(0),
    attributes=attributes,
)


@needs_names
@settings(suppress_health_check=[HealthCheck.too_slow])  # seconds on a busy machine
@given(st.lists(records, min_size=1, max_size=3))
def test_our_bytes_say_what_the_stock_encoders_say(batch: list[LogData]) -> None:
    """Parsed, our request is the request that the stock encoder makes of the same records."""
    scope = InstrumentationScope(*SCOPE)
    stock = encode_logs([exported_record(one, RESOURCE, scope) for one in batch])
    ours = envelope_of(RESOURCE, SCOPE).wrap([encode_record(one) for one in batch])
    assert _sorted(stock) == _sorted(ExportLogsServiceRequest.FromString(ours))


def test_the_private_signal_is_imported_in_one_file() -> None:
    """One file of ours imports OpenTelemetry's log modules, which are still private."""
    users = {
        source.path
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "opentelemetry" in ast.unparse(node)
        if "_logs" in ast.unparse(node)
    }
    assert {"src/flowstone/runtime/export/log_records.py"} == users


def _sorted(request: ExportLogsServiceRequest) -> ExportLogsServiceRequest:
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                record.attributes.sort(key=lambda pair: pair.key)
    return request
