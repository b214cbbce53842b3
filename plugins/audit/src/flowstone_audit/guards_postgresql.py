"""The guards in a PostgreSQL database, held against the statements of the revisions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, CursorResult
from sqlalchemy.engine import Dialect

from flowstone_audit import frozen
from flowstone_audit.finding import Finding
from flowstone_audit.guards_words import said
from flowstone_audit.search_path import PLAIN, Schema
from flowstone_audit.tables import metadata

TABLES: Final = tuple(f"flowstone_audit_{name}" for name in ("log", "seal", "meta", "erasure", "floor"))
_OURS: Final = f"SELECT oid FROM pg_class WHERE relnamespace = {{schema}} AND relname IN {TABLES}"  # noqa: S608  # constants
_KINDS: Final = {"PRIMARY KEY": "p", "UNIQUE": "u", "CHECK": "c"}
_BEFORE: Final = 2
_EVENTS: Final = {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}
_PINNED: Final = "search_path=pg_catalog, pg_temp"

_TRIGGER: Final = re.compile(
    r"CREATE TRIGGER (\w+) BEFORE (\w+) ON (\w+)\s+FOR EACH (ROW|STATEMENT) EXECUTE FUNCTION (\w+)\(\)"
)
_FUNCTION: Final = re.compile(
    r"CREATE FUNCTION (\w+)\(\) RETURNS trigger LANGUAGE plpgsql( SET [^$]+)? AS \$body\$(.*?)\$body\$",
    re.DOTALL,
)
_CONSTRAINT: Final = re.compile(
    r"CONSTRAINT (\w+) (PRIMARY KEY|UNIQUE|CHECK)(?: \((.*?)\)(?=,?$| CONSTRAINT))?"
)
_INDEX: Final = re.compile(r"CREATE INDEX (\w+) ON (\w+) (\(.+)", re.DOTALL)

_HAS_LOG: Final = """
    SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relnamespace OPERATOR(pg_catalog.=) {schema}::pg_catalog.oid
        AND c.relname OPERATOR(pg_catalog.=) 'flowstone_audit_log'
"""
_TABLES: Final = f"""
    SELECT relname, relkind = 'r' AND relpersistence = 'p' AND NOT relrowsecurity AND NOT EXISTS (
        SELECT FROM pg_inherits WHERE inhparent = c.oid OR inhrelid = c.oid) AS sound
    FROM pg_class c WHERE c.oid IN ({_OURS})
"""  # noqa: S608  # constants
_TRIGGERS: Final = f"""
    SELECT t.tgname, c.relname, t.tgtype, p.proname, t.tgenabled = 'A',
        t.tgqual IS NULL AND t.tgnargs = 0 AND cardinality(t.tgattr::int2[]) = 0 AND p.pronamespace = c.relnamespace
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal AND c.oid IN ({_OURS})
"""  # noqa: S608  # constants
_FUNCTIONS: Final = """
    SELECT p.proname, p.prosrc, array_to_string(p.proconfig, '|'), quote_ident(n.nspname),
        l.lanname = 'plpgsql' AND NOT p.prosecdef AND p.proowner = c.relowner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_proc p ON p.pronamespace = n.oid AND p.pronargs = 0 JOIN pg_language l ON l.oid = p.prolang
    WHERE c.relnamespace = {schema} AND c.relname = 'flowstone_audit_log' AND starts_with(p.proname, 'flowstone_audit_')
"""
_CONSTRAINTS: Final = f"""
    SELECT c.relname, k.conname, k.contype, k.convalidated, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype <> 'n' AND c.oid IN ({_OURS})
"""  # noqa: S608  # constants
_INDEXES: Final = f"""
    SELECT c.relname, t.relname, pg_get_indexdef(c.oid), i.indisunique OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.oid IN ({_OURS}) AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid)
"""  # noqa: S608  # constants
_COLUMNS: Final = f"""
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '' AND NOT a.attisdropped
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attnum > 0 AND c.oid IN ({_OURS})
"""  # noqa: S608  # constants
_SEQUENCE: Final = """
    SELECT s.seqincrement = 1 AND s.seqcache = 1 AND NOT s.seqcycle
        AND CASE WHEN has_sequence_privilege(s.seqrelid, 'SELECT') THEN coalesce(
            pg_sequence_last_value(s.seqrelid) >= {greatest}, true) ELSE true END
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
    WHERE c.relnamespace = {schema} AND c.relname = 'flowstone_audit_log_seq'
"""
_RULES: Final = f"""
    SELECT rulename FROM pg_rewrite WHERE ev_class IN ({_OURS})
    UNION ALL SELECT polname FROM pg_policy WHERE polrelid IN ({_OURS})
"""  # noqa: S608  # constants


class _Trigger(NamedTuple):
    """What a trigger does: on which table, when (bits of ``pg_trigger.tgtype``), by which function."""

    table: str
    kind: int
    function: str


class _Asked:
    """What is asked of one database, where nothing is found by its bare name but PostgreSQL's own."""

    def __init__(self, connection: Connection, schema: int, greatest: int) -> None:
        self._connection = connection
        self._given = {"schema": schema, "greatest": greatest}

    def __call__(self, statement: str) -> CursorResult[Any]:
        return self._connection.exec_driver_sql(statement.format(**self._given))


