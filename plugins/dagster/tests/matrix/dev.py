"""``dagster dev`` in a folder of its own: web server, daemon, code server, and the runs that its API launches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from plugins.dagster.tests.matrix.deployment import CONFIG, SECONDS, Deployment, end
from tests.otel.receivers import until
from tests.servers.ports import free_port

PROJECT: Final = Path(__file__).with_name("served_project.py")
_QUIT_S: Final = 30.0
_PLACES: Final = (
    "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
)
_STATUS: Final = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_LAUNCH: Final = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


@dataclass(kw_only=True)
class Dev(Deployment):
    """A ``dagster dev`` and what came of it.

    Attributes:
        servers: The command lines of its processes before anything was launched, by pid.
        runs: The ids of the runs that were launched, by job.
        before: What stood in flowstone's home before anything was launched.
        sent_before: How many requests the receiver had had by then.
        code: The exit code.
        took: Seconds from SIGTERM to the exit of the parent.
        left: Command lines of what was there after it.
    """

    servers: dict[int, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    sent_before: int = 0
    code: int | None = None
    took: float = 0.0
    left: list[str] = field(default_factory=list)

    def serve(self, *jobs: str) -> None:
        """Serve the project, launch *jobs* one after the other, end all by SIGTERM when they have ended."""
        (self.home / "dagster.yaml").write_text(CONFIG, encoding="utf-8")
        with self._serving() as (process, port):
            selector = until(lambda: _place(port), SECONDS)
            time.sleep(5)  # longer than the interval in which metrics are exported
            self.servers = _living(self.home)
            files = (self.home / "events.jsonl", *(self.home / "flowstone").rglob("*"))
            self.before = [path.name for path in files if path.exists()]
            self.sent_before = self.requests()
            for job in jobs:
                self.runs[job] = _launch(port, {**selector, "jobName": job})
                assert until(partial(_ended, port, self.runs[job]), SECONDS), self.log()
            time.sleep(1)  # the webserver and the daemon go on for a while after the last run
            self._quit(process)
        self.events = self._read()

    def requests(self) -> int:
        """Return how many requests the receiver had."""
        return len(self.receiver.traces) + len(self.receiver.requests) + len(self.receiver.logs)

    def senders(self) -> set[int]:
        """Return the pids of all processes that sent spans, metrics or log records."""
        resources: list[Resource] = []
        for traces in self.receiver.traces:
            resources += [one.resource for one in traces.resource_spans]
        for metrics in self.receiver.requests:
            resources += [one.resource for one in metrics.resource_metrics]
        for logs in self.receiver.logs:
            resources += [one.resource for one in logs.resource_logs]
        return {
            pair.value.int_value for one in resources for pair in one.attributes if pair.key == "process.pid"
        }

    def log(self) -> str:
        """Return the end of what it wrote."""
        return (self.home / "dagster.log").read_text(encoding="utf-8")[-6000:]

    @contextmanager
    def _serving(self) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        # Processes that make Dagster's SQLite storage at once get in each other's way.
        self._start("dagster", "instance", "info").wait(60)
        port = free_port()
        process = self._start("dagster", "dev", "-f", str(PROJECT), "-h", "127.0.0.1", "-p", str(port))
        try:
            yield process, port
        finally:
            end(process)
            for pid in _living(self.home):  # of other sessions
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _quit(self, process: subprocess.Popen[bytes]) -> None:
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.code = process.wait(_QUIT_S)
        self.took = time.monotonic() - began
        until(lambda: not _living(self.home), 5)
        self.left = list(_living(self.home).values())


def _living(home: Path) -> dict[int, str]:
    """Return the command lines of the living processes of a Dagster home, by pid."""
    mark = f"\0DAGSTER_HOME={home}\0".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in b"\0" + (folder / "environ").read_bytes():  # a zombie has none
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ").strip()
        except OSError:
            continue
    return found


def _ask(port: int, query: str, **variables: object) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)["data"]
    return answer


def _place(port: int) -> dict[str, str]:
    """Return what selects the project's repository; nothing while it is not served yet."""
    try:
        nodes = _ask(port, _PLACES)["repositoriesOrError"].get("nodes")
    except OSError:
        return {}
    if not nodes:
        return {}
    return {"repositoryName": nodes[0]["name"], "repositoryLocationName": nodes[0]["location"]["name"]}


def _launch(port: int, selector: dict[str, str]) -> str:
    told = _ask(port, _LAUNCH, params={"selector": selector, "runConfigData": {}})["launchRun"]
    assert "run" in told, told
    run_id: str = told["run"]["runId"]
    return run_id


def _ended(port: int, run_id: str) -> bool:
    return _ask(port, _STATUS, id=run_id)["runOrError"]["status"] in {"SUCCESS", "FAILURE", "CANCELED"}
