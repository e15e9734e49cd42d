"""Paints in the terminal, and restores it when the program ends or is suspended."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar, cast

from rich.console import COLOR_SYSTEMS, RenderableType
from textual._compositor import CompositorUpdate
from textual.app import App, SuspendNotSupported
from textual.driver import Driver
from textual.screen import Screen

from layerscope import signals
from layerscope.faults import as_user_error
from layerscope.tui.frame import Changes, Frame, erases_in_color

Result = TypeVar("Result")

RESET = (
    "\x18"  # ends an escape sequence that was written in part
    "\x1b[?2004l\x1b[?7h\x1b[?2048l"  # bracketed paste, line wrap, reports of resizing
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # the mouse
    "\x1b[<u\x1b[0m\x1b[?1049l\x1b[?25h\x1b[?1004l"  # kitty's keys, colours, alternate screen, cursor, reports of focus
)
"""Undoes the terminal modes set by Textual's driver. Harmless when repeated."""


class TerminalApp(App[Result]):
    """An app that restores the terminal after signals, and that Ctrl-Z suspends."""

    def __init__(self) -> None:
        super().__init__()
        self._suspended = False
        self._attributes: list[Any] | None = None
        """The terminal settings to restore."""
        self._handlers = ExitStack()
        self._frame: Frame | None = None
        """The cells that the terminal shows."""

    def run_in_terminal(self) -> Result | None:
        """Run until the user quits; returns the app's result. Raises the exception of a signal, and `LayerscopeError` for an
        internal error.
        """
        with contextlib.suppress(termios.error, ValueError, AttributeError):
            self._attributes = termios.tcgetattr(_terminal())
        unregister = signals.at_end(self._restore)
        try:
            result = self.run()
        except BaseException:
            self._restore()
            raise
        finally:
            self._handlers.close()
            unregister()
        signals.raise_ending()
        if self._exception is not None:
            self._restore()  # Textual does not if starting the screen failed
            raise as_user_error(self._exception) from self._exception
        return result

    def leave(self) -> None:
        """Quit immediately, whatever is running."""
        self.workers.cancel_all()
        self.exit()

    def on_ready(self) -> None:
        self.call_after_refresh(_collect_garbage)

    # painting

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Send only cells that changed since the last paint. Textual would send whole widgets."""
        driver = self._driver
        paints = self._running and not self._closed and not self._batch_count
        if (
            isinstance(renderable, CompositorUpdate)
            and driver is not None
            and paints
            and not (driver.is_headless or driver.is_inline)
        ):
            renderable = self._changes(screen, renderable)
        super()._display(screen, renderable)

    def _changes(self, screen: Screen[Any], update: CompositorUpdate) -> Changes | None:
        """The changes to send for an update; None if there are none."""
        compositor, frame = screen._compositor, self._frame
        if frame is None or frame.size != compositor.size:
            colors = COLOR_SYSTEMS[self.console.color_system or "truecolor"]
            erases = erases_in_color()
            frame = self._frame = Frame(compositor.size, colors, erases_in_color=erases)
        if not frame.known:
            background = self._background_screens
            full = compositor.render_update(full=True, screen_stack=background)
            update = cast(CompositorUpdate, full)
        return frame.paint(update)

    def on_resize(self) -> None:
        """After a resize the content of the terminal is unknown, even if its size is the same as before."""
        self.action_redraw()

    def action_redraw(self) -> None:
        """Repaint the whole screen: something else may have written to it."""
        if self._frame is not None:
            self._frame.forget()
        self.refresh()

    # signals

    def _build_driver(self, *args: Any, **kwargs: Any) -> Driver:
        driver = super()._build_driver(*args, **kwargs)
        if driver.can_suspend and not driver.is_headless:
            loop = asyncio.get_running_loop()
            self._handlers.enter_context(
                signals.handled_by(lambda number: self._end_requested(number, loop))
            )
            # Textual's own handlers write to the terminal at any time, even in the middle of another write.
            self._handle(
                signal.SIGTSTP, lambda: loop.call_soon_threadsafe(self.action_suspend_process)
            )
            self._handle(
                signal.SIGCONT,
                lambda: self._suspended or loop.call_soon_threadsafe(self._continued),
            )
            _call_on_hang_up(loop, self._terminal_gone, self._handlers)
        return driver

    def _handle(self, number: signal.Signals, handle: Callable[[], object]) -> None:
        signal.signal(number, lambda *_: handle())
        self._handlers.callback(signal.signal, number, signal.SIG_DFL)

    def _end_requested(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        if self._suspended or self._exit or not _owns_terminal():
            signals.end_now(
                128 + number
            )  # there is no screen to leave, or it was left and something still runs
        loop.call_soon_threadsafe(self.leave)

    def _terminal_gone(self) -> None:
        """End the program: no key can be pressed any more. The system sends SIGHUP only to the session of a terminal."""
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            self.leave()
        else:
            os.kill(os.getpid(), signal.SIGHUP)

    def _restore(self) -> None:
        """Restore the terminal immediately."""
        if self._suspended or self._attributes is None or not _owns_terminal():
            return
        termios.tcsetattr(_terminal(), termios.TCSANOW, self._attributes)
        if sys.__stderr__ is not None:
            os.write(sys.__stderr__.fileno(), RESET.encode())

    # suspending

    def action_suspend_process(self) -> None:
        """Stop the whole job and return to the shell until it continues the program, as Ctrl-Z does elsewhere.

        Without a shell that could continue it, the system does not stop it, and the screen comes back immediately.
        """
        driver = self._driver
        if driver is None or not driver.can_suspend or driver.is_headless or self._suspended:
            return
        self.app_suspend_signal.publish(self)
        driver.suspend_application_mode()
        self._suspended = True
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        self._resume(driver)

    def _continued(self) -> None:
        """Restore the terminal after SIGSTOP, which cannot be handled: its state is unknown."""
        driver = self._driver
        if driver is not None and not self._suspended and not self._exit:
            driver.suspend_application_mode()
            self._suspended = True
            self._resume(driver)

    def _resume(self, driver: Driver) -> None:
        _wait_for_foreground()
        if signals.ending():
            signals.end_now(128 + signals.ending())
        self._suspended = False
        driver.resume_application_mode()
        self.app_resume_signal.publish(self)
        self.action_redraw()
        self.refresh(layout=True)

    def run_program(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run a program in the terminal until it ends, and return its exit code. Ctrl-C reaches only the program, Ctrl-Z stops
        both.

        Raises `OSError` if it cannot be started, and `SuspendNotSupported` without a terminal.
        """
        driver = self._driver
        if driver is None or not driver.can_suspend or driver.is_headless or self._suspended:
            raise SuspendNotSupported("there is no terminal for another program")
        self.app_suspend_signal.publish(self)
        driver.suspend_application_mode()
        self._suspended = True
        # Handlers, unlike ignored signals, are not inherited by the program.
        handlers = {
            number: signal.signal(number, _ignore_signal)
            for number in (signal.SIGINT, signal.SIGQUIT)
        }
        handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        try:
            return _run(command, environment)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self._resume(driver)

    # faults

    def _fatal_error(self) -> None:
        """Suppress the traceback that Textual would print."""
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        self._exit_renderables.clear()

    def panic(self, *_: Any) -> None:
        """Called when the thread that reads keys fails because the terminal is gone."""
        if self._exception is None and not self.is_headless:
            os.kill(os.getpid(), signal.SIGHUP)
        self._close_messages_no_wait()


