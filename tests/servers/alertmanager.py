"""The real Alertmanager for the tests, which tells a webhook at once."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.servers.ports import free_port
from tests.servers.programs import Program

MISSING = "no Alertmanager here; apt-get install prometheus-alertmanager"


class Webhook:
    """Takes what Alertmanager tells, and keeps its alerts."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", free_port()), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.alerts.extend(told["alerts"])
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Be quiet."""

        return Handler

    def firing(self) -> set[str]:
        """Return the names of the alerts that were told as firing."""
        return {one["labels"]["alertname"] for one in self.alerts if one["status"] == "firing"}

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


class Alertmanager(Program):
    """An Alertmanager of one's own, with one receiver: a webhook."""

    def __init__(self, folder: Path, webhook: str) -> None:
        super().__init__(folder)
        self._webhook = webhook

    def command(self) -> Sequence[str]:
        """Return the command, its configuration written."""
        file = self.folder / "alertmanager.json"  # JSON is YAML
        route = {"receiver": "hook", "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
        hook = {"name": "hook", "webhook_configs": [{"url": self._webhook}]}
        file.write_text(json.dumps({"route": route, "receivers": [hook]}), encoding="utf-8")
        return [
            str(shutil.which("prometheus-alertmanager")),
            f"--config.file={file}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]


@contextmanager
def running(folder: Path) -> Iterator[tuple[Alertmanager, Webhook]]:
    """Run an Alertmanager and its webhook; skip the test where none is installed."""
    if shutil.which("prometheus-alertmanager") is None:
        pytest.skip(MISSING)
    folder.mkdir(parents=True, exist_ok=True)
    webhook = Webhook()
    server = Alertmanager(folder, webhook.url)
    try:
        server.start()
        yield server, webhook
    finally:
        server.kill()
        webhook.close()
