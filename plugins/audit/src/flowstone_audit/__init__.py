"""The audit log: immutable rows in the user's own database, sealed in a Merkle tree, provable to outsiders.

``flowstone_audit.log(...)`` writes an entry; what it returns is durable. Everything is loaded when it is first
used: the plugin comes into processes that never write one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowstone_audit.actors import Actor as Actor
    from flowstone_audit.actors import actor as actor
    from flowstone_audit.entry import AuditEntry as AuditEntry
    from flowstone_audit.errors import AuditError as AuditError
    from flowstone_audit.errors import EntryRefused as EntryRefused
    from flowstone_audit.errors import NotFound as NotFound
    from flowstone_audit.errors import NotRecorded as NotRecorded
    from flowstone_audit.errors import SchemaMismatch as SchemaMismatch
    from flowstone_audit.errors import Unavailable as Unavailable
    from flowstone_audit.middleware import AuditMiddleware as AuditMiddleware
    from flowstone_audit.tables import log as table
    from flowstone_audit.writer import log as log

__all__ = [
    "Actor",
    "AuditEntry",
    "AuditError",
    "AuditMiddleware",
    "EntryRefused",
    "NotFound",
    "NotRecorded",
    "SchemaMismatch",
    "Unavailable",
    "actor",
    "log",
    "table",
]

# Where each is, and its name there; the errors are together.
_HOMES = {
    "Actor": ("flowstone_audit.actors", "Actor"),
    "AuditEntry": ("flowstone_audit.entry", "AuditEntry"),
    "AuditMiddleware": ("flowstone_audit.middleware", "AuditMiddleware"),
    "actor": ("flowstone_audit.actors", "actor"),
    "log": ("flowstone_audit.writer", "log"),
    "table": ("flowstone_audit.tables", "log"),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'flowstone_audit' has no attribute {name!r}")
    home, there = _HOMES.get(name, ("flowstone_audit.errors", name))
    found = getattr(import_module(home), there)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
