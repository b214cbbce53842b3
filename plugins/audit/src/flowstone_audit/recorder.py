"""The audit log as one process has it: its spool, its turn at the database, its chores."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from secrets import token_hex
from typing import Final

from flowstone.plugin import Event, Refused, count, this_process
from flowstone_audit import config
from flowstone_audit.chores import Chores
from flowstone_audit.losses import Losses
from flowstone_audit.mapping import row_of
from flowstone_audit.row import Row
from flowstone_audit.spool import own
from flowstone_audit.spool.appender import Appender, Item
from flowstone_audit.spool.batch import Batch, packed
from flowstone_audit.spool.syncing import Syncing

_ENOUGH: Final = 256
_SYNC_S: Final = 0.4
"""How long the drain waits for the disk: above 0.6 s it would take us for hung."""


class Recorder:
    """Everything of the audit log that exists once in a process.

    Args:
        settings: What holds as long as it lives.
    """

    def __init__(self, settings: config.Config) -> None:
        process = this_process()
        self.pid = os.getpid()
        self.config = settings
        self.writer = f"{process.host}/{process.pid}/{token_hex(4)}"
        self.spool = Appender(settings.spool, self.writer, settings.spool_max_bytes)
        self.syncing = Syncing(self.spool.sync)
        self.losses = Losses(self.spool, settings.on_failure)
        self.own = own.claim(settings.spool, self.spool.stem)
        self._items: list[Item] = []
        self._gathered = 0
        self._durable: list[Event] = []
        self._chores: Chores | None = None
        self._starting = threading.Lock()

    @property
    def chores(self) -> Chores:
        """Return what works in the background, started when it is first asked for."""
        if self._chores is None:
            with self._starting:
                if self._chores is None:
                    self._chores = Chores(self.config, self.spool)
        return self._chores

    @property
    def is_at_work(self) -> bool:
        """Tell whether anything was ever recorded here."""
        return self._chores is not None

    def gather(self, batch: Sequence[Event]) -> None:
        """Take what is audited of *batch*, to be written by ``settle``; at once where there is much."""
        policy = self.config.policy
        kept = [event for event in batch if policy[event.name] != "off"]
        if not kept:
            return
        self._durable += [event for event in kept if policy[event.name] == "durable"]
        for one in packed(kept):  # now, while the events are at hand in the processor's caches
            if isinstance(one, Batch):
                self._items.append(one)
            elif one.encodable:
                self._items.append(row_of(one.event, 0, self.writer, private=self.config.private))
            else:
                count("audit.unencodable")
                self.losses.drop(1, f"a {one.event.name} event has no JSON form")
        self._gathered += len(kept)
        if self._gathered >= _ENOUGH:
            self._write()

    def settle(self) -> None:
        """Append what was gathered to the spool; what is durable is on the disk when this returns.

        Raises:
            Refused: It is not, and the policy is to tell who waits for it.
        """
        if not self._items and not self.losses.held and not self._durable:
            return
        reason = self._write()
        durable, self._durable = self._durable, []
        if durable:
            reason = reason or self.syncing.wait(_SYNC_S)
            waiting = [one.id for one in durable if self.must_keep(one.name)] if reason else []
            if waiting:
                count("audit.refused", len(waiting))
                raise Refused(f"the audit log cannot keep it durably: {reason}", waiting)

    def must_keep(self, name: str) -> bool:
        """Tell whether whoever waits for an event called *name* to be durable is told where it is not."""
        config = self.config
        if config.url is None or config.policy[name] != "durable":
            return False
        return config.on_failure.of(name, waiting=True) == "raise"

    def hold(self, row: Row, reason: str) -> None:
        """Keep an entry of ``log()`` in memory that could be written nowhere, to be tried again."""
        self.losses.hold([row], reason)

    def close(self) -> None:
        """End the chores, and let go of the spool; what comes later begins another segment."""
        if self._chores is not None:
            self._chores.stop()
            self._chores = None
        self.spool.close()

    def _write(self) -> str:
        """Append what was gathered; return why that failed, empty where it did not."""
        items, self._items, self._gathered = self._items, [], 0
        queue: list[Item] = [*self.losses.release(), *items] if self.losses.held else items
        reason = ""
        taken = 0
        try:
            while taken < len(queue):
                taken += self.spool.append(queue[taken:] if taken else queue)
            self.losses.tell()
        except OSError as error:
            reason = error.strerror or str(error)
            self.losses.take(queue[taken:], reason)
        if queue:
            self.chores.note()
        return reason

    def abandon(self) -> None:
        """Close what a forked child has of its parent's files; the locks stay the parent's."""
        self.spool.abandon()


_recorder: Recorder | None = None
_known: tuple[str | bytes | None, ...] = ()
_making = threading.RLock()  # a signal handler may come while its thread has it


def current() -> Recorder:
    """Return the recorder of this process; another one where its settings have changed.

    Raises:
        ValueError: A setting is malformed.
        OSError: The home folder cannot be made.
    """
    found = _recorder
    if found is not None and _known == config.fingerprint():
        return found
    return _made()


def settings() -> config.Config:
    """Return the settings as they are now, without making a recorder.

    Raises:
        ValueError: A setting is malformed.
        OSError: The home folder cannot be made.
    """
    found = _recorder
    return found.config if found is not None and _known == config.fingerprint() else config.load()


def peek() -> Recorder | None:
    """Return the recorder of this process, if there is one."""
    return _recorder


def replace(other: Recorder | None) -> Recorder | None:
    """Put *other* in the place of this process's recorder; return the former. For tests."""
    global _recorder, _known
    former, _recorder = _recorder, other
    _known = config.fingerprint() if other is not None else ()
    return former


def _made() -> Recorder:
    global _recorder, _known
    with _making:
        known = config.fingerprint()
        if _recorder is None or _known != known:
            former, _recorder = _recorder, Recorder(config.load())
            _known = known
            if former is not None:
                former.close()
        return _recorder


def _after_fork_in_child() -> None:
    global _recorder, _making
    _making = threading.RLock()
    former, _recorder = _recorder, None
    if former is not None:
        former.abandon()
        _inherited.append(former)


_inherited: Final[list[Recorder]] = []  # its threads and locks are the parent's: nothing of it may run here
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
