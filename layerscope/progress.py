"""How long work tells how far it is, and learns that it should stop."""

from __future__ import annotations

from typing import Protocol

from layerscope.errors import CancelledError


class Progress(Protocol):
    """What long work reports to. Methods are called from any thread and must be quick."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A new stage begins; `total` is its size in bytes or items, None when unknown."""

    def advance(self, done: int) -> None:
        """`done` more units of the running stage are finished."""

    def cancelled(self) -> bool:
        """Whether the user asked to stop."""


class NullProgress:
    """Reports to nobody and never stops."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Nothing to show."""

    def advance(self, done: int) -> None:
        """Nothing to show."""

    def cancelled(self) -> bool:
        """Nobody asks to stop."""
        return False


def check(progress: Progress) -> None:
    """Raise `CancelledError` when the user asked to stop."""
    if progress.cancelled():
        raise CancelledError


class Quiet:
    """Stops when another progress does, and tells it nothing: for work beside that which it is about."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def stage(self, name: str, total: int | None = None) -> None:
        """Nothing to show."""

    def advance(self, done: int) -> None:
        """Nothing to show."""

    def cancelled(self) -> bool:
        return self._progress.cancelled()


class Stoppable:
    """Passes progress on, and can be told to stop: for work in threads when one of them fails."""

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
