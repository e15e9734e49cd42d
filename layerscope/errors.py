"""Errors for users, with their exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command: they are an interface."""

    OK = 0
    FAILED = 1
    """A gate failed, nothing matched, or two images differ."""
    USAGE = 2
    """Wrong options or configuration, or output that cannot be written."""
    UNREADABLE = 3
    """The image is missing, unreadable or damaged."""
    UNREACHABLE = 4
    """The requested source, or every source, is unreachable."""
    INTERNAL = 70
    """An internal error of layerscope, or not enough memory: says nothing about the image."""
    INTERRUPTED = 130


class LayerscopeError(Exception):
    """An error that the user can act on.

    Its text is one sentence that names the file and the problem; `hint` says what to do.
    """

    exit_code: int = ExitCode.UNREADABLE
    """An `ExitCode`, or the exit code of a program that was run for the user."""
    title = "Error"
    registry_reference: str | None = None
    """The reference under which a registry may have an image that was not found."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LayerscopeError):
    """An option, a reference or the configuration is wrong."""

    exit_code = ExitCode.USAGE
    title = "Usage"


class NothingFoundError(LayerscopeError):
    """The image is fine, but nothing in it matches."""

    exit_code = ExitCode.FAILED
    title = "Nothing found"


class GateFailedError(LayerscopeError):
    """The image is fine, but exceeds a limit of the gate."""

    exit_code = ExitCode.FAILED
    title = "The gate failed"


class ImageNotFoundError(LayerscopeError):
    """No source has the requested image."""

    title = "Image not found"


class NotAnImageError(LayerscopeError):
    """The file or directory is not an image."""

    title = "Not an image"


class CorruptImageError(LayerscopeError):
    """An image that contradicts itself, is truncated or is damaged."""

    title = "Damaged image"


class ContentsNotSavedError(LayerscopeError):
    """File contents were requested from a file that `layerscope save` wrote, which has none."""

    title = "No contents"

    def __init__(self, file: str) -> None:
        super().__init__(
            f"contents are not in {file}; open the image itself",
            hint="layerscope save keeps what is known of an image: paths, sizes, digests, findings",
        )


class LimitExceededError(LayerscopeError):
    """A limit against hostile input was reached; the message names it and how to raise it."""

    title = "Limit reached"


class UnreachableError(LayerscopeError):
    """The source cannot be reached."""

    exit_code = ExitCode.UNREACHABLE
    title = "Source unreachable"


class BuildFailedError(LayerscopeError):
    """A build that was run for the user failed, with its own exit code."""

    title = "The build failed"

    def __init__(self, message: str, exit_code: int, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class CancelledError(Exception):
    """The user asked to stop: raised inside long work when `Progress.cancelled()` turns true."""


@contextmanager
def prefix_errors(name: str) -> Iterator[None]:
    """Prefix errors raised inside with the name of one of several images."""
    try:
        yield
    except LayerscopeError as error:
        error.message = f"{name}: {error.message}"
        error.args = (error.message,)
        raise
