"""``flowstone audit erase``: what is private goes, the proof stays."""

from __future__ import annotations

from typing import Any

import click

from flowstone_audit import erasing, lookup
from flowstone_audit.cli.output import AMBIGUOUS, NOT_FOUND, fail, failing, show_json
from flowstone_audit.cli.progress import Progress
from flowstone_audit.reading import reading


@click.command("erase")
@click.option(
    "--entry",
    "entries",
    multiple=True,
    metavar="ID",
    help="This entry, by its id, the beginning of one, or its number; may be given several times.",
)
@click.option("--actor", "actor_id", metavar="ID", help="Everything that this actor did.")
@click.option("--request", metavar="TEXT", help="Which request it follows: the number of a ticket, no name.")
@click.option("--by", metavar="WHO", help="Who does it; it stays on record.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased, and what stays.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; asks nothing, so needs --yes."
)
def erase(
    *,
    entries: tuple[str, ...],
    actor_id: str | None,
    request: str | None,
    by: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase client_ip, user_agent and private details of entries; every proof goes on to verify.

    It says first what would be erased and what cannot be, and asks. PostgreSQL: as a member of
    flowstone_audit_eraser.

    Exit status: 0, 1 not confirmed, 2 wrong usage or no usable database, 3 nothing to erase, 4 the beginning of
    several ids.
    """
    if not entries and actor_id is None:
        raise click.UsageError("say what to erase: --entry or --actor")
    if not dry_run and not (request and by):
        raise click.UsageError(
            "say which request it follows (--request) and who does it (--by), or --dry-run"
        )
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json needs --yes, for it asks nothing")
    with failing():
        ids = [_id(text) for text in entries]
        with reading() as connection:
            plan = erasing.plan(connection, ids=ids, actor_id=actor_id)
        left: tuple[str, ...] = ()
        if not as_json:
            _tell(plan)
        if plan.ids and not dry_run:
            if not yes and not click.confirm("Erase it?", err=True):
                raise click.exceptions.Exit(1)
            with Progress("entries", len(plan.ids)) as progress:
                left = erasing.erase(plan, request=request or "", by=by or "", told=progress.step)
        _report(plan, left, done=not dry_run, as_json=as_json)


def _id(text: str) -> str:
    """Return the id that is meant, where it is one."""
    first, *others = lookup.like(text)
    if others:
        fail(f"{text} is the beginning of {len(others) + 1} ids", AMBIGUOUS)
    return first.id


def _report(plan: erasing.Plan, left: tuple[str, ...], *, done: bool, as_json: bool) -> None:
    if as_json:
        show_json(_document(plan, plan.ids if done else (), left))
    elif plan.ids and done:
        click.echo(f"erased: {len(plan.ids)} entries")
        for each in left:
            click.echo(f"still to do: {each}")
    if not plan.ids:
        fail("there is nothing to erase", NOT_FOUND)


def _tell(plan: erasing.Plan) -> None:
    click.echo(f"to erase: client_ip, user_agent and private details of {len(plan.ids)} entries")
    if plan.erased:
        click.echo(f"erased before: {plan.erased}")
    if plan.bare:
        click.echo(f"nothing private in: {plan.bare}")
    click.echo("what cannot be erased from here:")
    for each in erasing.REMAINS:
        click.echo(f"  - {each}")


def _document(plan: erasing.Plan, done: tuple[str, ...], left: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "to_erase": list(plan.ids),
        "erased_before": plan.erased,
        "nothing_private": plan.bare,
        "erased": len(done),
        "still_to_do": list(left),
        "remains": list(erasing.REMAINS),
    }
