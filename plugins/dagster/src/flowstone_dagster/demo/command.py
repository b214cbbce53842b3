"""The command ``flowstone demo``: a Dagster project over published data, and all that flowstone saw of it."""

from __future__ import annotations

import json
import secrets
import sys
import time
from pathlib import Path

import click

from flowstone_dagster.demo import checks, parts, stages
from flowstone_dagster.demo.delivery import delivery
from flowstone_dagster.demo.findings import Findings
from flowstone_dagster.demo.jobs import DELAYS, FAULTY, MONTH, STEPS, WEATHER
from flowstone_dagster.demo.place import Place, UnusableError, choose
from flowstone_dagster.demo.requirements import check_installed


@click.command("demo")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the demo keeps its files."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--verbose", is_flag=True, help="Show what Dagster logs.")
def demo(folder: Path | None, *, as_json: bool, verbose: bool) -> None:
    """Run a small Dagster project over published data, and show what flowstone saw.

    One asset fails, as it shall. Exit status: 0, or 1 with a reason where the demo did not do what it should.
    """
    try:
        check_installed()
        place = choose(folder)
        place.prepare()
        found = _run(place, verbose=verbose)
    except UnusableError as error:
        if as_json:
            click.echo(
                json.dumps({"schema": "flowstone.demo/1", "ok": False, "problems": [str(error)]}, indent=2)
            )
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(found.document(), indent=2))
    else:
        found.show()
    sys.exit(1 if found.problems else 0)


def _run(place: Place, *, verbose: bool) -> Findings:
    """Run both jobs under one correlation id, and gather what is known of it."""
    began = time.monotonic()
    correlation_id = f"demo-{secrets.token_hex(3)}"
    with parts.watching(place, correlation_id) as watched:
        _progress(
            f"1/3  {DELAYS}, month {MONTH}: four assets in one process; {FAULTY} has a real mistake in it"
        )
        month = stages.run_month(place, correlation_id, verbose=verbose)
        _progress(f"2/3  {WEATHER}: {STEPS} assets, each in a process of its own")
        stages.run_weather(place, correlation_id, verbose=verbose)
        _progress("3/3  what the plugins say: trace, messages, audit log and a forgery, health and an outage")
        trace = stages.trace_document(place, correlation_id)
        shown = watched.parts(trace)
    return Findings(
        place=place,
        correlation_id=correlation_id,
        trace=trace,
        metrics=month["metrics"],
        delivery=delivery(month),
        parts=shown,
        problems=[*checks.problems(trace), *(problem for part in shown for problem in part.problems)],
        began=began,
    )


def _progress(text: str) -> None:
    click.echo(text, err=True)
