"""The real Jaeger for the tests, as `deploy/jaeger.yaml` has it."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.laws.tree import ROOT
from tests.servers.built import program
from tests.servers.ports import free_port
from tests.servers.programs import Program

Trace = dict[str, Any]


class Jaeger(Program):
    """A Jaeger of one's own; ``port`` is that of its query API."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.grpc, self._query = free_port(), free_port()
        self.otlp = f"127.0.0.1:{self.grpc}"
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        """Return the command, with the configuration that we ship."""
        ports = {"OTLP": self.grpc, "HTTP": self.port, "GRPC": self._query}
        variables = [f"FLOWSTONE_JAEGER_{name}=127.0.0.1:{port}" for name, port in ports.items()]
        return ["env", *variables, program("jaeger"), f"--config={ROOT / 'deploy' / 'jaeger.yaml'}"]

    def find(self, service: str, limit: int = 1500, **tags: str) -> list[Trace]:
        """Return the traces of *service* with a span that has these tags (dots written as ``__``)."""
        asked = {key.replace("__", "."): value for key, value in tags.items()}
        words = {"service": service, "limit": str(limit), "tags": json.dumps(asked)}
        return self._get(f"/api/traces?{urllib.parse.urlencode(words)}")

    def trace(self, trace_id: str) -> Trace | None:
        """Return a trace, none where it is not known."""
        found = self._get(f"/api/traces/{trace_id}")
        return found[0] if found else None

    def _get(self, path: str) -> list[Trace]:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=20) as answer:
                told: list[Trace] = json.loads(answer.read())["data"] or []
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return []
        return told


def spans(traces: Sequence[Trace]) -> list[dict[str, Any]]:
    """Return the spans of *traces*, with tags as a plain dict, and ``parent`` and ``links`` as span ids."""
    return [_plain(span) for trace in traces for span in trace["spans"]]


def _plain(span: dict[str, Any]) -> dict[str, Any]:
    references = span["references"]
    above = [one["spanID"] for one in references if one["refType"] == "CHILD_OF"]
    return {
        "name": span["operationName"],
        "id": span["spanID"],
        "trace": span["traceID"],
        "parent": above[0] if above else None,
        "links": [one["spanID"] for one in references if one["refType"] != "CHILD_OF"],
        "tags": {tag["key"]: tag["value"] for tag in span["tags"]},
        "logs": [{field["key"]: field["value"] for field in log["fields"]} for log in span["logs"]],
    }


@contextmanager
def running(folder: Path) -> Iterator[Jaeger]:
    """Run a Jaeger; skip the test where none was built."""
    program("jaeger")
    folder.mkdir(parents=True, exist_ok=True)
    server = Jaeger(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
