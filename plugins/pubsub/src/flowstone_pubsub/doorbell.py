"""Doorbells: one byte to a Unix datagram socket tells another process of this host that there is something new.

A bell that is lost, or not heard, is harmless: who waits looks by itself after a while.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from time import monotonic, time_ns
from typing import Final

FOLDER: Final = "bells"
_PATH_LIMIT: Final = 100  # of 108 bytes on Linux, 104 elsewhere
_FRESH_NS: Final = 50_000_000  # a folder's time is as coarse as the kernel's clock tick
_LOOK_S: Final = 0.001  # a new bell that is not rung for so long is harmless as well
_DEAD: Final = (ConnectionRefusedError, FileNotFoundError)


class _Place:
    """The folder of the bells beside a file, and how a socket in it is addressed."""

    def __init__(self, file: Path) -> None:
        self.folder = file.parent / FOLDER
        self.prefix = blake2b(os.fsencode(file.resolve()), digest_size=6).hexdigest()
        self._descriptor = -1

    def address(self, name: str) -> str:
        """Return the path of a socket; over a descriptor of the folder where it would be too long.

        Raises:
            OSError: It is too long, and this system has no such way.
        """
        path = str(self.folder / name)
        if len(os.fsencode(path)) <= _PATH_LIMIT:
            return path
        if not sys.platform.startswith("linux"):
            raise OSError(f"the path of a doorbell is too long: {path}")
        if self._descriptor < 0:
            self._descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._descriptor}/{name}"

    def close(self) -> None:
        """Let go of the folder."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Bell:
    """What one follower waits at.

    Args:
        file: The file whose news it is about; the socket is made in a folder ``bells`` beside it, mode 0700.

    Raises:
        OSError: This system or this place has no Unix sockets: look often instead.
    """

    def __init__(self, file: Path) -> None:
        place = _Place(file)
        place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = place.folder / f"{place.prefix}-{os.getpid()}-{os.urandom(4).hex()}"
        self._socket = _datagram()
        try:
            self._socket.bind(place.address(self._path.name))
        except OSError:
            self._socket.close()
            raise
        finally:
            place.close()
        self._waking, self._wake = os.pipe()
        self._lock = threading.Lock()
        self._closed = False
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._poll.register(self._waking, select.POLLIN)

    def wait(self, timeout: float) -> None:
        """Return when it rings, or after *timeout* seconds."""
        if self._poll.poll(timeout * 1000):
            with suppress(BlockingIOError):
                while self._socket.recv(16):  # one look answers all that have rung so far
                    pass

    def wake(self) -> None:
        """End this and all later waits, from another thread."""
        with self._lock:
            if not self._closed:
                os.write(self._wake, b"!")

    def close(self) -> None:
        """Take the bell away; called by the thread that waits at it."""
        with suppress(OSError):
            self._path.unlink()
        with self._lock:
            self._closed = True
            self._socket.close()
            os.close(self._waking)
            os.close(self._wake)


class Ringer:
    """Rings all bells of a file; those of processes that died are taken away. Safe for threads."""

    def __init__(self, file: Path) -> None:
        self._place = _Place(file)
        self._folder = str(self._place.folder)
        self._bells: dict[str, socket.socket] = {}
        self._changed = -1
        self._look_at = 0.0

    def ring(self) -> None:
        """Ring; it never waits."""
        with suppress(OSError):
            if monotonic() >= self._look_at:
                self._look()
                self._look_at = monotonic() + _LOOK_S
        for name, bell in tuple(self._bells.items()):
            with suppress(OSError):
                self._tell(name, bell)

    def _look(self) -> None:
        """See who is there; the folder is read again when it has changed."""
        changed = os.stat(self._folder).st_mtime_ns  # noqa: PTH116  # often, and Path.stat is dearer
        if changed == self._changed:
            return
        with os.scandir(self._folder) as entries:
            found = {one.name for one in entries if one.name.startswith(self._place.prefix)}
        for name in self._bells.keys() - found:
            self._let_go(name)
        for name in found - self._bells.keys():
            self._connect(name)
        # What changes once more within a tick of the clock would not be seen.
        self._changed = changed if time_ns() - changed > _FRESH_NS else -1

    def _connect(self, name: str) -> None:
        """Connect to a bell: to send to its path each time would have the kernel look for it each time."""
        made = _datagram()
        try:
            made.connect(self._place.address(name))
        except OSError as error:
            made.close()
            if isinstance(error, _DEAD):
                self._take_away(name)
            return
        if self._bells.setdefault(name, made) is not made:  # another thread was faster
            made.close()

    def _tell(self, name: str, bell: socket.socket) -> None:
        try:
            bell.send(b"!")
        except BlockingIOError:
            pass  # it rings already
        except _DEAD:
            self._let_go(name)
            self._take_away(name)

    def _let_go(self, name: str) -> None:
        bell = self._bells.pop(name, None)
        if bell is not None:  # another thread that rings was not faster
            bell.close()

    def _take_away(self, name: str) -> None:
        with suppress(OSError):
            (self._place.folder / name).unlink()

    def close(self) -> None:
        """Let go of the sockets."""
        for name in tuple(self._bells):
            self._let_go(name)
        self._changed = -1
        self._look_at = 0.0
        self._place.close()


def _datagram() -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("this system has no Unix sockets")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made
