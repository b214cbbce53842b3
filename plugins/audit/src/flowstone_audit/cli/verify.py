"""``flowstone audit verify``: whether anything was changed, and what."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from flowstone_audit.cli.output import fail, failing, show_json, style
from flowstone_audit.cli.progress import Progress
from flowstone_audit.errors import NotFound
from flowstone_audit.verifying import asking
from flowstone_audit.verifying.asking import Question
from flowstone_audit.verifying.report import KINDS, UNUSABLE, Finding, Report
from flowstone_audit.verifying.source import Damaged

_SHOWN: Final = 20
_CONSISTENT: Final = "CONSISTENT, NOT PROVEN"


@click.command("verify")
@click.option("--since", metavar="FILE|NOTE", help="Only what came after this checkpoint, which is believed.")
@click.option("--entry", metavar="ID", help="Only this entry, with its proof.")
@click.option(
    "--archive",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of prune, export --format archive or evidence instead of the database; needs no database.",
)
@click.option(
    "--proof",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with what `flowstone audit prove ID` printed, text or JSON; needs no database.",
)
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Checkpoints that were published outside; may be given several times. The file anchor if not given.",
)
@click.option(
    "--key", "keys", multiple=True, metavar="KEY|FILE", help="The log's verifier key, from outside."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@click.option(
    "--lag",
    "lag_s",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    help="Seconds an entry may be unsealed.",
)
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    type=click.Choice(sorted(KINDS)),
    help="A kind of finding that was looked into, and is no alarm.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(*, as_json: bool, **given: Any) -> None:
    """Hold every entry against its seal, every seal against the tree, and the tree against published checkpoints.

    Exit status: 0 proven: nothing was changed, all of it is sealed, and under a checkpoint from outside (--anchor,
    or FLOWSTONE_AUDIT_ANCHOR_FILE) and a key. 1 tampered with; the first bad entry is named, and what was done to it.
    2 wrong usage, or no usable database. 3 consistent, and not proven: not anchored outside (who can write
    database, key and anchor can make a log that fits itself), or not all sealed yet.
    """
    asked = Question(**{**given, "allowed": frozenset(given["allowed"])})
    with failing():
        try:
            with Progress("leaves", asking.size(asked)) as progress:
                report = asking.answer(asked, progress.step)
        except (Damaged, NotFound) as error:
            fail(str(error), UNUSABLE)
    if as_json:
        show_json(report.to_dict())
    else:
        _tell(report)
    raise click.exceptions.Exit(report.code)


def _tell(report: Report) -> None:
    """Print what was found, the alarms first; then the verdict, in one line."""
    look = style()
    alarms = report.alarms
    for one in [*alarms, *(one for one in report.findings if one not in alarms)][:_SHOWN]:
        mark = "failure" if one in alarms else "mark"
        click.echo(f"{look.paint(look.plain(one.kind), mark)}: {look.plain(one.message)}", color=look.colour)
    hidden = sum(report.counts.values()) - min(len(report.findings), _SHOWN)
    if hidden > 0:
        click.echo(f"and {hidden} more; all: --json")
    rate = report.entries / report.seconds if report.seconds else 0.0
    click.echo(
        f"{report.entries:,} entries under {report.leaves:,} leaves in {report.seconds:.1f} s ({rate:,.0f}/s);"
        f" erased {report.erased:,}, pruned {report.pruned:,}, not sealed {report.unsealed:,}"
    )
    click.echo(_verdict(report, report.first))


def _verdict(report: Report, first: Finding | None) -> str:
    if first is not None:
        where = "" if first.seq is None else f" at entry {first.seq}"
        return f"TAMPERED WITH: first {first.kind}{where}"
    if report.verdict == "consistent":
        return _CONSISTENT
    return f"PROVEN: nothing was changed, up to leaf {report.anchored:,} under a checkpoint from outside"
