"""The process of one open page: it runs the explorer, whose terminal is the page."""

from __future__ import annotations

import asyncio
import json
import shlex
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from layerscope import signals

_READY = b"__GANGLION__\n"
"""What Textual's driver writes once it speaks in packets."""
_END_SECONDS = 2.0
"""Seconds in which the explorer has to end after it was asked to."""


class PageProcess(AppService):
    """An explorer that textual-serve's packets connect to a page.

    Unlike textual-serve it starts no shell, does not wait for a process that hangs, and takes from it what it paints and its end:
    neither files to deliver nor addresses to open. Errors go to the stderr of the server.
    """

    _process: Process | None
    _task: asyncio.Task[None] | None
    _stdin: asyncio.StreamWriter | None

    def __init__(self, command: Sequence[str], page: web.WebSocketResponse) -> None:
        super().__init__(
            shlex.join(command),
            write_bytes=page.send_bytes,
            write_str=page.send_str,
            close=self._close,
            download_manager=DownloadManager(),
        )
        self._page = page
        self._arguments = command
        self._remove_cleanup: Callable[[], None] = _nothing

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._process = process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=PIPE,
            stdout=PIPE,
            env=self._build_environment(width, height) | terminal,
            start_new_session=True,  # Ctrl-C is for the server, which ends it in order
        )
        self._remove_cleanup = signals.at_end(process.kill)
        self._stdin = process.stdin
        return process

    async def _close(self) -> None:
        await self._page.close()

    async def run(self) -> None:
        """Send the page what the explorer paints, until it ends."""
        process = self._process
        assert process is not None  # noqa: S101  # for the types: `start` made it
        assert process.stdout is not None  # noqa: S101
        with suppress(asyncio.IncompleteReadError, ValueError, ConnectionError):
            if await process.stdout.readline() == _READY:
                while True:
                    head = await process.stdout.readexactly(5)
                    payload = await process.stdout.readexactly(int.from_bytes(head[1:], "big"))
                    if head[:1] == b"D":
                        await self.on_data(payload)
                    elif head[:1] == b"M" and json.loads(payload).get("type") == "exit":
                        break
        await self.remote_close()

    async def stop(self) -> None:
        """End the explorer: in order, or by force if it takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._stdin is not None:
            with suppress(OSError, RuntimeError):
                await self.send_meta({"type": "quit"})
        if self._task is not None:  # nobody reads what it still paints
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        drain = asyncio.create_task(_drain(process))
        try:
            await asyncio.wait_for(process.wait(), _END_SECONDS)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        finally:
            drain.cancel()
            self._remove_cleanup()


async def _drain(process: Process) -> None:
    """Read and drop, so that a process that writes can come to its end."""
    while process.stdout is not None and await process.stdout.read(1 << 16):
        pass


def _nothing() -> None:
    """There is no process yet."""
