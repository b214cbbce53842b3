"""OpenTelemetry's log signal; its modules are still private, so they are imported in this file only."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from opentelemetry import _logs, trace
from opentelemetry.context import Context
from opentelemetry.trace import TraceFlags

from flowstone.runtime.export.data import LogData, Scope

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED: Final = TraceFlags(TraceFlags.DEFAULT)
_NOWHERE: Final = Context()


class Provider(Protocol):
    """What is used of the SDK's logger provider."""

    def get_logger(
        self, name: str, version: str | None = None, schema_url: str | None = None
    ) -> _logs.Logger:
        """Return a logger."""
        ...

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Export what was emitted."""
        ...


class Exporter(Protocol):
    """What is used of an exporter of log records."""

    def export(self, batch: Sequence[Any]) -> object:
        """Send a batch."""
        ...

    def shutdown(self) -> None:
        """Give up what is under way."""
        ...


def sdk_logger_provider() -> Provider | None:
    """Return the global logger provider if it is the SDK's; never imports the SDK."""
    found = _logs.get_logger_provider()
    # An export thread may be importing the module just now: then it is there, and has no class yet.
    stock = getattr(sys.modules.get("opentelemetry.sdk._logs"), "LoggerProvider", None)
    return cast("Provider", found) if stock is not None and isinstance(found, stock) else None


def api_record(data: LogData) -> _logs.LogRecord:
    """Return *data* as the API's log record."""
    record: _logs.LogRecord = _made(_logs.LogRecord, data)
    return record


def _made(cls: Callable[..., Any], data: LogData, **more: object) -> Any:
    fields: dict[str, Any] = {
        "timestamp": data.time,
        "observed_timestamp": data.observed,
        "severity_text": data.severity_text,
        "severity_number": _logs.SeverityNumber(data.severity),
        "body": data.body,
        "attributes": dict(data.attributes),
        **more,
    }
    trace_id, span_id = int(data.trace_id or "0", 16), int(data.span_id or "0", 16)
    flags = _SAMPLED if data.sampled else _NOT_SAMPLED
    try:
        span = trace.NonRecordingSpan(trace.SpanContext(trace_id, span_id, False, flags))
        context = trace.set_span_in_context(span, _NOWHERE)
        return cls(event_name=data.event_name, context=context, **fields)
    except TypeError:  # before 1.35 records had neither names nor contexts; since then ids are deprecated
        fields["attributes"]["event.name"] = data.event_name
        return cls(trace_id=trace_id, span_id=span_id, trace_flags=flags, **fields)


def own_record(data: LogData, resource: Resource) -> Any:
    """Return *data* as a logger of the SDK takes it: the older ones, only as a record of the SDK's own class."""
    import opentelemetry.sdk._logs as sdk

    older = getattr(sdk, "LogRecord", None)
    return api_record(data) if older is None else _made(older, data, resource=resource)


def exported_record(data: LogData, resource: Resource, scope: InstrumentationScope) -> Any:
    """Return *data* as the SDK's exporters take it."""
    import opentelemetry.sdk._logs as sdk

    newer: Callable[..., Any] | None = getattr(sdk, "ReadableLogRecord", None)
    if newer is not None:
        return newer(log_record=api_record(data), resource=resource, instrumentation_scope=scope)
    older: Callable[..., Any] = sdk.LogData  # type: ignore[attr-defined]  # before 1.39
    return older(log_record=own_record(data, resource), instrumentation_scope=scope)


def import_sdk() -> None:
    """Import the SDK's log signal, also while the interpreter is leaving.

    One of its classes detects resources as it is defined, in a thread pool, which then refuses to
    start. What it detects is a default that nothing of ours uses.
    """
    try:
        import opentelemetry.sdk._logs
    except RuntimeError:
        from opentelemetry.sdk.resources import Resource

        stock, importer = Resource.create, threading.get_ident()

        def create(*args: Any, **more: Any) -> Resource:
            return Resource.get_empty() if threading.get_ident() == importer else stock(*args, **more)

        Resource.create = staticmethod(create)  # type: ignore[method-assign]  # until the import is over
        try:
            import opentelemetry.sdk._logs  # noqa: F401
        finally:
            Resource.create = staticmethod(stock)  # type: ignore[method-assign]


class UsersLogger:
    """Hands records to a logger provider of the user's."""

    def __init__(self, provider: Provider, scope: Scope) -> None:
        self._logger = provider.get_logger(*scope)
        self._resource: Any = getattr(
            provider, "resource", None
        )  # newer SDKs keep it to themselves, and add it

    def emit(self, data: LogData) -> None:
        """Emit one record; its processors see it now."""
        self._logger.emit(own_record(data, self._resource))


class RecordSink:
    """Sends records through any log exporter."""

    def __init__(self, exporter: Exporter, resource: Resource, scope: InstrumentationScope) -> None:
        self._exporter, self._resource, self._scope = exporter, resource, scope

    def send(self, items: Sequence[LogData | bytes]) -> bool:
        """Export *items* as SDK records; bytes go only to sinks that take them."""
        records = [
            exported_record(item, self._resource, self._scope) for item in items if isinstance(item, LogData)
        ]
        # The result's class has another name in older SDKs.
        return getattr(self._exporter.export(records), "name", "") == "SUCCESS"

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()
