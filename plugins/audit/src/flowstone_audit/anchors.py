"""Anchors: places outside of the database where checkpoints are published.

Whoever owns the database can rewrite it with its seals, but not what was published. Each anchor gets each
checkpoint at least once, in order, from the first that it is told of in this home on; how far it is stands in
``$FLOWSTONE_HOME/audit/anchored.json``. One that fails or hangs is counted, keeps nobody waiting, and gets
what it missed the next time; likewise one that is slow, as far as it does not get in its time.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol, runtime_checkable

from sqlalchemy import Connection, select

from flowstone.plugin import count, provided, start_thread
from flowstone_audit import config, heads
from flowstone_audit.event_anchor import EventAnchor
from flowstone_audit.file_anchor import FileAnchor
from flowstone_audit.tables import seal

WAIT_S: Final = 2.0
"""What one anchor may take for a publication before it is left behind, and for all before the rest has to wait."""

_AT_ONCE: Final = 256
_MOST: Final = 8192  # so many checkpoints to one anchor before the others have their turn
_hung: set[tuple[int, str]] = set()  # with the pid: a fork does not inherit the thread
_slow: set[str] = set()  # that did not get all in the last publication


@runtime_checkable
class Anchor(Protocol):
    """Where checkpoints are published.

    Attributes:
        name: Unique among the anchors of a home.
    """

    name: str

    def publish(self, note: str) -> None:
        """Publish a signed checkpoint; raise where that failed, and it is tried again."""


def all_anchors() -> list[Anchor]:
    """Return the anchors that are shipped, and those of plugins (hook ``provide_audit_anchor``)."""
    file = config.load().anchor_file
    shipped: list[Anchor] = [EventAnchor(), *([FileAnchor(file)] if file is not None else [])]
    return shipped + [one for one in provided("provide_audit_anchor") if isinstance(one, Anchor)]


def publish(connection: Connection) -> None:
    """Publish to each anchor the checkpoints that it has not got; never raises for an anchor's fault.

    One that takes long keeps it no longer than twice ``WAIT_S``. Where another process of this home is publishing, it is left to that one.
    """
    _slow.clear()
    folder = config.load().folder
    with connection.begin():
        log_id, size = heads.log_id(connection), heads.size(connection)
    with _alone(folder) as alone:
        if not alone:
            return
        places = _read(folder / "anchored.json")
        reached = places.setdefault(log_id, {})
        before = dict(reached)
        for anchor in all_anchors():
            if reached.get(anchor.name, 0) > size:  # of no tree that is here: it would wait for ever
                del reached[anchor.name]
            _bring_up(connection, anchor, reached)
        if reached != before:
            _save(folder / "anchored.json", places)


def has_more() -> bool:
    """Tell whether time was too short for what this process published last: soon it is to publish again."""
    return bool(_slow)


def _bring_up(connection: Connection, anchor: Anchor, reached: dict[str, int]) -> None:
    left, deadline = _MOST, monotonic() + WAIT_S
    while left > 0:
        waiting = _waiting(connection, reached.get(anchor.name), min(left, _AT_ONCE))
        for size, note in waiting:
            if monotonic() > deadline:
                _slow.add(anchor.name)
                return
            if not _published(anchor, note):
                count(f"audit.anchor.failed.{anchor.name}")
                return
            reached[anchor.name] = size
        left -= len(waiting) or left


def _waiting(connection: Connection, after: int | None, most: int) -> list[tuple[int, str]]:
    """Return size and note of the checkpoints beyond size *after*, oldest first; if None, of the newest."""
    wanted = select(seal.c.first_leaf + seal.c.leaves, seal.c.note)
    if after is None:  # an anchor that is new here: the newest speaks for all before it
        wanted = wanted.order_by(seal.c.first_leaf.desc()).limit(1)
    else:
        wanted = wanted.where(seal.c.first_leaf >= after).order_by(seal.c.first_leaf).limit(most)
    with connection.begin():
        return [(size, note) for size, note in connection.execute(wanted)]


def _published(anchor: Anchor, note: str) -> bool:
    """Publish in a thread that is left behind when it hangs; such an anchor is asked no more by this process."""
    if (os.getpid(), anchor.name) in _hung:
        return False
    done: list[bool] = []
    worker = start_thread(_publish, "flowstone-anchor", anchor, note, done)
    if worker is None:
        _publish(anchor, note, done)
        return bool(done)
    worker.join(WAIT_S)
    if worker.is_alive():
        _hung.add((os.getpid(), anchor.name))
    return bool(done)


def _publish(anchor: Anchor, note: str, done: list[bool]) -> None:
    try:
        anchor.publish(note)
    except Exception:  # the fault wall of anchors: counted by the caller
        return
    done.append(True)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "anchored.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _read(path: Path) -> dict[str, dict[str, int]]:
    """Return how far each anchor of each log is; what is none is left out, and published anew."""
    try:
        found: Any = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    places = found.items() if isinstance(found, dict) else ()
    return {
        log: {name: size for name, size in reached.items() if type(size) is int and size >= 0}
        for log, reached in places
        if isinstance(reached, dict)
    }


def _save(path: Path, places: dict[str, dict[str, int]]) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(places, indent=1, sort_keys=True))
    draft.replace(path)
