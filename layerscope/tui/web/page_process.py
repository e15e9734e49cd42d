"""The process of an open page: it runs the explorer, with the page as its terminal."""

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
"""The line that Textual's web driver writes before its first packet."""
_END_SECONDS = 2.0
"""Seconds until an explorer that was asked to end is killed."""


class PageProcess(AppService):
    """An explorer, connected to a page by textual-serve's packets.

    Unlike textual-serve's own service, it starts no shell and does not wait for a process that hangs. Of the process's packets it
    handles only paints and the exit, not files to deliver or addresses to open. Errors go to the stderr of the server.
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
            start_new_session=True,  # Ctrl-C goes to the server, which then ends the explorer
        )
        self._remove_cleanup = signals.at_end(process.kill)
        self._stdin = process.stdin
        return process

    async def _close(self) -> None:
        await self._page.close()

    async def run(self) -> None:
        """Send the explorer's paints to the page until the explorer ends."""
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
        """Ask the explorer to end, and kill it if it takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._stdin is not None:
            with suppress(OSError, RuntimeError):
                await self.send_meta({"type": "quit"})
        if self._task is not None:  # its last paints are not needed
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
    """Read and discard the output, so that the process does not block on writing."""
    while process.stdout is not None and await process.stdout.read(1 << 16):
        pass


def _nothing() -> None:
    """The cleanup before there is a process."""
