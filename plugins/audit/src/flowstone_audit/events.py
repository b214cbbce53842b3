"""Events of the audit log itself: what it took, sealed, lost, or found changed."""

from __future__ import annotations

from flowstone.plugin import Event, event


@event(subject="audit")
class AuditLogged(Event):
    """An entry was written by ``flowstone_audit.log()``.

    When: before ``log()`` returns.
    Guarantees: the entry is durable: committed, or in the spool.
    Not emitted: for lifecycle events, which are audited by themselves.

    Attributes:
        entry_id: The entry's id, 32 hex digits.
        event_type: What was logged.
        actor_id: Who did it.
        resource_type: What kind of thing it was done to.
        resource_id: Which one.
        action: What was done.
    """

    entry_id: str
    event_type: str = ""
    actor_id: str = ""
    resource_type: str = ""
    resource_id: str = ""
    action: str = ""


@event(subject="audit")
class AuditSealed(Event):
    """Entries were sealed, and the checkpoint signed.

    When: a sealer has committed a batch.
    Guarantees: at least once for a checkpoint; its note is what anchors publish.
    Not emitted: where nothing was new.

    Attributes:
        size: Leaves of the tree after the batch.
        root: The tree's root, 64 hex digits.
        note: The signed checkpoint.
    """

    size: int
    root: str = ""
    note: str = ""


@event(subject="audit")
class AuditGap(Event):
    """Entries were lost: the spool could not take them, or was damaged.

    When: the loss is found; an ``audit.gap`` entry tells it in the log as well.
    Guarantees: the sum of ``count`` is what is known to be lost.
    Not emitted: for a torn last line, which was never acknowledged.

    Attributes:
        count: Entries, or damaged lines, that were lost.
        reason: Why.
    """

    count: int = 1
    reason: str = ""


@event(subject="audit")
class AuditTampered(Event):
    """A verification found that the log was changed.

    When: ``flowstone audit verify``, or a verification of the background, ends with a finding.
    Guarantees: one for each verification that found something.
    Not emitted: for rows that are not sealed yet.

    Attributes:
        verdict: What was done: ``modified``, ``deleted``, ``truncated`` ...
        seq: The first bad row, where it is known.
        message: What was found, in a line.
    """

    verdict: str
    seq: int | None = None
    message: str = ""
