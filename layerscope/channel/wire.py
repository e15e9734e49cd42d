"""Frames, and the pipes that carry them."""

from __future__ import annotations

import contextlib
import os
import select
import struct
import time
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import NamedTuple

Piece = bytes | bytearray | memoryview
Check = Callable[[], object]
"""Called often while waiting; raises an exception to stop."""

MAX_BODY = 1 << 32
"""Maximum bytes of a body."""
_MAX_READ_AHEAD = 1 << 26
"""Maximum bytes buffered from a peer that sends while this process is writing to it."""
_HEAD = struct.Struct("<4sIIQ")
_MARK, _END = b"lsf1", b"1fsl"
POLL_SECONDS = 0.05
"""Seconds between two calls of a check."""
_CHUNK = 1 << 20
"""Maximum bytes read or written at once."""


class ChannelError(Exception):
    """The peer ended, timed out, or sent an invalid frame; the channel cannot be used any more."""


class RequestFailedError(Exception):
    """The peer could not answer this request; it can answer others."""


class Kind(IntEnum):
    """The kind of a frame."""

    REQUEST = 1
    ANSWER = 2
    FAILED = 3
    """The request failed; the body is the reason."""
    PROGRESS = 4
    """A heartbeat before the answer, with a body that both sides agree on."""
    CANCEL = 5
    """The request is cancelled."""


class Frame(NamedTuple):
    """One message."""

    kind: Kind
    number: int
    """The request that it belongs to."""
    body: bytearray


class Wire:
    """One end of a channel: two pipes, and the coding of frames."""

    def __init__(
        self,
        incoming: int,
        outgoing: int,
        max_body: int = MAX_BODY,
        *,
        single_threaded: bool = True,
    ) -> None:
        """Take over both descriptors.

        A body of more than `max_body` bytes is a `ChannelError`. If `single_threaded`, no other thread receives while this one
        sends, so that sending also has to receive.
        """
        self._incoming = incoming
        self._outgoing = outgoing
        self._max_body = max_body
        self._single_threaded = single_threaded
        self._read_ahead = bytearray()
        self.intact = True
        """Whether every frame was written to its end."""
        self._between_frames = True
        """Whether every frame was read to its end."""
        self.bytes_received = 0
        """Number of bytes read so far."""
        os.set_blocking(incoming, False)
        os.set_blocking(outgoing, False)

    def close(self) -> None:
        """Close both pipes."""
        for descriptor in {self._incoming, self._outgoing}:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def send(
        self, kind: Kind, number: int, pieces: Iterable[Piece] = (), check: Check | None = None
    ) -> None:
        """Write a frame. Raises `ChannelError` and exceptions of `check`."""
        views = [memoryview(piece).cast("B") for piece in pieces]
        head = _HEAD.pack(_MARK, kind, number, sum(map(len, views)))
        self.intact = False
        for view in (memoryview(head), *views, memoryview(_END)):
            unwritten = view
            while unwritten:
                try:
                    unwritten = unwritten[os.write(self._outgoing, unwritten[:_CHUNK]) :]
                except BlockingIOError:
                    self._wait(check, writing=True)
                except OSError as error:
                    raise ChannelError(f"cannot write to it: {error.strerror}") from error
        self.intact = True

    def receive(self, check: Check | None = None, timeout: float | None = None) -> Frame | None:
        """The next frame; None if the peer closed its end after a complete one.

        Raises `ChannelError`, also if the peer sends nothing for `timeout` seconds, and exceptions of `check`.
        """
        head = bytearray(_HEAD.size)
        if not self._fill(memoryview(head)[:1], check, timeout):
            return None
        self._between_frames = False
        self._fill(memoryview(head)[1:], check, timeout)
        mark, kind, number, length = _HEAD.unpack(head)
        if mark != _MARK or kind not in list(Kind):
            raise ChannelError("it sent an invalid frame")
        if length > self._max_body:
            raise ChannelError(f"it announced {length:,} bytes; the limit is {self._max_body:,}")
        body, end = bytearray(length), bytearray(len(_END))
        self._fill(memoryview(body), check, timeout)
        self._fill(memoryview(end), check, timeout)
        if end != _END:
            raise ChannelError("it sent a frame without an end mark")
        self._between_frames = True
        return Frame(Kind(kind), number, body)

    def ready(self) -> bool:
        """Whether the peer has sent something or closed its end."""
        return bool(self._read_ahead) or bool(select.select([self._incoming], [], [], 0)[0])

    def _fill(self, view: memoryview, check: Check | None, timeout: float | None) -> bool:
        """Fill `view`. Returns False if the peer closed its end, which is allowed between two frames."""
        silent = 0.0
        while view:
            try:
                if self._read_ahead:
                    count = min(len(view), len(self._read_ahead))
                    view[:count] = self._read_ahead[:count]
                    del self._read_ahead[:count]
                else:
                    count = os.readv(self._incoming, [view[:_CHUNK]])
            except BlockingIOError:
                silent += self._wait(check, endless=check is None and timeout is None)
                if timeout is not None and silent >= timeout:
                    raise ChannelError(f"no answer for {timeout:g} s") from None
                continue
            except OSError as error:
                raise ChannelError(f"cannot read from it: {error.strerror}") from error
            if not count:
                if self._between_frames:
                    return False
                raise ChannelError("it ended in the middle of a frame")
            view, silent = view[count:], 0.0
            self.bytes_received += count
        return True

    def _wait(self, check: Check | None, *, writing: bool = False, endless: bool = False) -> float:
        """Wait until the pipe is ready, at most `POLL_SECONDS`; returns the duration in seconds, excluding time in which this
        process was stopped.
        """
        if check is not None:
            check()
        began = time.monotonic()
        poll = select.poll()
        if self._single_threaded or not writing:
            poll.register(self._incoming, select.POLLIN)
        if writing:
            poll.register(self._outgoing, select.POLLOUT)
        ready = dict(poll.poll(None if endless else POLL_SECONDS * 1000))
        if writing and self._incoming in ready:  # the peer may wait for us to read
            with contextlib.suppress(BlockingIOError):
                data = os.read(self._incoming, _CHUNK)
                self._read_ahead += data
                if not data or len(self._read_ahead) > _MAX_READ_AHEAD:
                    raise ChannelError("it does not listen")
        return min(time.monotonic() - began, 2 * POLL_SECONDS)
