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
"""Called often while waiting; raises to stop."""

MOST = 1 << 32
"""Maximum bytes of a body."""
_MOST_EARLY = 1 << 26
"""Maximum bytes kept from a peer that sends while it is sent to."""
_HEAD = struct.Struct("<4sIIQ")
_MARK, _END = b"lsf1", b"1fsl"
CHECK_SECONDS = 0.05
"""Seconds between two calls of a check."""
_AT_ONCE = 1 << 20
"""Maximum bytes read or written at once."""


class ChannelError(Exception):
    """The peer is gone, silent for too long, or sends invalid frames; the channel cannot be used any more."""


class RequestFailedError(Exception):
    """The peer could not answer this request; it can answer others."""


class Kind(IntEnum):
    """What a frame is."""

    REQUEST = 1
    ANSWER = 2
    FAILED = 3
    """Instead of an answer; the body says why."""
    PROGRESS = 4
    """Before an answer: a heartbeat, with a body agreed on by both sides."""
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
        self, incoming: int, outgoing: int, most: int = MOST, *, alone: bool = True
    ) -> None:
        """Takes over both descriptors.

        A body of more than `most` bytes is a `ChannelError`. Unless `alone`, another thread receives while this one sends;
        otherwise sending also has to receive.
        """
        self._incoming = incoming
        self._outgoing = outgoing
        self._most = most
        self._alone = alone
        self._early = bytearray()
        self.whole = True
        """Whether no frame was left half written."""
        self._between = True
        """Whether no frame was left half read."""
        self.heard = 0
        """Bytes that were read."""
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
        self.whole = False
        for view in (memoryview(head), *views, memoryview(_END)):
            left = view
            while left:
                try:
                    left = left[os.write(self._outgoing, left[:_AT_ONCE]) :]
                except BlockingIOError:
                    self._wait(check, writing=True)
                except OSError as error:
                    raise ChannelError(f"cannot write to it: {error.strerror}") from error
        self.whole = True

    def receive(self, check: Check | None = None, patience: float | None = None) -> Frame | None:
        """The next frame; None if the peer closed its end after a complete one.

        Raises `ChannelError`, also if the peer is silent for `patience` seconds, and exceptions of `check`.
        """
        head = bytearray(_HEAD.size)
        if not self._fill(memoryview(head)[:1], check, patience):
            return None
        self._between = False
        self._fill(memoryview(head)[1:], check, patience)
        mark, kind, number, length = _HEAD.unpack(head)
        if mark != _MARK or kind not in list(Kind):
            raise ChannelError("it sent an invalid frame")
        if length > self._most:
            raise ChannelError(f"it announced {length:,} bytes; the limit is {self._most:,}")
        body, end = bytearray(length), bytearray(len(_END))
        self._fill(memoryview(body), check, patience)
        self._fill(memoryview(end), check, patience)
        if end != _END:
            raise ChannelError("it sent a frame without an end mark")
        self._between = True
        return Frame(Kind(kind), number, body)

    def ready(self) -> bool:
        """Whether the peer has sent something or closed its end."""
        return bool(self._early) or bool(select.select([self._incoming], [], [], 0)[0])

    def _fill(self, view: memoryview, check: Check | None, patience: float | None) -> bool:
        """Fill `view`. Returns False if the peer closed its end, which is allowed between two frames."""
        silent = 0.0
        while view:
            try:
                if self._early:
                    count = min(len(view), len(self._early))
                    view[:count] = self._early[:count]
                    del self._early[:count]
                else:
                    count = os.readv(self._incoming, [view[:_AT_ONCE]])
            except BlockingIOError:
                silent += self._wait(check, endless=check is None and patience is None)
                if patience is not None and silent >= patience:
                    raise ChannelError(f"no answer for {patience:g} s") from None
                continue
            except OSError as error:
                raise ChannelError(f"cannot read from it: {error.strerror}") from error
            if not count:
                if self._between:
                    return False
                raise ChannelError("it ended in the middle of a frame")
            view, silent = view[count:], 0.0
            self.heard += count
        return True

    def _wait(self, check: Check | None, *, writing: bool = False, endless: bool = False) -> float:
        """Wait until the pipe is ready, at most `CHECK_SECONDS` seconds; returns the duration, without time in which this process
        was stopped.
        """
        if check is not None:
            check()
        began = time.monotonic()
        waiting = select.poll()
        if self._alone or not writing:
            waiting.register(self._incoming, select.POLLIN)
        if writing:
            waiting.register(self._outgoing, select.POLLOUT)
        found = dict(waiting.poll(None if endless else CHECK_SECONDS * 1000))
        if writing and self._incoming in found:  # it may be waiting for us to read
            with contextlib.suppress(BlockingIOError):
                early = os.read(self._incoming, _AT_ONCE)
                self._early += early
                if not early or len(self._early) > _MOST_EARLY:
                    raise ChannelError("it does not listen")
        return min(time.monotonic() - began, 2 * CHECK_SECONDS)
