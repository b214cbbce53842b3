"""Spans of the plugin's own SQL, where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import flowstone_audit
from flowstone.testing.capture import capture
from flowstone_audit import ingest, recorder
from flowstone_audit.plugin import AuditPlugin
from plugins.audit.tests.write.log_table import Log


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What is exported through a provider that user code has set globally."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield kept
    provider.shutdown()


def test_sql_is_traced_when_asked_and_makes_no_entries(
    audit_log: Log, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements have spans; entries come of what was logged alone, not of the spans of writing it."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_TRACE_SQL", "1")
    recorder.replace(None)
    with capture(AuditPlugin()) as captured:
        for _ in range(3):
            flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
        captured.engine.flush(2.0)
        assert ["audit.logged"] * 3 == [name for name in captured.names() if name == "audit.logged"]
        ingest.catch_up(5)
    inserted = [one for one in spans.get_finished_spans() if one.name.startswith("INSERT")]
    assert 3 <= len(inserted)
    assert all(
        "INSERT INTO flowstone_audit_log" in str(one.attributes)
        for one in inserted
        if "audit_log" in str(one.attributes)
    )
    assert ["a.b"] * 3 == audit_log.types()


def test_sql_is_not_traced_otherwise(audit_log: Log, spans: InMemorySpanExporter, home: Path) -> None:
    """Without the setting there is no span of it, even where somebody instruments all of SQLAlchemy."""
    from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor

    instrumentor = SQLAlchemyInstrumentor()
    instrumentor.instrument()
    try:
        flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
        assert ["a.b"] == audit_log.types()
    finally:
        instrumentor.uninstrument()
    assert [] == [one.name for one in spans.get_finished_spans() if "flowstone_audit" in str(one.attributes)]
