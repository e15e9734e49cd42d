"""The channel to a second process: whole frames in both directions, through pipes that may block, break or carry garbage.

A frame is a header (mark, kind, number of the request, length of the body in bytes), the body, and an end mark. Incomplete
frames are never accepted, and a frame is written to its end however often the writer is interrupted.

A second process runs `main(*arguments)` of a module, which calls `serve` or `serve_concurrently`. It ends when
its input ends, when it is killed, and soon after the process that started it has ended. Signals from the terminal never reach it.
"""

from __future__ import annotations

from layerscope.channel.processes import start, stop
from layerscope.channel.second_process import SecondProcess
from layerscope.channel.serving import Task, serve, serve_concurrently
from layerscope.channel.wire import ChannelError, Kind, Piece, RequestFailedError, Wire

__all__ = [
    "ChannelError",
    "Kind",
    "Piece",
    "RequestFailedError",
    "SecondProcess",
    "Task",
    "Wire",
    "serve",
    "serve_concurrently",
    "start",
    "stop",
]