def findings(connection: Connection, schema: Schema) -> Iterator[Finding]:
    """Yield what differs from what the revisions make: all by what it does, not by its name alone.

    Args:
        connection: Inside of ``search_path.only_ours``.
        schema: What that yields.
    """
    found = connection.exec_driver_sql(_HAS_LOG.format(schema=schema.oid)).scalar()
    greatest = connection.exec_driver_sql("SELECT max(seq) FROM flowstone_audit_log").scalar() if found else 0
    connection.exec_driver_sql(PLAIN)
    ask = _Asked(connection, schema.oid, int(greatest or 0))
    tables = list(_tables(ask))
    yield from tables
    yield from _columns(ask, connection.dialect)
    yield from _triggers(ask)
    yield from _functions(ask)
    yield from _constraints(ask)
    yield from _indexes(ask)
    if Finding("flowstone_audit_log", "absent") not in tables:
        yield from _sequence(ask)
    for (rule,) in ask(_RULES):
        yield Finding(rule, "unknown")


def _tables(ask: _Asked) -> Iterator[Finding]:
    found = {str(row.relname): bool(row.sound) for row in ask(_TABLES)}
    for table in TABLES:
        if table not in found:
            yield Finding(table, "absent")
        elif not found[table]:
            yield Finding(table, "altered")


def _columns(ask: _Asked, dialect: Dialect) -> Iterator[Finding]:
    found = {(table, name): (kind, required, plain) for table, name, kind, required, plain in ask(_COLUMNS)}
    expected = {
        (table.name, column.name): (
            column.type.compile(dialect).lower(),
            not column.nullable,
            True,
        )
        for table in metadata.tables.values()
        for column in table.columns
    }
    for place, wanted in expected.items():
        if place not in found:
            yield Finding(".".join(place), "absent")
        elif found[place] != wanted:
            yield Finding(".".join(place), "altered")
    for place in found.keys() - expected.keys():
        yield Finding(".".join(place), "unknown")


def _sequence(ask: _Asked) -> Iterator[Finding]:
    sound = ask(_SEQUENCE).scalar()
    if sound is None:
        yield Finding("flowstone_audit_log_seq", "absent")
    elif not sound:
        yield Finding("flowstone_audit_log_seq", "altered")


def _triggers(ask: _Asked) -> Iterator[Finding]:
    expected, _, _ = _expected()
    seen = set()
    for name, table, kind, function, always, plain in ask(_TRIGGERS):
        wanted = expected.get(name)
        if wanted is None or wanted.table != table:
            yield Finding(
                name, "unknown"
            )  # also one AFTER the fact, which can raise for entries that it chooses
            continue
        seen.add(name)
        if wanted != (table, kind, function) or not plain:
            yield Finding(name, "altered")
        elif not always:
            yield Finding(name, "disabled")
    for name in expected.keys() - seen:
        yield Finding(name, "absent")


def _functions(ask: _Asked) -> Iterator[Finding]:
    _, expected, _ = _expected()
    seen = set()
    for name, body, settings, schema, sound in ask(_FUNCTIONS):
        if name in expected:
            seen.add(name)
            wanted_body, wanted_settings = expected[name]
            if (body, settings) != (wanted_body.replace("<schema>", schema), wanted_settings) or not sound:
                yield Finding(name, "altered")
    for name in expected.keys() - seen:
        yield Finding(name, "absent")


def _constraints(ask: _Asked) -> Iterator[Finding]:
    _, _, expected = _expected()
    seen = set()
    for table, name, kind, valid, text in ask(_CONSTRAINTS):
        if name not in expected or not str(name).startswith(f"{table}_"):
            yield Finding(name, "unknown")
            continue
        seen.add(name)
        if (kind, valid) != (expected[name][0], True) or said(text) != expected[name][1]:
            yield Finding(name, "altered")
    for name in expected.keys() - seen:
        yield Finding(name, "absent")


def _indexes(ask: _Asked) -> Iterator[Finding]:
    """One that is missing makes queries slow; another one may refuse entries, or raise when it is told of them."""
    known = {name: (table, said(text)) for name, table, text in map(re.Match.groups, _made(_INDEX))}
    for name, table, text, chooses in ask(_INDEXES):
        kind, _, rest = re.sub(r" WITH \([^()]*\)", "", text).partition(" USING btree ")
        if name not in known:
            if chooses:
                yield Finding(name, "unknown")
        elif (table, said(rest)) != known[name] or not kind.startswith("CREATE INDEX "):
            yield Finding(name, "altered")


def _made(kind: re.Pattern[str]) -> Iterator[re.Match[str]]:
    return filter(None, map(kind.fullmatch, _text().split("\n\n")))


@cache
def _text() -> str:
    return "\n\n".join(
        statement
        for revision in frozen.REVISIONS
        for statement in frozen.statements(revision, "postgresql", "up")
    )


@cache
def _expected() -> tuple[
    dict[str, _Trigger], dict[str, tuple[str, str | None]], dict[str, tuple[str, list[str]]]
]:
    """Return triggers, functions (body and settings) and constraints (kind and words); the last revision's count."""
    text = _text()
    triggers = {
        name: _Trigger(table, _BEFORE | _EVENTS[event] | (level == "ROW"), function)
        for name, event, table, level, function in _TRIGGER.findall(text)
    }
    functions = {name: (body, _PINNED if pinned else None) for name, pinned, body in _FUNCTION.findall(text)}
    constraints = {
        name: (_KINDS[kind], said(f"{kind} ({condition or line.split()[0]})"))
        for line in text.splitlines()
        for name, kind, condition in _CONSTRAINT.findall(line)
    }
    return triggers, functions, constraints
