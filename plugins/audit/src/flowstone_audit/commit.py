"""Group commit: of several that log at once one writes for all, and the others wait for it."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from time import monotonic
from typing import Final

from flowstone.plugin import count
from flowstone_audit import ingest, insert, spooled
from flowstone_audit.database import Database, of
from flowstone_audit.errors import NotRecorded
from flowstone_audit.recorder import Recorder
from flowstone_audit.row import Row
from flowstone_audit.spool import beside, folder, thread_locks
from flowstone_audit.spool.claim import Position

WAIT_S: Final = 2.0
_COMMIT_S: Final = 1.2
_OPEN_S: Final = 1.0
_CLAIM_S: Final = 0.1
_SYNC_S: Final = 0.5
"""What is left of the time for the disk, where the database takes the rest."""
_SMALL: Final = 64 << 10
"""Bytes of the own spool that are written along; more is left to the chores."""
_NOTHING: Final = Position(0, 0)


class Request:
    """An entry on its way.

    Attributes:
        row: The draft; with its place once it has one.
        place: ``seq`` and ``inserted_at`` where the database gave them.
        done: Whether it is durable.
        error: Why it is not, where nothing more will be tried.
    """

    __slots__ = ("done", "error", "place", "row")

    def __init__(self, draft: Row) -> None:
        self.row = draft
        self.place: tuple[int, int] | None = None
        self.done = False
        self.error: NotRecorded | None = None


class Committer:
    """Writes entries of one process: to the database where it answers, else to the spool.

    Args:
        recorder: Whose entries they are.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._turn = thread_locks.make()
        self._queueing = threading.Lock()
        self._queue: list[Request] = []
        self._inside: set[int] = set()
        self._at: Database | None = None
        self._beside = False

    def submit(self, draft: Row) -> Request:
        """Make an entry durable; returns within 2 seconds.

        It may be called by a signal handler or a destructor, which come while their thread is in here, or at the
        spool: then it waits for nothing.

        Raises:
            NotRecorded: It could be written nowhere, or the disk did not say in time that it has it.
        """
        me, keeper = threading.get_ident(), self._recorder
        is_mine = thread_locks.is_mine
        if me in self._inside or is_mine(keeper.spool.lock) or is_mine(keeper.own.lock):
            return self._past(draft)
        try:
            self._inside.add(me)
            return self._submitted(draft)
        finally:
            thread_locks.free(self._turn)
            thread_locks.free(keeper.own.lock)
            if self._beside:
                self._beside = False
                keeper.chores.note()
            self._inside.discard(me)

    def _past(self, draft: Row) -> Request:
        """Write an entry past all that this thread may be in the middle of; the chores are told of it later."""
        keeper = self._recorder
        try:
            row = beside.keep(keeper.spool.home, keeper.writer, keeper.config.spool_max_bytes, draft)
        except OSError as error:
            raise _not_recorded(error.strerror or str(error)) from error
        self._beside = True
        request = Request(row)
        request.done = True
        return request

    def _submitted(self, draft: Row) -> Request:
        deadline = monotonic() + WAIT_S
        request = Request(draft)
        with self._queueing:
            self._queue.append(request)
        try:
            self._turn.acquire(timeout=_COMMIT_S)
            if thread_locks.is_mine(self._turn) and not request.done and request.error is None:
                self._lead(deadline)
        finally:
            thread_locks.free(self._turn)
        if not request.done and request.error is None:
            with self._queueing:
                if request in self._queue:
                    self._queue.remove(request)
            self._to_spool([request], deadline)
        if request.error is not None:
            raise request.error
        return request

    def _lead(self, deadline: float) -> None:
        with self._queueing:
            requests, self._queue = self._queue, []
        latest = deadline - _SYNC_S
        database = self._database(latest)
        if database is not None:
            try:
                if self._to_database(database, requests, min(latest, monotonic() + _COMMIT_S)):
                    return
            except ingest.TROUBLE as error:
                self._recorder.chores.failed(error)
        self._to_spool(requests, deadline)

    def _database(self, deadline: float) -> Database | None:
        """Return the database where it is ready; wait a while for the first time it is opened."""
        chores = self._recorder.chores
        if not chores.is_open and not chores.wait_open(min(_OPEN_S, deadline - monotonic())):
            return None
        if self._at is None:
            self._at = of(self._recorder.config)
        return self._at

    def _to_database(self, database: Database, requests: list[Request], deadline: float) -> bool:
        """Commit entries together with what waits in the own spool; False where others are at that spool."""
        recorder = self._recorder
        claim = recorder.own.claim
        try:
            if not recorder.own.lock.acquire(timeout=_CLAIM_S):
                return False
            with recorder.spool.lock:
                end = self._claimed()
                if end is None:
                    return False
                self._place(requests)
            waiting = self._waiting(end)
            if waiting is None:
                return False
            single = not waiting and len(requests) <= insert.AT_ONCE
            with database.transaction(deadline - monotonic(), single=single) as execute:
                if waiting:
                    insert.many(execute, waiting, sqlite=database.is_sqlite)
                places = insert.numbered(execute, [one.row for one in requests], sqlite=database.is_sqlite)
            if waiting:
                with suppress(OSError):  # a hint: the entries are committed
                    claim.advance(end)
        finally:
            if thread_locks.is_mine(recorder.own.lock):
                claim.let_go()
                thread_locks.free(recorder.own.lock)
        for one, place in zip(requests, places, strict=True):
            one.place, one.done = place, True
        recorder.chores.committed()
        return True

    def _claimed(self) -> Position | None:
        """Claim the own spool; return up to where it is to be written along, None where others are at it.

        Where it cannot be claimed, because somebody removed its folder or the disk is broken, nothing of it is
        written along: the database can have the entries all the same.
        """
        spool, claim = self._recorder.spool, self._recorder.own.claim
        try:
            if spool.end in (_NOTHING, claim.reached):  # the database has all of it
                return _NOTHING
            spool.restore()
            return Position(*spool.end) if claim.take() else None
        except OSError:
            return _NOTHING

    def _place(self, requests: list[Request]) -> None:
        """Give entries their places, once, whoever is first; the caller holds the spool's lock."""
        for one in requests:
            if not one.row.ordinal:
                one.row = self._recorder.spool.placed(one.row)

    def _waiting(self, end: Position) -> list[Row] | None:
        """Return what the own spool holds that the database has not; None where it is too much for now."""
        if end == _NOTHING:
            return []
        try:
            return self._read(self._recorder.own.claim.position(), end)
        except OSError:  # the chores tell of it, the database is not at fault
            self._recorder.chores.hurry()
            return []

    def _read(self, at: Position, end: Position) -> list[Row] | None:
        recorder = self._recorder
        if at == end:
            return []
        if (
            at.number not in (end.number, 0)
            or end.number > max(at.number, 1)
            or end.offset - at.offset > _SMALL
        ):
            recorder.chores.hurry()
            return None
        path = folder.segment_path(recorder.spool.home, recorder.spool.stem, end.number)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            found: list[Row] = []
            known = at.number == end.number and spooled.begins_line(descriptor, at.offset)
            offset = at.offset if known else 0
            while offset < end.offset:
                chunk = spooled.read(
                    descriptor, offset, recorder.writer, recorder.config.private, final=False, end=end.offset
                )
                if chunk.damaged or chunk.offset == offset:
                    return None  # the chores tell of it
                found += chunk.rows
                offset = chunk.offset
            return found
        finally:
            os.close(descriptor)

    def _to_spool(self, requests: list[Request], deadline: float) -> None:
        try:
            self._append(requests)
            reason = self._recorder.syncing.wait(max(deadline - monotonic(), 0.0))
        except OSError as error:
            reason = error.strerror or str(error)
        if reason:
            for one in requests:
                one.error = _not_recorded(reason)
            return
        for one in requests:
            one.done = True
        self._recorder.chores.note()

    def _append(self, requests: list[Request]) -> None:
        """Append entries to the spool, with the places that their callers are told.

        A leader that is late may commit one of them as well: it takes the same place, and is the same entry.
        """
        spool = self._recorder.spool
        with spool.lock:
            drafts = [one.row for one in requests]
            self._place(requests)
            taken = 0
            try:
                while taken < len(requests):
                    taken += spool.append([one.row for one in requests[taken:]])
            except OSError:
                for one, draft in zip(requests[taken:], drafts[taken:], strict=True):
                    spool.ordinal -= not draft.ordinal
                    one.row = draft
                raise


def _not_recorded(reason: str) -> NotRecorded:
    count("audit.spool.failed")
    return NotRecorded(f"neither the database nor the spool could take the entry: {reason}")
