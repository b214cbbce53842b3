"""PostgreSQL asked by names that somebody else has given a meaning to."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from flowstone_audit import guards, migrating
from flowstone_audit.verifying.report import PROVEN
from plugins.audit.tests.verify.story import Story, begun, clean
from tests.servers.postgres import Server

pytestmark = pytest.mark.parametrize("told", ["postgresql"], indirect=True)

_MOVED = (
    "UPDATE flowstone_audit_log SET inserted_at = inserted_at - interval '1 day',"
    " occurred_at = occurred_at - interval '1 day' WHERE seq = 5"
)
_EPOCHS = "SELECT date_part('epoch', inserted_at), date_part('epoch', occurred_at) FROM flowstone_audit_log WHERE seq = 5"


def test_an_operator_of_somebody_else(told: Story) -> None:
    """An operator beside the tables, which fits better than PostgreSQL's own, hides no changed date."""
    with told.attacking() as connection:
        old = connection.execute(text(_EPOCHS)).one()
        connection.execute(text(_MOVED))
        new = connection.execute(text(_EPOCHS)).one()
        connection.exec_driver_sql(
            "CREATE FUNCTION mul(float8, int4) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT 1000000::float8"
            f" OPERATOR(pg_catalog.*) CASE $1 WHEN {new[0]!r}::float8 THEN {old[0]!r}::float8"
            f" WHEN {new[1]!r}::float8 THEN {old[1]!r}::float8 ELSE $1 END $$;"
            " CREATE OPERATOR * (LEFTARG = float8, RIGHTARG = int4, FUNCTION = mul)"
        )
        connection.commit()
    assert {5} == {one.seq for one in told.verify().alarms}


def test_a_search_path_of_somebody_else(told: Story) -> None:
    """Functions and catalogs in front of PostgreSQL's own hide neither a changed entry nor a guard that is off."""
    name = make_url(told.url).database
    with told.attacking() as connection:
        old = connection.exec_driver_sql("SELECT id FROM flowstone_audit_log WHERE seq = 5").scalar()
        new = "deadbeef" * 4
        connection.exec_driver_sql(f"UPDATE flowstone_audit_log SET id = '{new}' WHERE seq = 5")
        connection.commit()
    with told.engine.connect() as connection:
        connection.exec_driver_sql(
            "ALTER TABLE flowstone_audit_log DISABLE TRIGGER flowstone_audit_log_update; CREATE SCHEMA evil;"
            " CREATE FUNCTION evil.uuid_send(uuid) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT"
            f" pg_catalog.uuid_send(CASE $1 WHEN '{new}'::uuid THEN '{old}'::uuid ELSE $1 END) $$;"
            " CREATE VIEW evil.pg_trigger AS SELECT oid, tgrelid, tgname, tgfoid, tgtype, 'A'::\"char\" AS tgenabled,"
            " tgisinternal, tgattr, tgqual, tgnargs FROM pg_catalog.pg_trigger;"
            f" ALTER DATABASE {name} SET search_path = evil, pg_catalog, public"
        )
        connection.commit()
    told.engine.dispose()
    report = told.verify()
    assert {("modified", 5), ("guards missing", None)} == {(one.kind, one.seq) for one in report.alarms}
    with told.engine.connect() as connection:
        assert ["flowstone_audit_log_update"] == guards.missing(connection)
        assert "evil, pg_catalog, public" == connection.exec_driver_sql("SHOW search_path").scalar()


def test_a_moment_far_away_is_held_exactly(told: Story) -> None:
    """A microsecond more is named also where a float has no room for it."""
    far = 200_000_000_000_000_000  # in the year 8307
    from plugins.audit.tests.verify.story import row

    told.write(row(occurred_at=far))
    told.seal()
    clean(told)
    with told.attacking() as connection:
        connection.execute(
            text(
                "UPDATE flowstone_audit_log SET occurred_at = occurred_at + interval '1 microsecond' WHERE seq = 33"
            )
        )
        connection.commit()
    assert {33} == {one.seq for one in told.verify().alarms}


def test_a_schema_that_the_url_names(told: Story, postgres: Server) -> None:
    """A log in a schema of its own is verified, also under a name that has to be quoted."""
    url = postgres.database()
    for schema in ("audit", "Odd%name"):
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text(f'CREATE SCHEMA "{schema}"'))
        named = make_url(url).update_query_dict({"options": f'-csearch_path="{schema}"'})
        own = create_engine(named, poolclass=NullPool)
        migrating.upgrade(own)
        story = begun(named.render_as_string(hide_password=False))
        story.fill(3, 2)
        assert ([], PROVEN) == (story.verify().findings, story.verify().code)
        story.engine.dispose()
