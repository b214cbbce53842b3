"""The anchor that tells: an event ``audit.sealed`` with the checkpoint, for logs, messages and the SIEM."""

from __future__ import annotations

from flowstone.plugin import NO_TRACE, emit
from flowstone_audit import checkpoint
from flowstone_audit.events import AuditSealed
from flowstone_audit.note import parse


class EventAnchor:
    """Emits ``audit.sealed``."""

    name = "event"

    def publish(self, note: str) -> None:
        """Emit the event of a checkpoint."""
        said = checkpoint.parse(parse(note))
        emit(AuditSealed, NO_TRACE, size=said.size, root=said.root.hex(), note=note)
