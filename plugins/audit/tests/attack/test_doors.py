from __future__ import annotations

import time

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from flowstone_audit import guards, insert
from flowstone_audit.row import PRIVATE
from plugins.audit.tests.attack.conftest import Cluster
from plugins.audit.tests.attack.scene import NEW, blob, row

_ERASE = "UPDATE flowstone_audit_log SET client_ip = NULL, user_agent = NULL, private = NULL, nonce = NULL WHERE seq = 1"
_DAY_S = 86_400


@pytest.fixture(params=["sqlite", "postgresql"])
def eraser(request: pytest.FixtureRequest) -> Engine:
    """An engine of who may erase, on a log of one's own."""
    if request.param == "sqlite":
        lite: Engine = request.getfixturevalue("lite")
        return lite
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.engine("audit_eraser")


def test_what_is_listed_may_be_erased(eraser: Engine) -> None:
    """The private columns of an entry that is listed go, at once and for good, and nothing else of it."""
    with eraser.connect() as connection, connection.begin():
        before = (
            connection.exec_driver_sql("SELECT * FROM flowstone_audit_log WHERE seq = 1").mappings().one()
        )
        assert connection.exec_driver_sql(_ERASE).rowcount == 1
        after = connection.exec_driver_sql("SELECT * FROM flowstone_audit_log WHERE seq = 1").mappings().one()
    assert {**before, **dict.fromkeys(PRIVATE)} == dict(after)
    assert before["private"] is not None


def test_whoever_erases_leaves_an_entry(eraser: Engine) -> None:
    """Who may erase may write entries too, so that erasure and its entry are one transaction."""
    with eraser.connect() as connection, connection.begin():
        connection.exec_driver_sql(_ERASE)
        assert insert.rows(connection, [row(event_type="audit.erased")]) == 1


@pytest.mark.parametrize(
    ("age", "floor", "days", "archived", "deleted"),
    [
        (31, 10, 30, True, True),
        (31, 10, 30, False, False),
        (29, 10, 30, True, False),
        (31, 3, 30, True, False),
        (31, 10, 32, True, False),
    ],
)
def test_what_is_archived_and_old_may_be_deleted(
    request: pytest.FixtureRequest,
    eraser: Engine,
    age: int,
    floor: int,
    days: int,
    archived: bool,
    deleted: bool,
) -> None:
    """An entry may be deleted when it is archived, below the floor and older than what must be retained."""
    owner = eraser
    if eraser.dialect.name == "postgresql":
        owner = request.getfixturevalue("cluster").engine("audit_owner")
    with owner.connect() as connection, connection.begin():
        _old_entry(connection, age)
    with eraser.connect() as connection:
        assert [] == guards.findings(connection)
        digest = blob(eraser.dialect.name, 32) if archived else "NULL"
        now = "now()" if eraser.dialect.name == "postgresql" else str(time.time_ns() // 1000)
        connection.exec_driver_sql(
            f"INSERT INTO flowstone_audit_floor VALUES ({floor}, {days}, {digest}, {now})"
        )
        connection.commit()
        delete = "DELETE FROM flowstone_audit_log WHERE seq = 4"
        if deleted:
            assert 1 == connection.exec_driver_sql(delete).rowcount
        else:
            with pytest.raises(DBAPIError, match="flowstone audit"):
                connection.exec_driver_sql(delete)


def _old_entry(connection: Connection, days: int) -> None:
    """Write entry 4 as if it had been written days ago: its guard is taken away for a moment."""
    assert insert.rows(connection, [row(NEW)]) == 1
    name, then = "flowstone_audit_log_update", time.time() - days * _DAY_S
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ALTER TABLE flowstone_audit_log DISABLE TRIGGER {name}")
        connection.exec_driver_sql(
            f"UPDATE flowstone_audit_log SET inserted_at = to_timestamp({then}) WHERE seq = 4"
        )
        connection.exec_driver_sql(f"ALTER TABLE flowstone_audit_log ENABLE ALWAYS TRIGGER {name}")
        return
    sql = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE name = '{name}'").scalar_one()
    connection.exec_driver_sql(f"DROP TRIGGER {name}")
    connection.exec_driver_sql(
        f"UPDATE flowstone_audit_log SET inserted_at = {int(then * 1e6)} WHERE seq = 4"
    )
    connection.exec_driver_sql(sql)
