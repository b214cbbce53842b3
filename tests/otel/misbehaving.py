"""A receiver that misbehaves."""

from __future__ import annotations

import socket
import threading
import time

from tests.servers.ports import free_port


class Silent:
    """Accepts connections and never answers."""

    def __init__(self, answer_after: float | None = None) -> None:
        self._answer_after = answer_after
        self._socket = socket.create_server(("127.0.0.1", free_port()))
        self.endpoint = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._held.append(connection)
            if self._answer_after is not None:
                threading.Thread(
                    target=self._answer, args=(connection, self._answer_after), daemon=True
                ).start()

    def _answer(self, connection: socket.socket, after: float) -> None:
        try:
            while connection.recv(1 << 20):
                time.sleep(after)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                connection.close()
                return
        except OSError:
            return

    def close(self) -> None:
        """Stop accepting, and let go of all connections."""
        self._socket.close()
        for connection in self._held:
            connection.close()
