from __future__ import annotations

import re

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from flowstone_audit import guards, insert
from plugins.audit.tests.attack import statements
from plugins.audit.tests.attack.conftest import Cluster
from plugins.audit.tests.attack.scene import IDS, NEW, id_of, picture, row

_USERS = ("audit_writer", "audit_reader", "audit_eraser", "audit_owner", "owner")
"""The last one is a superuser, with session_replication_role = replica, which switches ordinary triggers off."""

_TABLES = ("log", "seal", "meta", "erasure", "floor")
_COLUMNS = "(v, id, event_type, actor_id, actor_type, details, writer, ordinal, occurred_at, row_hash, seq)"
_REFUSED = {
    **{f"edit, {name}": text for name, text in statements.edits("postgresql").items()},
    **{f"update, {name}": text for name, text in statements.updates("postgresql").items()},
    **{f"delete, {name}": text for name, text in statements.deletions("postgresql").items()},
    **{f"insert, {name}": text for name, text in statements.insertions("postgresql").items()},
    **{f"malformed, {name}": text for name, text in statements.malformed("postgresql").items()},
    **statements.others("postgresql"),
    "meta: upsert": "INSERT INTO flowstone_audit_meta VALUES ('log_id', 'x') ON CONFLICT (key) DO UPDATE SET value = 'x'",
    **{f"{table}: truncate": f"TRUNCATE flowstone_audit_{table}" for table in _TABLES},
    "truncate all": "TRUNCATE " + ", ".join(f"flowstone_audit_{table}" for table in _TABLES) + " CASCADE",
    "truncate and restart": "TRUNCATE flowstone_audit_log RESTART IDENTITY",
    "merge": "MERGE INTO flowstone_audit_log l USING (SELECT 2 AS n) s ON l.seq = s.n"
    " WHEN MATCHED THEN UPDATE SET actor_id = 'eve'",
    "merge into nothing": "MERGE INTO flowstone_audit_log l USING (SELECT 2 AS n) s ON l.seq = s.n"
    " WHEN MATCHED THEN DELETE",
    "through a view": "CREATE TEMP VIEW v AS SELECT * FROM flowstone_audit_log; UPDATE v SET actor_id = 'eve'",
    "through a function": "DO $$ BEGIN DELETE FROM flowstone_audit_log; END $$",
    "in a common table expression": "WITH gone AS (DELETE FROM flowstone_audit_log RETURNING *) SELECT * FROM gone",
    "current row": "BEGIN; DECLARE c CURSOR FOR SELECT * FROM flowstone_audit_log FOR UPDATE; FETCH c;"
    " UPDATE flowstone_audit_log SET actor_id = 'eve' WHERE CURRENT OF c; COMMIT",
}

_NOT_THEIRS = {
    "drop": "DROP TABLE flowstone_audit_log",
    "drop a guard": "DROP TRIGGER flowstone_audit_log_update ON flowstone_audit_log",
    "disable a guard": "ALTER TABLE flowstone_audit_log DISABLE TRIGGER flowstone_audit_log_update",
    "disable all": "ALTER TABLE flowstone_audit_log DISABLE TRIGGER ALL",
    "replace a function": "CREATE OR REPLACE FUNCTION public.flowstone_audit_refuse() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN NEW; END'",
    "a guard of one's own": "CREATE TRIGGER z BEFORE INSERT ON flowstone_audit_log"
    " FOR EACH ROW EXECUTE FUNCTION flowstone_audit_refuse()",
    "a rule": "CREATE RULE mute AS ON INSERT TO flowstone_audit_log DO INSTEAD NOTHING",
    "a child": "CREATE TEMP TABLE child () INHERITS (flowstone_audit_log)",
    "rename": "ALTER TABLE flowstone_audit_log RENAME TO hidden",
    "rewrite": "ALTER TABLE flowstone_audit_log ALTER COLUMN actor_id TYPE text USING 'eve'",
    "grant": "SET client_min_messages = error; GRANT ALL ON flowstone_audit_log TO CURRENT_USER;"
    " UPDATE flowstone_audit_log SET actor_id = 'eve'",
    "another's name": "SET ROLE audit_owner",
    "another's session": "SET SESSION AUTHORIZATION audit_owner",
    "replica": "SET session_replication_role = replica",
    "move the sequence": "SELECT setval('flowstone_audit_log_seq', 1000)",
    "change the sequence": "ALTER SEQUENCE flowstone_audit_log_seq INCREMENT BY -1",
    "large object": "SELECT lo_import('/etc/hostname')",
    "the catalogue": "DELETE FROM pg_trigger",
}


@pytest.mark.parametrize("name", _REFUSED)
def test_no_statement_changes_anything(shared: Cluster, name: str) -> None:
    """Nobody changes anything: not writer, reader, eraser or owner, nor a superuser in the role of a replica."""
    for user in _USERS:
        attack(shared, user, _REFUSED[name])
    guarded(shared)


@pytest.mark.parametrize("name", _NOT_THEIRS)
def test_nobody_else_touches_the_guards(shared: Cluster, name: str) -> None:
    """Writer, reader and eraser cannot take a guard away, go round it, or become the owner."""
    for user in _USERS[:3]:
        attack(shared, user, _NOT_THEIRS[name], must_raise=True)
    guarded(shared)


