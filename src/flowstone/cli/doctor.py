"""``flowstone doctor``: what is configured, by what, and whether it can work."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import click
import orjson

from flowstone.cli import configured, findings
from flowstone.cli.findings import Finding
from flowstone.cli.losses import losses
from flowstone.cli.sending.asking import http_url
from flowstone.cli.sending.backends import Backends
from flowstone.cli.sending.journey import journey
from flowstone.runtime import engine, mistakes
from flowstone.runtime.export import config as configuration

_MARKS: Final = {"ok": "  ", "note": "- ", "problem": "! "}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--send", is_flag=True, help="Send a marked run, and ask each hop on its way for it.")
@click.option("--jaeger", callback=http_url, metavar="URL", help="With --send: look for it in this Jaeger.")
@click.option("--prometheus", callback=http_url, metavar="URL", help="With --send: in this Prometheus.")
@click.option(
    "--datadog-agent", callback=http_url, metavar="URL", help="With --send: in this ddapm-test-agent."
)
@click.option(
    "--timeout",
    type=click.FloatRange(1, 600),
    default=30.0,
    show_default=True,
    help="With --send: seconds to wait for all hops.",
)
def doctor(
    as_json: bool, send: bool, jaeger: str, prometheus: str, datadog_agent: str, timeout: float
) -> None:
    """Look whether telemetry can get out and what was lost; exit code 1 if something is wrong.

    What other processes lost is a problem for a day, and a note afterwards.

    With --send a run named flowstone-doctor is made and sent as any other is, so it is kept by plugins too. The
    collector's part is asked at FLOWSTONE_OTLP_HEALTH and FLOWSTONE_OTLP_SELF_HOST, _PORT.
    """
    backends = Backends(jaeger=jaeger, prometheus=prometheus, datadog=datadog_agent)
    if backends != Backends() and not send:
        raise click.UsageError("--jaeger, --prometheus and --datadog-agent go with --send")
    found = _examine(backends if send else None, timeout)
    wrong = [finding for finding in found if finding.state == "problem"]
    if as_json:
        document = {"ok": not wrong, "findings": [asdict(finding) for finding in found]}
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(found)
        click.echo(
            f"\n{len(wrong)} problem{'s' * (len(wrong) != 1)} found" if wrong else "\nnothing is wrong"
        )
    if wrong:
        raise SystemExit(1)


def _examine(sent_to: Backends | None, timeout: float) -> list[Finding]:
    mistakes.hush()  # they are findings here
    config = configuration.read()
    engine.for_reading()
    return [
        *configured.configured(),
        *configured.unusable(),
        *findings.path(config),
        *findings.exporters(config),
        *findings.plugins(),
        *findings.store(),
        *(journey(config, sent_to, timeout) if sent_to is not None else ()),
        *losses(),
    ]


def _print(found: list[Finding]) -> None:
    area = ""
    for finding in found:
        if finding.area != area:
            area = finding.area
            click.echo(area)
        click.echo(f"  {_MARKS[finding.state]}{finding.text}")
        if finding.advice:
            click.echo(f"      {finding.advice}")
