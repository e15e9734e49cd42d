"""The channel to a second process: whole frames in both directions, through pipes that may block, break or carry garbage.

A frame is a head (mark, kind, number of the request, bytes of the body), the body, and an end mark. Incomplete frames are never
accepted, and a frame that was begun is written to its end, however often the writer is interrupted.

A second process runs `main(*arguments)` of a module, which calls `serve` or `serve_at_once`. It ends when its input does, when it
is killed, and soon after the process that started it is gone. Signals of the terminal never reach it.
"""

from __future__ import annotations

from layerscope.channel.processes import start, stop
from layerscope.channel.second_process import SecondProcess
from layerscope.channel.serving import Task, serve, serve_at_once
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
    "serve_at_once",
    "start",
    "stop",
]
