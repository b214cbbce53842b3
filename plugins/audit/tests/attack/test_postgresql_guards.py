from __future__ import annotations

import pytest

from flowstone_audit import guards, guards_postgresql
from flowstone_audit.finding import Finding
from plugins.audit.tests.attack.conftest import Cluster

_TABLES = guards_postgresql.TABLES
_FUNCTIONS = ("refuse", "stamp", "follow", "grow", "erase", "prune")
_TRIGGERS = [
    (table, f"{table}_{verb}")
    for table in _TABLES
    for verb in ("insert", "update", "delete", "truncate")
    if (table, verb) not in {("flowstone_audit_meta", "insert"), ("flowstone_audit_erasure", "insert")}
]
_BODY = "RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"


def _found(cluster: Cluster, script: str, user: str = "audit_owner") -> list[Finding]:
    with cluster.engine(user).connect() as connection:
        assert guards.findings(connection) == []
        connection.exec_driver_sql(script)
        connection.commit()
    with cluster.engine("audit_reader").connect() as connection:
        assert guards.missing(connection) == sorted({finding.name for finding in guards.findings(connection)})
        return guards.findings(connection)


@pytest.mark.parametrize(("table", "trigger"), _TRIGGERS)
def test_a_guard_that_is_off_is_found(cluster: Cluster, table: str, trigger: str) -> None:
    """A guard that was dropped, switched off, or switched to a mode that a replica escapes, is named."""
    for script, what in (
        (f"ALTER TABLE {table} DISABLE TRIGGER {trigger}", "disabled"),
        (f"ALTER TABLE {table} ENABLE TRIGGER {trigger}", "disabled"),
        (f"ALTER TABLE {table} ENABLE REPLICA TRIGGER {trigger}", "disabled"),
        (f"DROP TRIGGER {trigger} ON {table}", "absent"),
    ):
        with cluster.engine("audit_owner").connect() as connection:
            connection.exec_driver_sql(script)
            assert [(trigger, what)] == guards.findings(connection)
            connection.rollback()
            assert [] == guards.findings(connection)


@pytest.mark.parametrize("mode", ["ALL", "USER"])
def test_all_guards_off_are_found(cluster: Cluster, mode: str) -> None:
    """Switching all triggers off names all of the table."""
    expected = sorted(trigger for table, trigger in _TRIGGERS if table == "flowstone_audit_log")
    user = "owner" if mode == "ALL" else "audit_owner"
    found = _found(cluster, f"ALTER TABLE flowstone_audit_log DISABLE TRIGGER {mode}", user)
    assert [Finding(name, "disabled") for name in expected] == found


@pytest.mark.parametrize(
    "create",
    [
        (
            "CREATE TRIGGER flowstone_audit_log_update BEFORE UPDATE ON flowstone_audit_log"
            " FOR EACH ROW WHEN (false) EXECUTE FUNCTION flowstone_audit_erase()"
        ),
        (
            "CREATE TRIGGER flowstone_audit_log_update BEFORE UPDATE OF action ON flowstone_audit_log"
            " FOR EACH ROW EXECUTE FUNCTION flowstone_audit_erase()"
        ),
        (
            "CREATE TRIGGER flowstone_audit_log_update BEFORE UPDATE ON flowstone_audit_log"
            " FOR EACH STATEMENT EXECUTE FUNCTION flowstone_audit_erase()"
        ),
        (
            "CREATE TRIGGER flowstone_audit_log_update AFTER UPDATE ON flowstone_audit_log"
            " FOR EACH ROW EXECUTE FUNCTION flowstone_audit_erase()"
        ),
        (
            f"CREATE FUNCTION nothing() {_BODY}; CREATE TRIGGER flowstone_audit_log_update BEFORE UPDATE"
            " ON flowstone_audit_log FOR EACH ROW EXECUTE FUNCTION nothing()"
        ),
        (
            f"CREATE SCHEMA other; CREATE FUNCTION other.flowstone_audit_erase() {_BODY};"
            " CREATE TRIGGER flowstone_audit_log_update BEFORE UPDATE"
            " ON flowstone_audit_log FOR EACH ROW EXECUTE FUNCTION other.flowstone_audit_erase()"
        ),
    ],
)
def test_a_guard_of_another_kind_is_found(cluster: Cluster, create: str) -> None:
    """A guard of the same name that looks away is named."""
    drop = "DROP TRIGGER flowstone_audit_log_update ON flowstone_audit_log"
    always = "ALTER TABLE flowstone_audit_log ENABLE ALWAYS TRIGGER flowstone_audit_log_update"
    cluster.server.sql(f"GRANT CREATE ON DATABASE {cluster.name} TO audit_owner")
    assert [("flowstone_audit_log_update", "altered")] == _found(cluster, f"{drop}; {create}; {always}")


