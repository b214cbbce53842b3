"""What is done in the background: spools into the database, then a seal."""

from __future__ import annotations

import logging
import threading
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from flowstone.plugin import count, start_thread
from flowstone_audit.config import Config
from flowstone_audit.errors import AuditError, SchemaMismatch
from flowstone_audit.spool.appender import Appender

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOGGER: Final = logging.getLogger("flowstone.audit")
IDLE_S: Final = 1.0
OLDEST_S: Final = 30.0
_LEAST_S: Final = 0.02
_TOGETHER_S: Final = 0.2
"""What is committed one soon after the other is sealed together."""
_ROUND_S: Final = 5.0
_SEAL_S: Final = 1.0
_COLLECT_S: Final = 10.0
_STOP_S: Final = 0.5
_RETRY_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)


class Chores:
    """One thread per process, started when there is something to do, and never waited for at exit.

    Args:
        settings: Whose home it is.
        spool: This process's.

    Attributes:
        is_open: Whether the database was reached, and has tables of this version.
        problem: Why not, as last seen; empty where there is none.
    """

    def __init__(self, settings: Config, spool: Appender) -> None:
        self._settings = settings
        self._spool = spool
        self.is_open = False
        self.problem = ""
        self._told: set[str] = set()
        self._bell = threading.Event()
        self._wakes = inf  # when the thread looks again by itself, monotonic seconds
        self._tried = threading.Event()
        self._waited_from = 0.0
        self._since = 0.0
        self._latest = 0.0
        self._hurry = False
        self._stopped = False
        self._failures = 0
        self._retry_at = 0.0
        self._next_seal = self._next_collection = 0.0
        self._unsealed = False
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def note(self) -> None:
        """Know that something was appended to the spool."""
        self._latest = monotonic()
        if not self._since:
            self._since = self._latest
        if self._wakes > max(self._retry_at, self._latest + IDLE_S) or self._thread is None:
            self._ring()

    def committed(self) -> None:
        """Know that something was committed, to be sealed."""
        if not self._unsealed:
            self._unsealed = True
            self._next_seal = max(self._next_seal, monotonic() + _TOGETHER_S)
            self._ring()

    def hurry(self) -> None:
        """Ingest now rather than in idle time."""
        self._hurry = True
        self._ring()

    def wait_open(self, timeout: float) -> bool:
        """Have the database opened, and wait a while for it; False where it is known not to answer.

        Where opening takes long, only the first who needs it waits: entries go to the spool meanwhile.
        """
        now = monotonic()
        if self._retry_at > now:
            return False
        if self._tried.is_set() or not self._waited_from:
            self._tried.clear()
            self._waited_from = now
            self.hurry()
            if self._thread is None and not self._stopped:  # none could be started: then here
                self.ingest(timeout)
        self._tried.wait(max(self._waited_from + timeout - now, 0.0))
        return self.is_open

    def failed(self, error: BaseException) -> None:
        """Know that the database did not do as asked; it is tried again later."""
        self.is_open = False
        self.problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        self._retry_at = monotonic() + _RETRY_S[min(self._failures, len(_RETRY_S) - 1)]
        self._failures += 1
        count("audit.database.failed")
        kind = type(error).__name__ if isinstance(error, AuditError) else "database"
        if kind not in self._told:  # once: the metrics say how often
            self._told.add(kind)
            LOGGER.warning("audit entries wait in the spool: %s", self.problem)
        if isinstance(error, SchemaMismatch):
            count("audit.schema.mismatch")
        self.note()

    def stop(self) -> None:
        """Let the thread end, and wait a moment for what it is at."""
        self._stopped = True
        self._bell.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_STOP_S)

    def ingest(self, timeout: float) -> int:
        """Bring what waits into the database, opening it where it is not; return how many entries were new.

        Never raises: trouble is noted, and what waits is tried again later.
        """
        from flowstone_audit import ingest

        self._spool.tidy()
        since, self._since = self._since, 0.0
        self._hurry = False
        deadline = monotonic() + timeout
        try:
            try:
                made = ingest.catch_up(timeout)
            except OSError as error:  # of a spool, such as another user's: the database is not at fault
                made = self._unread(error)
            self._opened()
            if monotonic() >= deadline and not self._stopped:  # it may have left some
                self._since = self._since or since or deadline
                self._ring()
        except ingest.TROUBLE as error:
            self._since = since or monotonic()
            self.failed(error)
            return 0
        finally:
            self._tried.set()
        return made

    def _unread(self, error: OSError) -> int:
        """Know that a spool cannot be read, which is tried again later; all others were brought in."""
        count("audit.spool.unreadable")
        self._since = self._latest = monotonic() + _RETRY_S[-1]
        if "spool" not in self._told:
            self._told.add("spool")
            LOGGER.warning("audit entries wait in a spool that cannot be read: %s", error)
        return 1  # so that what came of others is sealed

    def _opened(self) -> None:
        from flowstone_audit.database import of
        from flowstone_audit.opening import prepare

        prepare(of(self._settings))
        self.is_open, self.problem, self._failures, self._retry_at = True, "", 0, 0.0
        self._told -= {"database", "SchemaMismatch", "Unavailable"}

    def _ring(self) -> None:
        if not self._bell.is_set():
            self._bell.set()
        if self._thread is None and not self._stopped:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = start_thread(self._work, "flowstone-audit")
                if self._thread is None:  # for now, or because the interpreter goes down
                    count("audit.chores.threadless")

    def _work(self) -> None:
        while not self._stopped:
            self._wakes = inf  # before looking what is due: who comes in between rings
            pause = self._pause()
            self._wakes = monotonic() + (inf if pause is None else pause)
            self._bell.wait(pause)
            self._bell.clear()
            if self._stopped:
                return
            try:
                self._do_what_is_due(monotonic())
            except Exception:  # the thread must not end of a mistake of ours, nor of a driver's
                count("audit.chores.failed")
                self._retry_at = self._next_seal = monotonic() + _RETRY_S[-1]
                self._tried.set()

    def _pause(self) -> float | None:
        """Return for how many seconds nothing is due; None: until somebody rings."""
        if self._hurry:
            return 0.0
        due = min(self._ingest_at(), self._next_seal if self._unsealed and self.is_open else inf)
        return None if due == inf else max(due - monotonic(), _LEAST_S)

    def _ingest_at(self) -> float:
        """Return when what waits is brought in, monotonic seconds; infinite where nothing waits."""
        if self._hurry:
            return self._retry_at
        if not self._since:
            return inf
        return max(self._retry_at, min(self._latest + IDLE_S, self._since + OLDEST_S))

    def _do_what_is_due(self, now: float) -> None:
        if now >= self._ingest_at():
            made = self.ingest(_ROUND_S)
            self._unsealed |= made > 0
        elif self._hurry:
            self._hurry = False  # it is tried again when it is due
            self._tried.set()
        if self._unsealed and self.is_open and monotonic() >= self._next_seal:
            self._seal()

    def _collect(self, connection: Connection) -> None:
        """Take in the rows that plugins provide, now and then; they are ingested and sealed with what comes next.

        Never raises: what they provide, or a spool that is full, must not keep what is committed from being sealed.
        """
        if monotonic() < self._next_collection:
            return
        from flowstone_audit import collecting

        self._next_collection = monotonic() + _COLLECT_S
        try:
            if collecting.collect(connection, self._spool, self._settings.private):
                self.note()
        except Exception:  # of a mapping of a plugin's, of the spool, or of the database: then sealing tells
            count("audit.collect.failed")

    def _seal(self) -> None:
        """Seal what is committed, at most once per interval."""
        from sqlalchemy.exc import SQLAlchemyError

        from flowstone_audit import anchors, engines, sealing
        from flowstone_audit.database import of

        settings = self._settings
        self._next_seal = monotonic() + settings.seal_interval
        self._unsealed = False
        try:
            with of(settings).connect() as connection:
                self._collect(connection)
                sealing.seal_all(connection, timeout=_SEAL_S)
            self._unsealed |= anchors.has_more()
        except (AuditError, SQLAlchemyError, OSError) as error:
            count("audit.seal.failed")
            self._unsealed = True
            # SQLite may just have been busy with others' writing.
            self._next_seal = monotonic() + _RETRY_S[1 if isinstance(error, SQLAlchemyError) else -2]
            if "seal" not in self._told:
                self._told.add("seal")
                LOGGER.warning("audit entries are not sealed: %s", engines.reason_of(error))
