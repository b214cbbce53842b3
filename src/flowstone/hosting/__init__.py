"""What adapters of hosts are written against: explicit legs, derived ids, patching after import, flush points."""

from flowstone.hosting.events import emit
from flowstone.hosting.patching import after_import
from flowstone.hosting.roles import flush_point, is_silent, process_role
from flowstone.hosting.scopes import scope
from flowstone.runtime.driving import activate, drive
from flowstone.runtime.identity import derive_span_id, derive_trace_id
from flowstone.runtime.kinds import IoLoad, IoStore, Materialization
from flowstone.runtime.running import Run
from flowstone.runtime.scope import Scope

__all__ = [
    "IoLoad",
    "IoStore",
    "Materialization",
    "Run",
    "Scope",
    "activate",
    "after_import",
    "derive_span_id",
    "derive_trace_id",
    "drive",
    "emit",
    "flush_point",
    "is_silent",
    "process_role",
    "scope",
]