@pytest.mark.parametrize("name", _FUNCTIONS)
def test_a_changed_function_is_found(cluster: Cluster, name: str) -> None:
    """A function with another body, setting, right or owner is named."""
    full = f"flowstone_audit_{name}"
    for script in (
        f"CREATE OR REPLACE FUNCTION {full}() {_BODY}",
        f"ALTER FUNCTION {full}() SET search_path = public",
        f"ALTER FUNCTION {full}() SECURITY DEFINER",
        f"ALTER FUNCTION {full}() OWNER TO audit_writer",
    ):
        with cluster.engine("owner").connect() as connection:
            connection.exec_driver_sql(script)
            assert [Finding(full, "altered")] == guards.findings(connection)
            connection.rollback()


def test_a_dropped_function_is_found(cluster: Cluster) -> None:
    """A function that was dropped is named, with the triggers that went with it."""
    found = _found(cluster, "DROP FUNCTION flowstone_audit_prune() CASCADE")
    assert [("flowstone_audit_log_delete", "absent"), ("flowstone_audit_prune", "absent")] == found


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "ALTER TABLE flowstone_audit_log DROP CONSTRAINT flowstone_audit_log_id_key",
            "flowstone_audit_log_id_key",
        ),
        (
            "ALTER TABLE flowstone_audit_seal DROP CONSTRAINT flowstone_audit_seal_pkey",
            "flowstone_audit_seal_pkey",
        ),
        (
            (
                "ALTER TABLE flowstone_audit_floor DROP CONSTRAINT flowstone_audit_floor_retain_days_check;"
                " ALTER TABLE flowstone_audit_floor ADD CONSTRAINT flowstone_audit_floor_retain_days_check"
                " CHECK (retain_days > 0) NOT VALID"
            ),
            "flowstone_audit_floor_retain_days_check",
        ),
        (
            "ALTER TABLE flowstone_audit_log ADD CONSTRAINT few CHECK (actor_id <> 'mallory') NOT VALID",
            "few",
        ),
        (
            "ALTER TABLE flowstone_audit_log ADD CONSTRAINT flowstone_audit_floor_pkey CHECK (actor_id <> 'mallory')",
            "flowstone_audit_floor_pkey",
        ),
        (
            (
                "ALTER TABLE flowstone_audit_log DROP CONSTRAINT flowstone_audit_log_outcome_check;"
                " ALTER TABLE flowstone_audit_log ADD CONSTRAINT flowstone_audit_log_outcome_check CHECK"
                " (outcome IN ('started', 'success', 'failure', 'denied') AND actor_id <> outcome)"
            ),
            "flowstone_audit_log_outcome_check",
        ),
        (
            (
                "ALTER TABLE flowstone_audit_log DROP CONSTRAINT flowstone_audit_log_outcome_check;"
                " ALTER TABLE flowstone_audit_log ADD CONSTRAINT flowstone_audit_log_outcome_check CHECK"
                " (outcome IN ('started', 'success', 'failure'))"
            ),
            "flowstone_audit_log_outcome_check",
        ),
        (
            (
                "CREATE FUNCTION g(flowstone_audit_log) RETURNS bool LANGUAGE sql IMMUTABLE"
                " AS $$SELECT $1.actor_id <> concat('mall', 'ory')$$;"
                " ALTER TABLE flowstone_audit_log DROP CONSTRAINT flowstone_audit_log_actor_type_check;"
                " ALTER TABLE flowstone_audit_log ADD CONSTRAINT flowstone_audit_log_actor_type_check"
                " CHECK (actor_type IN ('system', 'user', 'api') AND g(flowstone_audit_log))"
            ),
            "flowstone_audit_log_actor_type_check",
        ),
        (
            (
                "ALTER TABLE flowstone_audit_log DROP CONSTRAINT flowstone_audit_log_seq_check;"
                " ALTER TABLE flowstone_audit_log ADD CONSTRAINT flowstone_audit_log_seq_check CHECK (seq <> 0)"
            ),
            "flowstone_audit_log_seq_check",
        ),
        (
            (
                "ALTER TABLE flowstone_audit_log DROP CONSTRAINT flowstone_audit_log_id_key;"
                " ALTER TABLE flowstone_audit_log ADD CONSTRAINT flowstone_audit_log_id_key UNIQUE (actor_id, seq)"
            ),
            "flowstone_audit_log_id_key",
        ),
        *(
            (f"DROP INDEX {name}; CREATE {index}", name)
            for name, index in (
                (
                    "flowstone_audit_log_event",
                    "UNIQUE INDEX flowstone_audit_log_event ON flowstone_audit_log (event_type, seq)",
                ),
                (
                    "flowstone_audit_log_run",
                    "INDEX flowstone_audit_log_run ON flowstone_audit_log ((1 / length(run_id))) WHERE run_id IS NOT NULL",
                ),
                (
                    "flowstone_audit_log_run",
                    "INDEX flowstone_audit_log_run ON flowstone_audit_log (run_id) WHERE 1 / length(actor_id) > 0",
                ),
                (
                    "flowstone_audit_log_run",
                    "INDEX flowstone_audit_log_run ON flowstone_audit_log (trace_id) WHERE run_id IS NOT NULL",
                ),
            )
        ),
        ("ALTER TABLE flowstone_audit_log ADD CONSTRAINT once UNIQUE (actor_id, seq)", "once"),
        ("ALTER TABLE flowstone_audit_log ADD CONSTRAINT far EXCLUDE (ordinal WITH =)", "far"),
        ("CREATE UNIQUE INDEX sole ON flowstone_audit_log (actor_id, seq)", "sole"),
        (
            "CREATE INDEX picky ON flowstone_audit_log ((1 / CASE actor_id WHEN 'mallory' THEN 0 ELSE 1 END))",
            "picky",
        ),
        ("CREATE POLICY hidden ON flowstone_audit_log USING (actor_id <> 'mallory')", "hidden"),
        ("CREATE RULE mute AS ON INSERT TO flowstone_audit_log DO INSTEAD NOTHING", "mute"),
        ("ALTER TABLE flowstone_audit_log ENABLE ROW LEVEL SECURITY", "flowstone_audit_log"),
        ("ALTER TABLE flowstone_audit_log SET UNLOGGED", "flowstone_audit_log"),
        ("CREATE TABLE child () INHERITS (flowstone_audit_log)", "flowstone_audit_log"),
        (
            "ALTER TABLE flowstone_audit_log ALTER COLUMN details TYPE json USING details::json",
            "flowstone_audit_log.details",
        ),
        (
            "ALTER TABLE flowstone_audit_log ALTER COLUMN actor_id DROP NOT NULL",
            "flowstone_audit_log.actor_id",
        ),
        ("ALTER TABLE flowstone_audit_log ALTER COLUMN action SET DEFAULT 'x'", "flowstone_audit_log.action"),
        (
            "ALTER TABLE flowstone_audit_log ADD COLUMN updated_at timestamptz",
            "flowstone_audit_log.updated_at",
        ),
        ("ALTER SEQUENCE flowstone_audit_log_seq INCREMENT BY 2", "flowstone_audit_log_seq"),
        ("ALTER SEQUENCE flowstone_audit_log_seq CYCLE", "flowstone_audit_log_seq"),
        ("SELECT setval('flowstone_audit_log_seq', 1)", "flowstone_audit_log_seq"),
        (
            (
                f"CREATE FUNCTION mute() {_BODY.replace('NEW', 'NULL')}; CREATE TRIGGER z_mute BEFORE INSERT"
                " ON flowstone_audit_log FOR EACH ROW EXECUTE FUNCTION mute()"
            ),
            "z_mute",
        ),
    ],
)
def test_what_weakens_the_tables_is_found(cluster: Cluster, script: str, expected: str) -> None:
    """Lost constraints, other columns, and whatever could swallow or hide entries, are named."""
    cluster.server.sql("GRANT CREATE ON SCHEMA public TO audit_owner", cluster.name)
    assert expected in {finding.name for finding in _found(cluster, script)}


@pytest.mark.parametrize("table", _TABLES)
def test_a_table_that_is_gone_is_found(cluster: Cluster, table: str) -> None:
    """A table that was dropped, renamed, moved, or replaced by a view, is named."""
    for script in (
        f"DROP TABLE {table} CASCADE",
        f"ALTER TABLE {table} RENAME TO hidden",
        f"CREATE SCHEMA other; ALTER TABLE {table} SET SCHEMA other",
        f"ALTER TABLE {table} RENAME TO hidden; CREATE VIEW {table} AS SELECT * FROM hidden",
    ):
        with cluster.engine("owner").connect() as connection:
            connection.exec_driver_sql(script)
            assert table in guards.missing(connection)
            connection.rollback()


def test_a_trigger_after_the_fact_is_found(cluster: Cluster) -> None:
    """A trigger AFTER INSERT is named: it can raise for entries that it chooses."""
    told = "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_notify('a', 'b'); RETURN NULL; END$$"
    listen = "CREATE TRIGGER tell AFTER INSERT ON flowstone_audit_log FOR EACH ROW EXECUTE FUNCTION tell()"
    assert [Finding("tell", "unknown")] == _found(cluster, f"{told}; {listen}", "owner")
