"""Health on a port of its own, served by the standard library."""

from __future__ import annotations

import os
import socket
import socketserver
import threading
import weakref
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote

from flowstone.plugin import count
from flowstone_health import config, draining, reporting
from flowstone_health.board import Board
from flowstone_health.connections import REQUEST_S, Connections
from flowstone_health.exchange import Request
from flowstone_health.routes import HEALTH, respond

_LONGEST_BODY: Final = 1 << 16


class Handler(BaseHTTPRequestHandler):
    """Serves a connection, request after request."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "flowstone", ""
    timeout = REQUEST_S
    disable_nagle_algorithm = True
    error_message_format, error_content_type = "%(code)d\n", "text/plain"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # any method: the routes say which are allowed
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        assert isinstance(self.server, _Listener)
        self._swallow_body()
        path, _, query = self.path.partition("?")
        board = self.server.board()
        if path in HEALTH:
            board.looked.wait(board.first_wait())
        answer = respond(
            Request(
                method=self.command,
                path=unquote(path.partition("#")[0], errors="replace"),
                query=query.partition("#")[0],
                headers={name.lower(): value for name, value in self.headers.items()},
                peer=str(self.client_address[0]),
            ),
            board,
            config.load(),
        )
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("connection", "close")
        self._headers_buffer.append(b"\r\n" + answer.body)
        self.flush_headers()
        self.server.connections.answered(self.connection)

    def _swallow_body(self) -> None:
        """Read what nobody asked for, or it would be taken for the next request."""
        length = self.headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length) <= _LONGEST_BODY:
            self.rfile.read(int(length))
        else:
            self.close_connection = True
        if "transfer-encoding" in self.headers:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
        """Log nothing: probes come every second."""


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, board: Callable[[], Board]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.board = board
        self.connections = Connections()
        self.inherited = False  # from the process that this one was forked of, and closed
        super().__init__((host, port), Handler)
        _listeners.add(self)

    def server_bind(self) -> None:
        """Bind, without asking the name service who we are."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own."""
        if not self.connections.admit(request):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no more threads
            self.connections.left(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve the connection, and free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.connections.left(request)

    def service_actions(self) -> None:
        """Drop whoever is late; called ten times a second."""
        self.connections.drop_late()

    def leave_to_parent(self) -> None:
        """Close what a forked child inherited: nobody serves it here, and it would keep the port."""
        self.inherited = True
        self.socket.close()
        self.connections.close_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Count what went wrong with a connection; nothing is printed."""
        count("health.connection.failed")


_listeners: Final[weakref.WeakSet[_Listener]] = weakref.WeakSet()


def _in_child() -> None:
    for listener in list(_listeners):
        listener.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


class Server:
    """A server that runs until it is closed. A context manager.

    A forked child does not go on with it, and does not keep the port from its parent's successor.

    Attributes:
        host: Where it listens.
        port: On which port; the one that was found where 0 was given.
    """

    def __init__(self, host: str, port: int, board: Callable[[], Board] = reporting.board) -> None:
        self._listener = _Listener(host, port, board)
        self.host, self.port = self._listener.server_name, self._listener.server_port
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.1,), name="flowstone-health-server", daemon=True
        )
        self._thread.start()
        board()

    def close(self) -> None:
        """Listen no more; what is being answered is answered."""
        if self._listener.inherited:  # its thread is none of this process's
            return
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join(1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(port: int | None = None, host: str | None = None) -> Server:
    """Serve health on a port of its own, in a background thread.

    Args:
        port: ``FLOWSTONE_HEALTH_PORT`` if not given; 0 finds a free one.
        host: ``FLOWSTONE_HEALTH_HOST`` if not given, by default the loopback.

    Raises:
        OSError: The port is taken.
    """
    settings = config.load()
    made = Server(settings.host if host is None else host, settings.port if port is None else port)
    draining.watch()
    return made
