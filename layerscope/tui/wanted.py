"""Work in a thread that ends as soon as nobody wants it any more."""

from __future__ import annotations

from collections.abc import Callable

from textual.worker import get_current_worker

from layerscope.errors import CancelledError


def check_while(wanted: Callable[[], bool]) -> Callable[[], None]:
    """Called in a worker's thread: a check for the core to call often. It raises `CancelledError` once the worker is
    cancelled or what it works out is not `wanted`."""
    worker = get_current_worker()

    def check() -> None:
        if worker.is_cancelled or not wanted():
            raise CancelledError

    return check
