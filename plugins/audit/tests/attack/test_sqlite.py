from __future__ import annotations

import re

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from flowstone_audit import guards, insert
from plugins.audit.tests.attack import statements
from plugins.audit.tests.attack.scene import IDS, picture, row

_REFUSED = {
    **{f"edit, {name}": text for name, text in statements.edits("sqlite").items()},
    **{f"update, {name}": text for name, text in statements.updates("sqlite").items()},
    **{f"delete, {name}": text for name, text in statements.deletions("sqlite").items()},
    **{f"insert, {name}": text for name, text in statements.insertions("sqlite").items()},
    **statements.others("sqlite"),
}
_REFUSALS = "flowstone audit|constraint failed|datatype mismatch|no column named rowid|after drop column"
_MALFORMED = statements.malformed("sqlite")

_VERBS = ("INSERT OR REPLACE", "INSERT OR IGNORE", "INSERT OR FAIL", "INSERT OR ROLLBACK", "REPLACE")
_PRAGMAS = ("", "PRAGMA recursive_triggers = ON", "PRAGMA ignore_check_constraints = ON")


@pytest.mark.parametrize("name", _REFUSED)
def test_no_statement_changes_anything(shared_lite: Engine, name: str) -> None:
    """Whoever holds the file changes nothing by UPDATE, DELETE, forged or repeated INSERT, whatever the pragmas."""
    attack(shared_lite, [_REFUSED[name]])


@pytest.mark.parametrize("verb", _VERBS)
@pytest.mark.parametrize("name", [name for name, text in _REFUSED.items() if text.startswith("INSERT")])
def test_no_conflict_clause_helps(shared_lite: Engine, name: str, verb: str) -> None:
    """A conflict clause such as OR REPLACE changes nothing either."""
    attack(shared_lite, [_REFUSED[name].partition(" ON CONFLICT")[0].replace("INSERT", verb, 1)])


@pytest.mark.parametrize("name", _MALFORMED)
def test_no_entry_is_malformed(shared_lite: Engine, name: str) -> None:
    """An entry without a sound id, hash, actor type or outcome is refused."""
    attack(shared_lite, [_MALFORMED[name]], pragmas=("",))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE OR REPLACE flowstone_audit_log SET id = x'01010101010101010101010101010101' WHERE seq = 2",
        "UPDATE flowstone_audit_log SET rowid = 77 WHERE seq = 2",
        "UPDATE OR REPLACE flowstone_audit_log SET _rowid_ = 1 WHERE seq = 2",
        "REPLACE INTO flowstone_audit_log SELECT * FROM flowstone_audit_log",
        "REPLACE INTO flowstone_audit_meta VALUES ('log_id', 'x')",
        "INSERT INTO flowstone_audit_meta VALUES ('log_id', 'x') ON CONFLICT (key) DO UPDATE SET value = 'x'",
        "REPLACE INTO flowstone_audit_meta (rowid, key, value) VALUES (1, 'other', 'x')",
        (
            "REPLACE INTO flowstone_audit_erasure (rowid, entry_id, request, requested_by, erased_at)"
            " VALUES (1, x'02020202020202020202020202020202', 'r', 'b', 1)"
        ),
        "REPLACE INTO flowstone_audit_seal SELECT * FROM flowstone_audit_seal",
        "REPLACE INTO flowstone_audit_floor VALUES (2, 1, NULL, 1)",
        "ALTER TABLE flowstone_audit_log DROP COLUMN action",
        "REPLACE INTO flowstone_audit_erasure VALUES (x'01010101010101010101010101010101', 'r', 'b', 1)",
    ],
)
def test_no_back_way_helps(shared_lite: Engine, statement: str) -> None:
    """Neither rowids nor REPLACE reach a row of another key, and no column can be dropped below a guard."""
    attack(shared_lite, [statement])


def test_a_known_id_is_ignored(lite: Engine) -> None:
    """An entry whose id is known is a no-op for its row, and the others of the statement are written."""
    with lite.connect() as connection, connection.begin():
        assert insert.rows(connection, [row(IDS[0], actor_id="eve"), row()]) == 1
        found = connection.exec_driver_sql("SELECT seq, actor_id FROM flowstone_audit_log ORDER BY seq").all()
    assert [(1, "ann"), (2, "ann"), (3, "ann"), (4, "ann")] == [tuple(each) for each in found]


@pytest.mark.parametrize("seconds", [-3600, -11, 11, 3600])
def test_the_clock_bounds_inserted_at(shared_lite: Engine, seconds: int) -> None:
    """An entry cannot be dated further than ten seconds from the database's clock."""
    statement = statements.insertions("sqlite")["seq minus one"].replace(", seq)", ")").replace(", -1)", ")")
    attack(shared_lite, [statement.replace("2440587.5)", f"2440587.5 + {seconds} / 86400.0)")])


def test_a_moment_of_the_clock_is_taken(lite: Engine) -> None:
    """The same statement with the clock's own time is taken, so the test above fails for the right reason."""
    statement = statements.insertions("sqlite")["seq minus one"].replace(", seq)", ")").replace(", -1)", ")")
    with lite.connect() as connection, connection.begin():
        assert connection.exec_driver_sql(statement).rowcount == 1


def attack(engine: Engine, script: list[str], pragmas: tuple[str, ...] = _PRAGMAS) -> None:
    with engine.connect() as connection:
        before = picture(connection)
    for pragma in pragmas:
        raised = None
        with engine.connect() as connection:
            try:
                for statement in filter(None, [pragma, *script]):
                    connection.exec_driver_sql(statement)
                connection.commit()
            except DBAPIError as error:
                raised = str(error.orig)
                connection.rollback()
        assert raised is None or re.search(_REFUSALS, raised), raised
        with engine.connect() as connection:
            assert before == picture(connection), pragma
            assert guards.findings(connection) == []
