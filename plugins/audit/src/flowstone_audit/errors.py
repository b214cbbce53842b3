"""What may go wrong for those who ask the audit log for something."""

from __future__ import annotations


class AuditError(Exception):
    """The base of every error of the audit log."""


class EntryRefused(AuditError, ValueError):
    """An entry cannot be written as it is: a required field is missing, or one is malformed or too large."""


class NotRecorded(AuditError):
    """An entry could be written neither to the database nor to the spool, or the disk did not say in time that it has it."""


class SchemaMismatch(AuditError):
    """The database has no audit tables, or those of an older or newer version; the message says what to do."""


class EntriesAtRisk(AuditError):
    """A downgrade would destroy entries, or the seals that prove them; nothing was changed."""


class Unavailable(AuditError):
    """The database cannot be reached, or stayed busy; the message names it without its secrets."""


class NotFound(AuditError, LookupError):
    """There is no such entry, checkpoint or archive."""


class NotPermitted(AuditError):
    """This user of the database may not do that; the message names the role that may."""
