"""PostgreSQL's search_path of whoever verifies: what stands in a schema of somebody else's is not asked.

Whoever owns the database gives each session its search_path, and with it tables, functions and operators of
their own in the place of PostgreSQL's, which show a table as it should be. So the schema of our tables is
looked up once, by names that are written out, and then nothing is found by its bare name but what is
PostgreSQL's own. Even behind ``pg_catalog`` a schema would be asked: an operator there that fits its
operands exactly comes before one that does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from re import compile as pattern
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:  # verifying needs no SQLAlchemy, and its helpers are to begin soon
    from sqlalchemy import Connection

_TABLES: Final = ("log", "seal", "meta", "erasure", "floor")
_FIRST: Final = ", ".join(f"pg_catalog.to_regclass('flowstone_audit_{name}')" for name in _TABLES)
FIND: Final = f"""
    SELECT n.oid, pg_catalog.quote_ident(n.nspname), pg_catalog.current_setting('search_path')
    FROM pg_catalog.pg_namespace n WHERE n.oid OPERATOR(pg_catalog.=) COALESCE(
        (SELECT c.relnamespace FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) COALESCE({_FIRST})),
        (SELECT c.oid FROM pg_catalog.pg_namespace c WHERE c.nspname OPERATOR(pg_catalog.=) pg_catalog.current_schema()))
"""  # noqa: S608  # constants
"""Asks for the schema of our tables by the session's own search_path: its oid and name, and that search_path."""

SET: Final = "SELECT pg_catalog.set_config('search_path', %s, false)"
PLAIN: Final = "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false)"
"""Has nothing found by its bare name but what is PostgreSQL's own."""

_NAME: Final = pattern(rf"'[^']*'|\bflowstone_audit_(?:{'|'.join(_TABLES)})\b")


class Schema(NamedTuple):
    """Where our tables are.

    Attributes:
        oid: Of the schema; 0 where there is none.
        path: A search_path with nothing behind PostgreSQL's own but that schema.
    """

    oid: int
    path: str


def beside(schema: str | None) -> str:
    """Return a search_path with nothing behind PostgreSQL's own but *schema*, a name as SQL writes it."""
    return ", ".join(filter(None, ("pg_catalog", schema, "pg_temp")))


@contextmanager
def only_ours(connection: Connection) -> Iterator[Schema]:
    """Have nothing but PostgreSQL's own and our tables on the search_path inside of the block."""
    found = connection.exec_driver_sql(FIND).one_or_none()
    if found is None:
        connection.exec_driver_sql(PLAIN)
        yield Schema(0, beside(None))
        return
    oid, name, before = found
    connection.exec_driver_sql(SET, (beside(name),))
    yield Schema(int(oid), beside(name))
    connection.exec_driver_sql(SET, (before,))  # not after an error: what undoes the rest undoes this too


@lru_cache(maxsize=64)
def placed(statement: str, schema: str) -> str:
    """Return a statement with *schema* written before the names of our tables, outside of its literals."""
    return _NAME.sub(lambda found: found[0] if found[0][0] == "'" else f"{schema}.{found[0]}", statement)
