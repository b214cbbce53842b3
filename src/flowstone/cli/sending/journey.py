"""The journey of the marked run, hop by hop."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flowstone.cli.findings import Finding
from flowstone.cli.sending import collector, marked
from flowstone.cli.sending.backends import Backends
from flowstone.runtime.export.config import Config


def journey(config: Config, backends: Backends, timeout: float) -> Iterator[Finding]:
    """Send a marked run, and say of each hop whether it arrived there, *timeout* seconds in all at most."""
    if not marked.sends(config):
        text = "nothing: telemetry does not leave this process, see path"
        yield Finding(area=marked.AREA, state="problem", text=text, advice="set OTEL_EXPORTER_OTLP_ENDPOINT")
        return
    deadline = time.monotonic() + timeout
    counted, known = collector.numbers(), backends.before()
    mark, answers = marked.send(config, min(timeout, 10.0))
    yield from answers
    yield from collector.arrived(counted, deadline)
    yield from backends.arrived(mark, known, deadline)
