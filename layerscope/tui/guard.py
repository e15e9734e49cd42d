"""What happens when a handler or a worker raises: a dialog, and the program goes on."""

from __future__ import annotations

from typing import Any, Protocol, cast

from textual.message import Message
from textual.worker import Worker, WorkerFailed, WorkerState

from layerscope import faults
from layerscope.errors import LayerscopeError


def as_user_error(error: BaseException) -> LayerscopeError:
    """An exception as what can be said about it in a dialog: the program goes on."""
    while isinstance(error, WorkerFailed):
        error = error.error
    said = faults.as_user_error(error)
    if isinstance(said, faults.InternalError):
        said.hint = "y copies all there is to report · the program goes on"
    return said


class ShowsErrors(Protocol):
    """An app that shows an exception and goes on."""

    def failed(self, error: BaseException) -> None:
        """Show what was raised."""


def app_of(widget: object) -> ShowsErrors:
    """The app that a guarded screen or widget belongs to."""
    return cast("ShowsErrors", cast("Any", widget).app)


class Guarded:
    """Mixed into apps, screens and widgets: what their handlers and workers raise is said, and they live on.

    Textual ends the loop of a widget whose handler raises, and the program with it.
    """

    async def _dispatch_message(self, message: Message) -> None:
        app = app_of(self)
        try:
            if isinstance(message, Worker.StateChanged) and message.state is WorkerState.ERROR:
                app.failed(message.worker.error or RuntimeError("a worker failed"))
            await super()._dispatch_message(message)  # type: ignore[misc]
        except Exception as error:
            app.failed(error)
