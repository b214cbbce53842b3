"""What an attacker writes: statements that must change nothing, whoever runs them."""

from __future__ import annotations

from flowstone_audit.row import PRIVATE, Row
from plugins.audit.tests.attack.scene import IDS, NEW, blob, furniture, id_of

LOG = "flowstone_audit_log"
OTHERS = ("seal", "meta", "erasure", "floor")
_KEYS = {"seal": "first_leaf", "meta": "key", "erasure": "entry_id", "floor": "through_seq"}
_TEXTS = {"seal": "note", "meta": "value", "erasure": "request", "floor": "retain_days"}
_NOW = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
_NUMBERS = {"v", "ordinal"}
_NEVER = {
    "sqlite": ("4611686018427387904", "-1", "1.5", "'soon'", "253402214400000000", "1e999"),
    "postgresql": (
        "'infinity'",
        "'-infinity'",
        "'12000-01-01'",
        "'1969-12-31 23:59:59+00'",
        "'9999-12-31+00'",
    ),
}
_BYTES = {"nonce", "commitment", "row_hash"}


def edits(dialect: str) -> dict[str, str]:
    """Return an UPDATE of every column of the log, to a value and to NULL, of an entry that may not be erased."""
    made = {}
    for name in ("seq", "inserted_at", *Row._fields):
        made[f"set {name}"] = f"UPDATE {LOG} SET {name} = {_value(dialect, name)} WHERE seq = 2"
        made[f"null {name}"] = f"UPDATE {LOG} SET {name} = NULL WHERE seq = 2"
    return made


def updates(dialect: str) -> dict[str, str]:
    """Return further ways to change entries."""
    erase = ", ".join(f"{name} = NULL" for name in PRIVATE)
    partly = ", ".join(f"{name} = NULL" for name in PRIVATE[:-1])
    return {
        "all rows": f"UPDATE {LOG} SET actor_id = 'eve'",
        "to itself": f"UPDATE {LOG} SET actor_id = actor_id",
        "erase without permission": f"UPDATE {LOG} SET {erase} WHERE seq = 2",
        "erase in part": f"UPDATE {LOG} SET {partly} WHERE seq = 1",
        "erase and edit": f"UPDATE {LOG} SET {erase}, actor_id = 'eve' WHERE seq = 1",
        "erase and cut the commitment": f"UPDATE {LOG} SET {erase}, commitment = NULL WHERE seq = 1",
        "erase all": f"UPDATE {LOG} SET {erase}",
        "forge what may be erased": f"UPDATE {LOG} SET client_ip = '198.51.100.1' WHERE seq = 1",
        "swap ids": f"UPDATE {LOG} SET id = {id_of(dialect, IDS[0])} WHERE seq = 2",
    }


def deletions(dialect: str) -> dict[str, str]:
    """Return ways to delete entries that are too young, above the floor, or both."""
    return {
        "first": f"DELETE FROM {LOG} WHERE seq = 1",
        "middle": f"DELETE FROM {LOG} WHERE seq = 2",
        "last": f"DELETE FROM {LOG} WHERE seq = 3",
        "all": f"DELETE FROM {LOG}",
        "where false is not": f"DELETE FROM {LOG} WHERE id = {id_of(dialect, IDS[2])}",
    }


def insertions(dialect: str) -> dict[str, str]:
    """Return forged entries, and known ones in a new guise; those with a known id are no-ops."""
    later = "now()" if dialect == "postgresql" else _NOW
    old = "'2020-01-01'" if dialect == "postgresql" else "1577836800000000"
    return {
        "seq ahead": _insert(dialect, "seq", "1000"),
        "seq taken": _insert(dialect, "seq", "2"),
        "seq zero": _insert(dialect, "seq", "0"),
        "seq minus one": _insert(dialect, "seq", "-1"),
        "back-dated": _insert(dialect, "inserted_at", old),
        "seq and moment": _insert(dialect, "seq, inserted_at", f"4, {later}"),
        "known id, upsert of it": _insert(
            dialect, "", "", IDS[1], "ON CONFLICT (id) DO UPDATE SET actor_id = 'eve'"
        ),
        "known id, upsert of seq": _insert(
            dialect, "seq", "2", IDS[1], "ON CONFLICT (seq) DO UPDATE SET actor_id = 'eve'"
        ),
    }