@pytest.mark.parametrize("user", _USERS)
def test_copy_brings_no_number(shared: Cluster, user: str) -> None:
    """COPY cannot give seq either."""
    url = shared.server.url(shared.name, user).replace("+psycopg", "")
    entry = [1, NEW.hex(), "a", "b", "user", "{}", "w", 1, "2020-01-01", bytes(32), 99]
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):  # noqa: SIM117
        with connection.cursor().copy(f"COPY flowstone_audit_log {_COLUMNS} FROM STDIN") as copy:
            copy.write_row(entry)


@pytest.mark.parametrize("user", ["audit_writer", "audit_eraser", "audit_owner"])
def test_a_known_id_is_ignored(cluster: Cluster, user: str) -> None:
    """An entry whose id is known is a no-op for its row, and the others of the statement are written."""
    engine = cluster.engine(user)
    with engine.connect() as connection, connection.begin():
        assert insert.rows(connection, [row(IDS[0], actor_id="eve"), row()]) == 1
        found = connection.exec_driver_sql("SELECT id, actor_id FROM flowstone_audit_log ORDER BY seq").all()
    assert [*((id.hex(), "ann") for id in IDS), (NEW.hex(), "ann")] == [
        (id.hex, actor) for id, actor in found
    ]


@pytest.mark.parametrize(
    "shadow",
    [
        "CREATE TEMP SEQUENCE flowstone_audit_log_seq START 1000",
        "CREATE SCHEMA evil; CREATE SEQUENCE evil.flowstone_audit_log_seq START 1000; SET search_path = evil, public",
        (
            "CREATE SCHEMA evil; CREATE FUNCTION evil.nextval(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT 1000::bigint';"
            " CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
            " $$SELECT '2020-01-01'::timestamptz$$; SET search_path = evil, pg_catalog, public"
        ),
    ],
)
def test_no_shadow_gives_numbers_or_dates(cluster: Cluster, shadow: str) -> None:
    """A sequence or function of the same name, in front on the writer's search_path, is not used."""
    cluster.server.sql(f"GRANT CREATE ON DATABASE {cluster.name} TO audit_writer")
    with cluster.engine("audit_writer").connect() as connection, connection.begin():
        connection.exec_driver_sql(shadow)
        insert.rows(connection, [row()])
        assert (4, True) == tuple(
            connection.exec_driver_sql(
                "SELECT seq, inserted_at > now() - interval '1 hour' FROM flowstone_audit_log ORDER BY seq DESC LIMIT 1"
            ).one()
        )


@pytest.mark.parametrize(
    "shadow",
    [
        f"CREATE TEMP TABLE flowstone_audit_erasure AS SELECT {id_of('postgresql', IDS[1])}::uuid AS entry_id",
        (
            "CREATE SCHEMA evil; CREATE TABLE evil.flowstone_audit_erasure AS"
            f" SELECT {id_of('postgresql', IDS[1])}::uuid AS entry_id; SET search_path = evil, public"
        ),
        (
            "CREATE SCHEMA evil; CREATE FUNCTION evil.yes(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
            " CREATE OPERATOR evil.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = evil.yes);"
            " CREATE FUNCTION evil.yes(record, record) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';"
            " CREATE OPERATOR evil.*= (LEFTARG = record, RIGHTARG = record, FUNCTION = evil.yes);"
            " SET search_path = evil, pg_catalog, public"
        ),
        "CREATE TEMP TABLE flowstone_audit_floor AS SELECT 1000 AS through_seq, 0 AS retain_days, '\\x00' AS archive_digest",
    ],
)
def test_no_shadow_opens_a_door(cluster: Cluster, shadow: str) -> None:
    """A table or operator of the same name, in front on the eraser's search_path, opens neither door."""
    cluster.server.sql(f"GRANT CREATE ON DATABASE {cluster.name} TO audit_eraser")
    attack(
        cluster,
        "audit_eraser",
        f"{shadow}; {statements.updates('postgresql')['erase without permission']}",
        True,
    )
    attack(cluster, "audit_eraser", f"{shadow}; DELETE FROM public.flowstone_audit_log", True)


def attack(cluster: Cluster, user: str, script: str, must_raise: bool = False) -> None:
    """Run *script* as *user* and show that nothing has changed."""
    admin = cluster.engine("owner")
    with admin.connect() as connection:
        before = picture(connection)
    raised = None
    with cluster.engine(user).connect() as connection:
        if user == "owner":
            connection.exec_driver_sql("SET session_replication_role = replica")
        try:
            connection.exec_driver_sql(script)
            connection.commit()
        except DBAPIError as error:
            raised = str(error.orig)
            connection.rollback()
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("DISCARD ALL")
    with admin.connect() as connection:
        assert before == picture(connection), user
    assert raised is not None or not must_raise, user
    assert raised is None or re.search(_REFUSALS, raised), f"{user}: {raised}"


def guarded(cluster: Cluster) -> None:
    with cluster.engine("owner").connect() as connection:
        assert guards.findings(connection) == []


_REFUSALS = (
    "flowstone audit|permission denied|must be (owner|superuser)|violates|no unique or exclusion"
    '|near "MERGE"|must be able to SET ROLE|does not exist for role|cannot set parameter|invalid input syntax for type uuid'
)
