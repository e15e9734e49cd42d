"""What happens when a handler or a worker raises: a dialog, and the program goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual.message import Message
from textual.worker import Worker, WorkerFailed, WorkerState

from layerscope import faults
from layerscope.errors import LayerscopeError

if TYPE_CHECKING:
    from layerscope.tui.app import LayerscopeApp


def as_user_error(error: BaseException) -> LayerscopeError:
    """An exception as what can be said about it in a dialog: the program goes on."""
    while isinstance(error, WorkerFailed):
        error = error.error
    said = faults.as_user_error(error)
    if isinstance(said, faults.InternalError):
        said.hint = "y copies all there is to report · the program goes on"
    return said


class Guarded:
    """Mixed into apps, screens and widgets: what their handlers and workers raise is said, and they live on.

    Textual ends the loop of a widget whose handler raises, and the program with it.
    """

    async def _dispatch_message(self, message: Message) -> None:
        app = cast("LayerscopeApp", cast("Any", self).app)
        try:
            if isinstance(message, Worker.StateChanged) and message.state is WorkerState.ERROR:
                app.failed(message.worker.error or RuntimeError("a worker failed"))
            await super()._dispatch_message(message)  # type: ignore[misc]
        except Exception as error:
            app.failed(error)