def malformed(dialect: str) -> dict[str, str]:
    """Return entries that no reader could make sense of."""
    return {
        "id too short": _insert(dialect, "", "", b"\1\2"),
        "no such actor type": _insert(dialect, "", "").replace("'user'", "'root'"),
        "no such outcome": _insert(dialect, "outcome", "'won'"),
        "hash too short": _insert(dialect, "commitment", blob(dialect, 31)),
        **{f"happened {moment}": _happened(dialect, moment) for moment in _NEVER[dialect]},
    }


def others(dialect: str) -> dict[str, str]:
    """Return the same against the tables beside the log."""
    made = {}
    for name in OTHERS:
        table, text = f"flowstone_audit_{name}", _TEXTS[name]
        value = "1" if name == "floor" else "'x'"
        made[f"{name}: update"] = f"UPDATE {table} SET {text} = {value}"
        made[f"{name}: update of the key"] = f"UPDATE {table} SET {_KEYS[name]} = {_KEYS[name]}"
        made[f"{name}: delete"] = f"DELETE FROM {table}"
    seal, erasure, floor = furniture(dialect)
    made["seal: overlapping"] = seal.replace("(0, 3", "(1, 3")
    made["seal: with a hole before it"] = seal.replace("(0, 3", "(4, 3")
    made["seal: upsert"] = f"{seal} ON CONFLICT (first_leaf) DO UPDATE SET note = 'x'"
    made["erasure: upsert"] = f"{erasure} ON CONFLICT (entry_id) DO UPDATE SET request = 'x'"
    made["floor: upsert"] = f"{floor} ON CONFLICT (through_seq) DO UPDATE SET retain_days = 1"
    made["floor: lower"] = floor.replace("(2, 30", "(1, 30")
    made["floor: shorter"] = floor.replace("(2, 30", "(3, 29")
    made["floor: no retention"] = floor.replace("(2, 30", "(3, 0")
    made["floor: negative"] = floor.replace("(2, 30", "(-1, 30")
    return made


def _happened(dialect: str, moment: str) -> str:
    sound = _insert(dialect, "", "")
    return sound.replace(_value(dialect, "occurred_at"), moment)


def _value(dialect: str, name: str) -> str:
    if name in _BYTES:
        return blob(dialect, 32, "cd")
    if name == "id":
        return id_of(dialect, NEW)
    if name in {"inserted_at", "occurred_at"}:
        return "'2020-01-01'" if dialect == "postgresql" else "1577836800000000"
    if name in _NUMBERS or name == "seq":
        return "77"
    return {"actor_type": "'api'", "outcome": "'denied'"}.get(name, "'forged'")


def _insert(dialect: str, names: str, values: str, id: bytes = NEW, end: str = "") -> str:
    """Return an INSERT of an entry that is sound but for *names* = *values*."""
    given = {
        "v": "1",
        "id": id_of(dialect, id),
        "event_type": "'rule.updated'",
        "actor_id": "'eve'",
        "actor_type": "'user'",
        "details": "'{}'",
        "writer": "'w'",
        "ordinal": "1",
        "occurred_at": _value(dialect, "occurred_at"),
        "row_hash": blob(dialect, 32),
    }
    if dialect == "sqlite" and "inserted_at" not in names:
        given["inserted_at"] = _NOW
    columns = ", ".join([*given, *([names] if names else [])])
    literals = ", ".join([*given.values(), *([values] if values else [])])
    return f"INSERT INTO {LOG} ({columns}) VALUES ({literals}) {end}".strip()