def _collect_garbage() -> None:
    """Turn garbage collection on if it is off until the first frame. Objects created so far are exempt: checking them would
    delay keys and find nothing.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _call_on_hang_up(
    loop: asyncio.AbstractEventLoop, call: Callable[[], object], stack: ExitStack
) -> None:
    """Until `stack` is closed, call a function once if the terminal is closed: reading from it only returns nothing."""
    try:
        poll = stack.enter_context(select.epoll())
        poll.register(_terminal(), 0)  # hanging up is always reported
    except (OSError, ValueError, AttributeError):
        return  # only Linux has epoll

    def hung_up() -> None:
        loop.remove_reader(poll.fileno())
        call()

    loop.add_reader(poll.fileno(), hung_up)
    stack.callback(loop.remove_reader, poll.fileno())


def _terminal() -> int:
    """The file descriptor that keys are read from."""
    if sys.__stdin__ is None:
        raise ValueError
    return sys.__stdin__.fileno()


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program in the terminal that the explorer draws on, which is stderr: stdout may be a file."""
    screen = None if sys.__stderr__ is None else sys.__stderr__.fileno()
    with subprocess.Popen(
        command, stdin=_terminal(), stdout=screen, stderr=screen, env=environment
    ) as process:
        unregister = signals.at_end(process.terminate)
        try:
            return process.wait()
        finally:
            unregister()


def _ignore_signal(*_: object) -> None:
    """A signal handler that does nothing."""


def _owns_terminal() -> bool:
    """Whether the terminal exists and we are in its foreground: a background process must not touch it."""
    try:
        return os.tcgetpgrp(_terminal()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _wait_for_foreground() -> None:
    """Wait until we are in the foreground: the system stops a program that sets the terminal from the background, until `fg`."""
    while not signals.ending():
        try:
            termios.tcsetattr(_terminal(), termios.TCSANOW, termios.tcgetattr(_terminal()))
        except termios.error as error:
            if error.args[:1] == (errno.EINTR,):
                continue
        return
