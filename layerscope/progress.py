"""Progress reports and cancellation of long work."""

from __future__ import annotations

from typing import Protocol

from layerscope.errors import CancelledError


class Progress(Protocol):
    """Receives progress reports. Methods are called from any thread and must be quick."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A new stage begins; `total` is its size in bytes or items, None when unknown."""

    def advance(self, done: int) -> None:
        """`done` more units of the running stage are finished."""

    def cancelled(self) -> bool:
        """Whether the user asked to stop."""


class NullProgress:
    """Ignores reports and never cancels."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Ignored."""

    def advance(self, done: int) -> None:
        """Ignored."""

    def cancelled(self) -> bool:
        """Never cancelled."""
        return False


def check(progress: Progress) -> None:
    """Raise `CancelledError` when the user asked to stop."""
    if progress.cancelled():
        raise CancelledError


class QuietProgress:
    """Cancelled with another progress, without reporting to it: for background work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def stage(self, name: str, total: int | None = None) -> None:
        """Ignored."""

    def advance(self, done: int) -> None:
        """Ignored."""

    def cancelled(self) -> bool:
        return self._progress.cancelled()


class StoppableProgress:
    """Forwards reports and can be cancelled: stops the other threads when one fails."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._stopped = False

    def stop(self) -> None:
        """From now on `cancelled` is true."""
        self._stopped = True

    def stage(self, name: str, total: int | None = None) -> None:
        self._progress.stage(name, total)

    def advance(self, done: int) -> None:
        self._progress.advance(done)

    def cancelled(self) -> bool:
        return self._stopped or self._progress.cancelled()
