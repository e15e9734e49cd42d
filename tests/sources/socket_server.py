"""A server on a Unix socket, in a thread: the base of fake engines."""

from __future__ import annotations

import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path


class SocketHandler(BaseHTTPRequestHandler):
    """Answers requests that come through a socket, without logging them."""

    protocol_version = "HTTP/1.1"

    def get(self) -> None:
        """Answer a GET."""
        raise NotImplementedError

    def post(self) -> None:
        """Answer a POST."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self.get()

    def do_POST(self) -> None:
        self.post()

    def reply(self, status: int, body: bytes) -> None:
        """Answer with a complete body."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def address_string(self) -> str:
        return "socket"


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # the client closed early
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def served(socket: Path, handler: type[SocketHandler]) -> Iterator[None]:
    """A running server."""
    with _Server(str(socket), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
