"""``flowstone audit prune``: old entries into a verified archive, then out of the database."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from flowstone_audit import actors, config, retention
from flowstone_audit.archive_form import Header
from flowstone_audit.cli.draft import a_file
from flowstone_audit.cli.moments import full_text
from flowstone_audit.cli.output import NOT_FOUND, fail, failing, show_json
from flowstone_audit.cli.progress import Progress


@click.command("prune")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=a_file,
    help="The archive's file; $FLOWSTONE_HOME/audit/archive/<date>.jsonl if not given.",
)
@click.option(
    "--retain-days",
    type=click.IntRange(1, 100_000),
    help="Days that entries are kept; FLOWSTONE_AUDIT_RETAIN_DAYS if not given. It can only grow.",
)
@click.option("--without-private", is_flag=True, help="Leave private columns out of the archive.")
@click.option("--by", metavar="WHO", help="Who does it; the user who runs the command if not given.")
@click.option("--dry-run", is_flag=True, help="Only say what would be archived and deleted.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; asks nothing, so needs --yes."
)
def prune(
    *,
    output: Path | None,
    retain_days: int | None,
    without_private: bool,
    by: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Archive entries older than the retention with their proofs, verify the archive, delete them.

    What is not sealed stays. PostgreSQL: as a member of flowstone_audit_eraser.

    Exit status: 0, 1 not confirmed, 2 wrong usage or no usable database, 3 nothing is old enough.
    """
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json needs --yes, for it asks nothing")
    with failing():
        settings = config.load()
        with retention.snapshot() as connection:
            plan = retention.plan(connection, retain_days or settings.retain_days)
        path, done = output or _place(settings.folder), None
        if not as_json:
            _tell(plan, path)
        if plan.scope is not None and not dry_run:
            if not yes and not click.confirm("Do it?", err=True):
                raise click.exceptions.Exit(1)
            with Progress("steps", 3 * plan.scope.rows) as progress:
                done = retention.prune(
                    path, plan, by=by or _user(), private=not without_private, told=progress.step
                )
        _report(plan, done, path, as_json=as_json)


def _tell(plan: retention.Plan, path: Path) -> None:
    if plan.scope is not None:
        click.echo(f"to archive and delete: {plan.scope.rows} entries, from before {full_text(plan.cutoff)}")
        click.echo(f"archive: {path}")
        click.echo(f"from then on this log keeps entries for {plan.retain_days} days or more")


def _report(plan: retention.Plan, done: Header | None, path: Path, *, as_json: bool) -> None:
    if as_json:
        show_json(_document(plan, done, path))
    elif done is not None:
        click.echo(f"pruned: {done.rows} entries; keep {path}")
    if plan.scope is None:
        fail(f"no sealed entry is older than {plan.retain_days} days", NOT_FOUND)


def _place(folder: Path) -> Path:
    return folder / "archive" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl"


def _user() -> str:
    found = actors.current().id
    if found is not None:
        return found
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return "unknown"


def _document(plan: retention.Plan, done: Header | None, path: Path) -> dict[str, Any]:
    return {
        "retain_days": plan.retain_days,
        "cutoff": plan.cutoff.isoformat(),
        "to_prune": 0 if plan.scope is None else plan.scope.rows,
        "through_seq": None if plan.scope is None else plan.scope.through_seq,
        "pruned": 0 if done is None else done.rows,
        "archive": str(path),
    }
