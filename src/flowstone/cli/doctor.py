"""``flowstone doctor``: what is configured, by what, and whether it can work."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import click
import orjson

from flowstone.cli import findings
from flowstone.cli.findings import Finding
from flowstone.runtime.export import config as configuration

_MARKS: Final = {"ok": "  ", "note": "- ", "problem": "! "}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def doctor(as_json: bool) -> None:
    """Look whether telemetry can get out; exit code 1 if something is wrong."""
    found = _examine()
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


def _examine() -> list[Finding]:
    config = configuration.read()
    return [
        *findings.configured(),
        *findings.path(config),
        *findings.exporters(config),
        *findings.plugins(),
        *findings.store(),
        *findings.losses(),
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
