"""Shows errors of handlers and workers in a dialog; the program continues."""

from __future__ import annotations

from typing import Any, Protocol, cast

from textual.message import Message
from textual.worker import Worker, WorkerFailed, WorkerState

from layerscope import faults
from layerscope.errors import LayerscopeError


def as_user_error(error: BaseException) -> LayerscopeError:
    """Convert an exception to an error for the user; the program continues."""
    while isinstance(error, WorkerFailed):
        error = error.error
    user_error = faults.as_user_error(error)
    if isinstance(user_error, faults.InternalError):
        user_error.hint = "y copies the whole error report · the program continues"
    return user_error


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
