"""``flowstone audit migrate``: makes the audit tables, and says in which state they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import DBAPIError

from flowstone.plugin import terminal
from flowstone_audit import config, database, guards, migrating, schema_state
from flowstone_audit.cli import output
from flowstone_audit.errors import AuditError, EntriesAtRisk

NOT_CURRENT: Final = 1


@click.command("migrate")
@click.option("--revision", default="head", show_default=True, help="Where to: head, base, or such as 0002.")
@click.option(
    "--check", is_flag=True, help="Change nothing; say whether tables and guards are as they should be."
)
@click.option(
    "--sql", "as_sql", is_flag=True, help="Change nothing; print the SQL for whoever runs it by hand."
)
@click.option(
    "--dialect",
    type=click.Choice(["sqlite", "postgresql"]),
    help="Of --sql; that of the database if not given.",
)
@click.option(
    "--since", default="base", show_default=True, help="Of --sql: the revision that the database has."
)
@click.option(
    "--grants", is_flag=True, help="Only make PostgreSQL's roles and give them their rights, once more."
)
@click.option(
    "--retain-days", type=click.IntRange(1), help="Say once for how many days entries are kept at least."
)
@click.option("--destroy", is_flag=True, help="Go down although entries, or the proofs of entries, are lost.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def migrate(
    *,
    revision: str,
    check: bool,
    as_sql: bool,
    dialect: str | None,
    since: str,
    grants: bool,
    retain_days: int | None,
    destroy: bool,
    as_json: bool,
) -> None:
    """Bring the tables of the audit log to a revision; to the newest if none is given.

    All in one transaction, so a failure changes nothing. On PostgreSQL the user of FLOWSTONE_AUDIT_URL becomes
    the owner of the tables: let it be another than the one that writes entries.

    Exit status: 0, 1 --check found the tables not current or a guard missing, 2 wrong usage or no usable database.
    """
    _refuse(revision, check=check, as_sql=as_sql, grants=grants, retains=retain_days is not None)
    with output.failing():
        if as_sql:
            _print_sql(dialect or _dialect(), revision, since, as_json=as_json)
            return
        engine = database.engine()
        try:
            if check:
                document = _found(engine)
            else:
                before = _state(engine).current
                _change(engine, revision, grants=grants, destroy=destroy)
                if retain_days is not None:
                    migrating.retain(engine, retain_days)
                document = _found(engine) | {"before": before}
        except DBAPIError as error:
            raise AuditError(f"{engine.url.render_as_string()}: {str(error.orig).strip()}") from error
    _print(document, check=check, as_json=as_json)


def _refuse(revision: str, *, check: bool, as_sql: bool, grants: bool, retains: bool) -> None:
    """Refuse options that contradict each other."""
    if check + as_sql + grants > 1:
        raise click.UsageError("give one of --check, --sql and --grants")
    if retains and (check or as_sql or grants or revision != "head"):
        raise click.UsageError("--retain-days needs the newest tables; give it alone")


def _print_sql(dialect: str, revision: str, since: str, *, as_json: bool) -> None:
    text = migrating.offline_sql(dialect, _known(revision), _known(since))
    if as_json:
        output.show_json({"dialect": dialect, "revision": revision, "since": since, "sql": text})
    else:
        click.echo(text, nl=False)


def _dialect() -> str:
    url = config.load().url
    return "sqlite" if url is None else make_url(url).get_backend_name()


def _known(revision: str) -> str:
    if revision not in {"head", "base", *schema_state.KNOWN}:
        raise click.UsageError(
            f"there is no revision {revision!r}; there are: {', '.join(schema_state.KNOWN)}"
        )
    return revision


def _state(engine: Engine) -> schema_state.State:
    with engine.connect() as connection:
        return schema_state.check(connection)


def _change(engine: Engine, revision: str, *, grants: bool, destroy: bool) -> None:
    def tell(text: str) -> None:
        click.echo(terminal.escape(text), err=True)

    if grants:
        migrating.grant(engine, tell=tell)
        return
    state = _state(engine)
    target = "" if _known(revision) == "base" else schema_state.HEAD if revision == "head" else revision
    if state.kind != "newer" and target < (state.current or ""):
        try:
            migrating.downgrade(engine, revision, destroy=destroy)
        except EntriesAtRisk as error:
            raise AuditError(f"{error}; to do it all the same: --destroy") from error
    elif target:
        migrating.upgrade(engine, revision, tell=tell)


def _found(engine: Engine) -> dict[str, Any]:
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        state, found = (
            schema_state.State(None, schema_state.HEAD, "missing"),
            [],
        )  # asking would make the file
    else:
        with engine.connect() as connection:
            state = schema_state.check(connection)
            found = guards.findings(connection) if state.kind in ("current", "unversioned") else []
    return {
        "database": engine.url.render_as_string(),
        "state": state.kind,
        "revision": state.current,
        "head": state.head,
        "guards": [finding._asdict() for finding in found],
    }


def _print(document: dict[str, Any], *, check: bool, as_json: bool) -> None:
    if as_json:
        output.show_json(document)
    else:
        look = output.style()
        for line in _lines(document):
            click.echo(look.plain(line))
    if check and (document["state"] != "current" or document["guards"]):
        raise click.exceptions.Exit(NOT_CURRENT)


def _lines(document: dict[str, Any]) -> list[str]:
    revision, before = document["revision"], document.get("before", document["revision"])
    state = f"has revision {revision}" if revision else "has no audit tables"
    if document["state"] == "unversioned":
        state = "has audit tables, and nothing says their revision"
    if before != revision:
        state += f"; had {before}" if before else "; had none"
    lines = [document["database"], state]
    if document["state"] == "newer":
        lines.append(f"made by a later version of flowstone-audit; this one knows up to {document['head']}")
    elif document["state"] == "older":
        lines.append(f"older than {document['head']}; to bring it there: flowstone audit migrate")
    elif document["state"] in ("current", "unversioned"):
        lines += [f"guard {each['name']} is {each['what']}" for each in document["guards"]] or [
            "all guards stand"
        ]
    return lines
