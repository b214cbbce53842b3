"""What the demo found, as text or as one JSON document."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from json import loads
from pathlib import Path
from typing import Any, Final

import click

from flowstone_dagster.demo import measured, project, stages
from flowstone_dagster.demo.delivery import Delivery
from flowstone_dagster.demo.part import Part
from flowstone_dagster.demo.place import Place

_ALIGNED: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that is known about the demo's runs.

    Attributes:
        place: Where the files are.
        correlation_id: Under which both runs are found.
        trace: The document of ``flowstone trace --json``.
        metrics: What the first run's process measured.
        delivery: What became of the telemetry; None where it was not sent.
        parts: What further plugins made of the runs.
        problems: Why the demo is no success; empty if it is.
        began: When the demo began, by ``time.monotonic``.
    """

    place: Place
    correlation_id: str
    trace: dict[str, Any]
    metrics: list[dict[str, Any]]
    delivery: Delivery | None
    parts: list[Part]
    problems: list[str]
    began: float

    @property
    def seconds(self) -> float:
        """How long the demo has taken so far."""
        return time.monotonic() - self.began

    def commands(self) -> dict[str, str]:
        """Return commands that show more, each with what it shows."""
        typed = self.place.command
        further = (command for part in self.parts for command in part.commands.items())
        return {
            typed("trace", self.correlation_id): "the same again",
            typed("trace", self.correlation_id, "--json"): "for programs",
            typed("trace", "--list"): "all runs so far",
            **dict(further),
        }

    def document(self) -> dict[str, Any]:
        """Return the findings as one JSON document."""
        return {
            "schema": "flowstone.demo/1",
            "ok": not self.problems,
            "problems": self.problems,
            "correlation_id": self.correlation_id,
            "folder": str(self.place.folder),
            "seconds": round(self.seconds, 1),
            "delivery": None if self.delivery is None else asdict(self.delivery),
            "commands": list(self.commands()),
            "log_line": loads(self._log_line()),
            "metrics": self.metrics,
            "trace": self.trace,
            **{part.name: part.document for part in self.parts},
        }

    def show(self) -> None:
        """Print them."""
        _heading(f"Two runs under the correlation id {self.correlation_id}; the one failure is meant to be")
        stages.show_trace(self.place, self.correlation_id)
        _heading("Metrics of the first run, as its process measured them")
        for line in measured.lines(self.metrics):
            click.echo(f"  {line}")
        _heading("One of its log lines")
        click.echo(self._log_line())
        for part in self.parts:
            _heading(part.title)
            for line in part.lines():
                click.echo(line)
        _heading("Look further")
        width = max((len(command) for command in self.commands() if len(command) <= _ALIGNED), default=0)
        for command, shown in self.commands().items():
            click.echo(f"  {command:<{width}}  # {shown}")
        if self.delivery is not None:
            click.echo(str(self.delivery))
        self._tell_where()
        for problem in self.problems:
            click.echo(f"The demo did not do what it should: {problem}", err=True)

    def _tell_where(self) -> None:
        click.echo()
        click.echo(f"Project  {Path(project.__path__[0])}")
        click.echo(
            "         plain Dagster code with one checkpoint; FLOWSTONE_DAGSTER=1 in the environment did the rest"
        )
        click.echo(f"Files    {self.place.folder}")
        click.echo("         data/ made by the assets, events.jsonl all log lines of the first run")
        click.echo(
            "         published/ stands for a place out of the reach of whoever owns the audit log, forgery/ has the copy"
        )
        click.echo(f"Took     {self.seconds:.0f} s")

    def _log_line(self) -> str:
        """Return the log line of the failure, or whatever line is there."""
        told = self.place.lines.read_text(encoding="utf-8").splitlines()
        failed = [line for line in told if '"materialization.exception"' in line]
        return (failed or told or ["{}"])[0]


def _heading(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)
