"""A wire to a server that can be cut, and frozen: what a network does when it is partitioned."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.servers.ports import free_port

_PIECE = 65_536


class Relay:
    """Passes bytes on between its own port and a server's."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._taking = True
        self._ending = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def freeze(self) -> None:
        """Pass nothing on, in silence: connections stay, as behind a firewall that drops packets."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Pass on again, what waited first."""
        self._flowing.set()

    def cut(self) -> None:
        """Break all connections, and refuse new ones until ``mend``."""
        self._taking = False
        self.sever()

    def sever(self) -> None:
        """Break all connections that there are."""
        for pair in list(self._pairs):
            for one in pair:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Take connections again."""
        self._taking = True
        self.thaw()

    def close(self) -> None:
        """End it, and all connections."""
        self._ending = True
        self.thaw()
        self.sever()
        self._thread.join(5)
        self._listener.close()
        for pair in self._pairs:
            for one in pair:
                one.close()

    def _work(self) -> None:
        while not self._ending:
            if not self._flowing.wait(0.05):
                continue
            ends = {a: b for pair in self._pairs for a, b in (pair, pair[::-1])}
            ready, _, _ = select.select([self._listener, *ends], [], [], 0.05)
            for one in ready:
                if not self._flowing.is_set():
                    break
                if one is self._listener:
                    self._accept()
                elif one.fileno() >= 0:
                    self._pass(one, ends[one])

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        try:
            if not self._taking:
                raise ConnectionRefusedError
            far = socket.create_connection(("127.0.0.1", self._target), timeout=2)
        except OSError:
            near.close()
            return
        far.settimeout(5)
        near.settimeout(5)
        self._pairs.append((near, far))

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            piece = source.recv(_PIECE)
            if piece:
                sink.sendall(piece)
                return
        except OSError:
            piece = b""
        self._pairs = [pair for pair in self._pairs if source not in pair]
        source.close()
        sink.close()


@contextmanager
def relayed(target: int) -> Iterator[Relay]:
    """Run a wire to the server at the port *target*."""
    relay = Relay(target)
    try:
        yield relay
    finally:
        relay.close()
