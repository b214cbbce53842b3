"""Receivers for the tests: real ones (ddapm-test-agent, rotel), and ones that misbehave."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.servers.ports import free_port

T = TypeVar("T")


def event_name(record: LogRecord) -> str:
    """Return the name of *record*, an attribute where OTLP's messages are older than its field."""
    if "event_name" in LogRecord.DESCRIPTOR.fields_by_name:
        return record.event_name
    (name,) = (pair.value.string_value for pair in record.attributes if pair.key == "event.name")
    return str(name)


def until(read: Callable[[], T], seconds: float = 10.0) -> T:
    """Return what *read* returns as soon as it is true; what it returned last when time is over."""
    deadline = time.monotonic() + seconds
    while not (found := read()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def listening(port: int) -> bool:
    """Tell whether somebody accepts connections on *port*."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """Run a server until it listens on *port*; end it afterwards."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: listening(port), 20), f"{command[0]} did not start"
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


class TestAgent:
    """Datadog's test agent: takes OTLP over HTTP and gRPC, and shows what it took."""

    __test__ = False

    def __init__(self, http: int, grpc: int) -> None:
        self.http, self.grpc = http, grpc
        self.endpoint = f"http://127.0.0.1:{http}"

    def get(self, path: str) -> Any:
        """Return the answer to a GET request as JSON."""
        with urllib.request.urlopen(f"{self.endpoint}{path}", timeout=5) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def clear(self) -> None:
        """Forget what came so far."""
        with urllib.request.urlopen(f"{self.endpoint}/test/session/clear", timeout=5):
            pass

    def spans(self) -> list[dict[str, Any]]:
        """Return all spans, each with its resource's attributes under ``resource``."""
        return [
            {**span, "resource": attributes(resource["resource"])}
            for request in self.get("/test/session/traces") or ()
            for resource in request.get("resource_spans", ())
            for scope in resource.get("scope_spans", ())
            for span in scope.get("spans", ())
        ]

    def metrics(self) -> list[dict[str, Any]]:
        """Return all metrics, each with its resource's attributes under ``resource``."""
        return [
            {**metric, "resource": attributes(resource["resource"])}
            for request in self.get("/test/session/metrics") or ()
            for resource in request.get("resource_metrics", ())
            for scope in resource.get("scope_metrics", ())
            for metric in scope.get("metrics", ())
        ]

    def records(self) -> list[dict[str, Any]]:
        """Return all log records, each with its resource's attributes under ``resource``."""
        return [
            {**record, "resource": attributes(resource["resource"])}
            for request in self.get("/test/session/logs") or ()
            for resource in request.get("resource_logs", ())
            for scope in resource.get("scope_logs", ())
            for record in scope.get("log_records", ())
        ]


def attributes(carrier: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a message, as the test agent shows them, as a plain dict."""
    return {pair["key"]: next(iter(pair["value"].values()), None) for pair in carrier.get("attributes", ())}


def agent_program() -> str | None:
    """Return a test agent that takes OTLP.

    It cannot be installed beside our dependencies (it pins an older protobuf), so it may live in an
    environment of its own, told by ``FLOWSTONE_TEST_AGENT``.
    """
    name = "ddapm-test-agent"
    places = (
        os.environ.get("FLOWSTONE_TEST_AGENT"),
        str(Path(sys.prefix) / "agent" / "bin" / name),  # where `make test` puts it
        str(Path(sys.executable).with_name(name)),
        shutil.which(name),
    )
    for place in places:
        if place and Path(place).exists():
            shown = subprocess.run([place, "--help"], capture_output=True, text=True, check=False)
            if "--otlp-http-port" in shown.stdout:
                return place
    return None


@contextmanager
def running_agent(folder: Path, program: str) -> Iterator[TestAgent]:
    """Run Datadog's test agent."""
    main, http, grpc = free_port(), free_port(), free_port()
    command = [program, "--host", "127.0.0.1", "-p", str(main), "--snapshot-dir", str(folder)]
    command += ["--otlp-http-port", str(http), "--otlp-grpc-port", str(grpc)]
    with running(command, http):
        yield TestAgent(http, grpc)


@contextmanager
def rotel(agent: TestAgent) -> Iterator[int]:
    """Run rotel, a collector, in front of *agent*; yield its HTTP port."""
    import rotel as package  # type: ignore[import-untyped]

    grpc, http = free_port(), free_port()
    program = str(Path(package.__file__).with_name("rotel-agent"))
    command = [
        program,
        "start",
        "--exporter",
        "otlp",
        "--otlp-exporter-endpoint",
        f"http://127.0.0.1:{agent.grpc}",
    ]
    command += ["--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--otlp-http-endpoint", f"127.0.0.1:{http}"]
    with running(command, http):
        yield http


class Sink:
    """Takes OTLP over HTTP in this process, and keeps what it took as protobuf messages."""

    def __init__(self) -> None:
        self.traces: list[ExportTraceServiceRequest] = []
        self.requests: list[ExportMetricsServiceRequest] = []
        self.logs: list[ExportLogsServiceRequest] = []
        self.headers: dict[str, str] = {}  # of the last request
        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), self._handler())
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.headers = {key.lower(): value for key, value in self.headers.items()}
                if self.path == "/v1/traces":
                    sink.traces.append(ExportTraceServiceRequest.FromString(body))
                elif self.path == "/v1/logs":
                    sink.logs.append(ExportLogsServiceRequest.FromString(body))
                else:
                    sink.requests.append(ExportMetricsServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Be quiet."""

        return Handler

    def spans(self) -> list[Span]:
        """Return all spans, in order of arrival."""
        return [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def records(self) -> list[LogRecord]:
        """Return all log records, in order of arrival."""
        return [
            record
            for request in self.logs
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def points(self, name: str) -> list[tuple[str, float]]:
        """Return instance id and count or value of each point of the metric *name*, in order of arrival."""
        found = []
        for request in self.requests:
            for resource in request.resource_metrics:
                ids = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
                for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                    if metric.name == name:
                        found += [
                            (ids.get("service.instance.id", ""), point.count)
                            for point in metric.histogram.data_points
                        ]
                        found += [
                            (ids.get("service.instance.id", ""), point.as_int)
                            for point in metric.sum.data_points
                        ]
        return found

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()


def run(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run *code* in a fresh interpreter, without plugins that are not under test."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FLOWSTONE_"))}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**kept, "FLOWSTONE_DISABLED_PLUGINS": "console,dagster", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
