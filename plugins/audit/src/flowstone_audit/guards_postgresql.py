"""The guards in a PostgreSQL database, held against the statements of the revisions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import Connection

from flowstone_audit import frozen
from flowstone_audit.finding import Finding
from flowstone_audit.tables import metadata

TABLES: Final = tuple(f"flowstone_audit_{name}" for name in ("log", "seal", "meta", "erasure", "floor"))
_OURS: Final = ", ".join(f"to_regclass('{table}')" for table in TABLES)
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
    r"CONSTRAINT (\w+) (PRIMARY KEY|UNIQUE|CHECK)(?: \((.*?)\)(?=,?\n| CONSTRAINT|$))?"
)
_WORD: Final = re.compile(r"'[^']*'|\b\w+\b")
_INDEX: Final = re.compile(r"CREATE INDEX (\w+)")

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
    WHERE c.oid = to_regclass('flowstone_audit_log') AND starts_with(p.proname, 'flowstone_audit_')
"""
_CONSTRAINTS: Final = f"""
    SELECT c.relname, k.conname, k.contype, k.convalidated, pg_get_constraintdef(k.oid),
        ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = ANY(k.conkey))
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype <> 'n' AND c.oid IN ({_OURS})
"""  # noqa: S608  # constants
_INDEXES: Final = f"""
    SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid IN ({_OURS}) AND (i.indisunique OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid)
"""  # noqa: S608  # constants
_COLUMNS: Final = f"""
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '' AND NOT a.attisdropped
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attnum > 0 AND c.oid IN ({_OURS})
"""  # noqa: S608  # constants
_SEQUENCE: Final = """
    SELECT s.seqincrement = 1 AND s.seqcache = 1 AND NOT s.seqcycle
        AND CASE WHEN has_sequence_privilege(s.seqrelid, 'SELECT') THEN coalesce(
            pg_sequence_last_value(s.seqrelid) >= (SELECT max(seq) FROM flowstone_audit_log), true) ELSE true END
    FROM pg_sequence s WHERE s.seqrelid = to_regclass('flowstone_audit_log_seq')
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


def findings(connection: Connection) -> Iterator[Finding]:
    """Yield what differs from what the revisions make: triggers and functions by what they do, the rest by name."""
    tables = list(_tables(connection))
    yield from tables
    yield from _columns(connection)
    yield from _triggers(connection)
    yield from _functions(connection)
    yield from _constraints(connection)
    known = set(_INDEX.findall(_text()))
    for (index,) in connection.exec_driver_sql(_INDEXES):
        if index not in known:  # it may refuse entries, or raise when it is told of them
            yield Finding(index, "unknown")
    if Finding("flowstone_audit_log", "absent") not in tables:
        yield from _sequence(connection)
    for (rule,) in connection.exec_driver_sql(_RULES):
        yield Finding(rule, "unknown")


def _tables(connection: Connection) -> Iterator[Finding]:
    found = {str(row.relname): bool(row.sound) for row in connection.exec_driver_sql(_TABLES)}
    for table in TABLES:
        if table not in found:
            yield Finding(table, "absent")
        elif not found[table]:
            yield Finding(table, "altered")


def _columns(connection: Connection) -> Iterator[Finding]:
    found = {
        (table, name): (kind, required, plain)
        for table, name, kind, required, plain in connection.exec_driver_sql(_COLUMNS)
    }
    expected = {
        (table.name, column.name): (
            column.type.compile(connection.dialect).lower(),
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


def _sequence(connection: Connection) -> Iterator[Finding]:
    sound = connection.exec_driver_sql(_SEQUENCE).scalar()
    if sound is None:
        yield Finding("flowstone_audit_log_seq", "absent")
    elif not sound:
        yield Finding("flowstone_audit_log_seq", "altered")


def _triggers(connection: Connection) -> Iterator[Finding]:
    expected, _, _ = _expected()
    seen = set()
    for name, table, kind, function, always, plain in connection.exec_driver_sql(_TRIGGERS):
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


def _functions(connection: Connection) -> Iterator[Finding]:
    _, expected, _ = _expected()
    seen = set()
    for name, body, settings, schema, sound in connection.exec_driver_sql(_FUNCTIONS):
        if name in expected:
            seen.add(name)
            wanted_body, wanted_settings = expected[name]
            if (body, settings) != (wanted_body.replace("<schema>", schema), wanted_settings) or not sound:
                yield Finding(name, "altered")
    for name in expected.keys() - seen:
        yield Finding(name, "absent")


def _constraints(connection: Connection) -> Iterator[Finding]:
    _, _, expected = _expected()
    seen = set()
    for table, name, kind, valid, text, columns in connection.exec_driver_sql(_CONSTRAINTS):
        if name not in expected or not str(name).startswith(f"{table}_"):
            yield Finding(name, "unknown")
            continue
        seen.add(name)
        wanted_kind, condition = expected[name]
        if (kind, valid) != (wanted_kind, True) or (condition and not _is_about(condition, text, columns)):
            yield Finding(name, "altered")
    for name in expected.keys() - seen:
        yield Finding(name, "absent")


def _is_about(condition: str, text: str, columns: list[str]) -> bool:
    """Tell whether a condition, which each version spells differently, is on the same columns and values."""
    words, found = _values(condition), _values(text)
    named = {word for word in _WORD.findall(condition) if word in columns}
    return words == found and named == set(columns) and bool(named)


def _values(text: str) -> set[str]:
    """Return words in quotes and numbers; moments are spelled by each server in its own way."""
    values = {word for word in _WORD.findall(text) if word[0] == "'" or word[0].isdigit()}
    return {word for word in values if word[0] != "'" or not any(map(str.isdigit, word))}


@cache
def _text() -> str:
    return "\n\n".join(
        statement
        for revision in frozen.REVISIONS
        for statement in frozen.statements(revision, "postgresql", "up")
    )


@cache
def _expected() -> tuple[dict[str, _Trigger], dict[str, tuple[str, str | None]], dict[str, tuple[str, str]]]:
    """Return triggers, functions (body and settings) and constraints (kind and condition); the last revision's count."""
    text = _text()
    triggers = {
        name: _Trigger(table, _BEFORE | _EVENTS[event] | (level == "ROW"), function)
        for name, event, table, level, function in _TRIGGER.findall(text)
    }
    functions = {name: (body, _PINNED if pinned else None) for name, pinned, body in _FUNCTION.findall(text)}
    constraints = {name: (_KINDS[kind], condition) for name, kind, condition in _CONSTRAINT.findall(text)}
    return triggers, functions, constraints
