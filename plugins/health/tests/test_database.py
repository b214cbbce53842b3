from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError

from flowstone_health.checks.database import Database


def test_a_file_that_goes_away_and_comes_back_is_noticed(tmp_path: Path) -> None:
    """SQLite makes an empty file where one is missing; the check neither does so nor is deceived."""
    file, aside = tmp_path / "orders.db", tmp_path / "aside"
    sqlite3.connect(file).execute("CREATE TABLE orders (id)").connection.close()
    check = Database(f"sqlite:///{file}")
    assert "healthy" == check.look().status
    file.rename(aside)
    assert "unhealthy" == check.look().status
    assert not file.exists()
    aside.rename(file)
    assert "healthy" == check.look().status


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    """What cannot be read raises, which means unhealthy."""
    file = tmp_path / "orders.db"
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(DatabaseError):
        Database(f"sqlite:///{file}").look()
