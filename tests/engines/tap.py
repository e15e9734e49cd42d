"""A proxy for the socket of an engine that calls a function after a number of bytes of an answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PIECE = 1 << 16


@contextmanager
def proxied(engine: Path, where: Path, after: int, action: Callable[[], object]) -> Iterator[str]:
    """The address of a socket that leads to `engine`; `action` is called once an answer exceeds `after` bytes."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(where))
    listening.listen()
    triggered = threading.Event()

    def forward(source: socket.socket, target: socket.socket, *, answer: bool) -> None:
        total = 0
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                total += len(piece)
                if answer and total > after and not triggered.is_set():
                    triggered.set()
                    action()
                target.sendall(piece)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def connect(client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(str(engine))
            request_thread = threading.Thread(
                target=forward, args=(client, server), kwargs={"answer": False}, daemon=True
            )
            request_thread.start()
            forward(server, client, answer=True)
            request_thread.join()

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                threading.Thread(target=connect, args=(client,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"unix://{where}"
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
