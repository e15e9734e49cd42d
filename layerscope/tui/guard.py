"""Errors of handlers and workers are shown in a dialog, and the program continues."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any, Protocol, cast

from textual.message import Message
from textual.worker import Worker, WorkerFailed, WorkerState

from layerscope.errors import LayerscopeError


class BugError(LayerscopeError):
    """An unexpected exception, as a message and as a report."""

    title = "This is a bug in layerscope"

    def __init__(self, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "layerscope" in Path(frame.filename).parts]
        self.place = "an unknown location"
        for at in (ours or frames)[-1:]:
            self.place = f"{_short(at.filename)}, line {at.lineno}, in {at.name}"
        said = str(error).splitlines()[0][:200] if str(error) else ""
        super().__init__(
            f"{type(error).__name__}{': ' + said if said else ''}\nat {self.place}",
            hint="You can continue. Please report this error.",
        )
        self.report = "".join(traceback.format_exception(error))
        """The whole traceback."""


def as_user_error(error: BaseException) -> LayerscopeError:
    """An exception as an error for the user."""
    while isinstance(error, WorkerFailed):
        error = error.error
    return error if isinstance(error, LayerscopeError) else BugError(error)


class ShowsErrors(Protocol):
    """An app that shows an exception and continues."""

    def failed(self, error: BaseException) -> None:
        """Show the exception."""


def app_of(widget: object) -> ShowsErrors:
    """The app that a guarded screen or widget belongs to."""
    return cast("ShowsErrors", cast("Any", widget).app)


class Guarded:
    """Mixin for apps, screens and widgets: errors of handlers and workers are shown, and the widget stays alive.

    Otherwise Textual ends the message loop of the widget, and the program.
    """

    async def _dispatch_message(self, message: Message) -> None:
        app = app_of(self)
        try:
            if isinstance(message, Worker.StateChanged) and message.state is WorkerState.ERROR:
                app.failed(message.worker.error or RuntimeError("a worker failed"))
            await super()._dispatch_message(message)  # type: ignore[misc]
        except Exception as error:
            app.failed(error)


def _short(filename: str) -> str:
    """A file's path from the package on."""
    parts = Path(filename).parts
    if "layerscope" in parts:
        last = len(parts) - 1 - parts[::-1].index("layerscope")
        return "/".join(parts[last:])
    return parts[-1] if parts else filename
