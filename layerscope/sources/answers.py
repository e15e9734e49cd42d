"""HTTP answers, read with bounds: the one reader for engines and registries.

An answer may never begin, drip byte by byte, never end, or unpack from gzip to gigabytes. It is read in a thread of its own,
so that a deadline holds in each phase: connecting, headers, body. Nothing but the pieces of a stream is ever read without
a limit on its size.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from layerscope.errors import LayerscopeError, LimitExceededError, UnreachableError
from layerscope.image.documents import DocumentError, decode
from layerscope.limits import Limits
from layerscope.progress import NullProgress, Progress
from layerscope.sources.pump import Patience, TooSlowError, pumped

PIECE = 1 << 18
"""Bytes that are read at a time at most."""
PLAIN = {"Accept-Encoding": "identity"}
"""Headers that ask for an answer as it is; some servers compress it all the same."""
WORDS = 16
"""How many times `json_bytes` all messages of one stream may take: those of a pull that lasts for hours are tens of MB."""
_LONGEST = 1e6
"""Seconds of the longest timeout that a socket is given."""
_GZIP = ("gzip", "x-gzip")
_GZIP_BITS, _RAW_BITS = zlib.MAX_WBITS | 16, -zlib.MAX_WBITS

Send = Callable[[float], Any]
"""Sends the request and gives requests' `Response`, its body unread (`stream=True`); it is given seconds for `timeout`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes
    """Decoded, as far as it was compressed for the way."""

    @property
    def ok(self) -> bool:
        """Whether the status means success."""
        return 200 <= self.status < 300

    def value(self, name: str, limits: Limits) -> Any:
        """The JSON document that it is. Raises `LayerscopeError`, in which `name` is what answered."""
        try:
            return decode(self.body, "its answer", limits)[0]
        except DocumentError as error:
            raise LayerscopeError(f"{name}: {error.message}") from error


def keep_redirects(session: Any) -> None:
    """Have a session of requests hand out redirects as they are: to follow one, or to skip it, it reads its body whole."""
    session.get_redirect_target = lambda _response: None


def read_answer(
    send: Send,
    name: str,
    limits: Limits,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> Answer:
    """A whole answer, of at most `json_bytes`, within `seconds`, or else `answer_seconds`. `name` is what answers.

    Raises `LimitExceededError`, `UnreachableError` after the deadline, `LayerscopeError` for a body that cannot be decoded,
    `CancelledError`, and whatever `send` raises.
    """
    allowed = limits.answer_seconds if seconds is None else seconds
    exchange = _Exchange(send, name, limits, allowed)
    pieces = pumped(
        exchange.whole(), progress or NullProgress(), exchange.stop, Patience(total=allowed)
    )
    try:
        (answer,) = pieces
    except TooSlowError:
        hint = "--limit answer_seconds=NUMBER waits longer" if seconds is None else None
        raise UnreachableError(
            f"{name}: no complete answer within {allowed:g} seconds", hint=hint
        ) from None
    return answer


def stream_answer(
    send: Send, name: str, limits: Limits, progress: Progress, refuse: Callable[[Answer], Exception]
) -> Iterator[bytes]:
    """The body of an answer in pieces, as it comes and of any size, but never silent for more than `silence_seconds`.

    An answer whose status is no success is read as `read_answer` reads it, and what `refuse` makes of it is raised. Raises
    as `read_answer` does.
    """
    exchange = _Exchange(send, name, limits, limits.silence_seconds)
    return _streamed(exchange, exchange.pieces(), progress, refuse)


def stream_words(
    send: Send, name: str, limits: Limits, progress: Progress, refuse: Callable[[Answer], Exception]
) -> Iterator[bytes]:
    """The lines of an answer as they come: none longer than `json_bytes`, all together not longer than `WORDS` times that.

    Otherwise as `stream_answer`; part of a line does not break the silence.
    """
    exchange = _Exchange(send, name, limits, limits.silence_seconds)
    return _streamed(exchange, exchange.words(), progress, refuse)


def _streamed(
    exchange: _Exchange,
    arriving: Iterator[Answer | bytes],
    progress: Progress,
    refuse: Callable[[Answer], Exception],
) -> Iterator[bytes]:
    silence = exchange.limits.silence_seconds
    try:
        for piece in pumped(arriving, progress, exchange.stop, Patience(silence=silence)):
            if isinstance(piece, Answer):
                raise refuse(piece)
            yield piece
    except TooSlowError:
        raise UnreachableError(
            f"{exchange.name}: no data for {silence:g} seconds",
            hint="--limit silence_seconds=NUMBER waits longer",
        ) from None


class _Exchange:
    """A request and its answer. All but `stop` runs in the thread that reads."""

    def __init__(self, send: Send, name: str, limits: Limits, seconds: float) -> None:
        self.name = name
        self.limits = limits
        self._send = send
        self._seconds = min(max(2 * seconds, 1), _LONGEST)
        """For a single read. More than whoever waits has patience for: it ends a thread that was left behind."""
        self._raw: Any = None
        self._stopped = False

    def stop(self) -> None:
        """Have a read that waits end. Closing the connection here would wait for that read."""
        self._stopped = True
        with suppress(Exception):  # it has ended, or never began
            self._raw.shutdown()

    def whole(self) -> Iterator[Answer]:
        """The answer."""
        response = self._begin()
        try:
            yield Answer(response.status_code, self._body(response))
        finally:
            response.close()

    def pieces(self) -> Iterator[Answer | bytes]:
        """The body as it is sent; the whole answer where it is no success."""
        response = self._begin()
        try:
            if 200 <= response.status_code < 300:
                yield from self._sent()
            else:
                yield Answer(response.status_code, self._body(response))
        finally:
            response.close()

    def words(self) -> Iterator[Answer | bytes]:
        """The same in lines, decoded; empty ones are left out."""
        response = self._begin()
        try:
            if not 200 <= response.status_code < 300:
                yield Answer(response.status_code, self._body(response))
                return
            yield from self._lines(response)
        finally:
            response.close()

    def _begin(self) -> Any:
        response = self._send(self._seconds)
        self._raw = response.raw
        return response

    def _sent(self) -> Iterator[bytes]:
        # read() and stream() wait until a piece is full, or a chunk whole.
        while not self._stopped and (piece := self._raw.read1(PIECE, decode_content=False)):
            yield piece

    def _body(self, response: Any) -> bytes:
        """All of a body, decoded. What is sent is bounded, too: gzip may unpack to nothing for ever."""
        body = bytearray()
        for piece in self._decoded(response, self.limits.json_bytes, self._too_long):
            body += piece
            if len(body) > self.limits.json_bytes:
                self._too_long()
        return bytes(body)

    def _lines(self, response: Any) -> Iterator[bytes]:
        allowed = WORDS * self.limits.json_bytes
        total = 0
        begun = bytearray()
        for piece in self._decoded(response, allowed, self._too_many):
            total += len(piece)
            if total > allowed:
                self._too_many()
            first, *others = piece.split(b"\n")
            begun += first
            for line in others:
                if begun.strip():
                    yield bytes(begun)
                begun = bytearray(line)
            if len(begun) > self.limits.json_bytes:
                self._too_long()
        if begun.strip():
            yield bytes(begun)

    def _decoded(
        self, response: Any, allowed: int, refuse: Callable[[], NoReturn]
    ) -> Iterator[bytes]:
        """A body without its Content-Encoding (RFC 9110, 8.4.1), in pieces of bounded size; `allowed` are its bytes as sent."""
        coding = str(response.headers.get("Content-Encoding") or "").strip().lower()
        if coding not in ("", "identity", "deflate", *_GZIP):
            said = " ".join(coding.split())[:100]
            raise LayerscopeError(f"{self.name}: the answer has an unknown encoding: {said}")
        unpacking = _Unpacking(coding) if coding not in ("", "identity") else None
        sent = 0
        for piece in self._sent():
            sent += len(piece)
            if sent > allowed:
                refuse()
            if unpacking is None:
                yield piece
                continue
            try:
                yield from unpacking.feed(piece)
            except zlib.error as error:
                raise LayerscopeError(f"{self.name}: the answer is damaged: {error}") from error
        if unpacking is not None and unpacking.unfinished:
            raise LayerscopeError(f"{self.name}: the answer is truncated")

    def _too_long(self) -> NoReturn:
        raise self.limits.exceeded("json_bytes", f"{self.name}: answer")

    def _too_many(self) -> NoReturn:
        raise LimitExceededError(
            f"{self.name}: limit json_bytes exceeded: more than {WORDS * self.limits.json_bytes:,} bytes of messages",
            hint=f"if you trust the engine, raise it: --limit json_bytes=NUMBER allows {WORDS} times as many",
        )


class _Unpacking:
    """gzip, of any number of members, or deflate: with the header of zlib, or without, as some servers send it."""

    def __init__(self, coding: str) -> None:
        self._gzip = coding in _GZIP
        self._stream = zlib.decompressobj(_GZIP_BITS if self._gzip else zlib.MAX_WBITS)
        self._began = False

    @property
    def unfinished(self) -> bool:
        """Whether the end of what was begun is missing."""
        return self._began and not self._stream.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes unpack to. Raises `zlib.error`."""
        if not self._began and not self._gzip and not _has_zlib_header(data):
            self._stream = zlib.decompressobj(_RAW_BITS)
        self._began = True
        while True:
            if self._stream.eof:
                if not (self._gzip and data):
                    return  # what trails a deflate stream is nothing
                self._stream = zlib.decompressobj(_GZIP_BITS)
            piece = self._stream.decompress(data, PIECE)
            if piece:
                yield piece
            data = self._stream.unused_data or self._stream.unconsumed_tail
            if not data and len(piece) < PIECE:
                return


def _has_zlib_header(data: bytes) -> bool:
    """Whether a stream begins as RFC 1950 says; of one byte, whether it may."""
    if data[0] & 0x0F != zlib.DEFLATED:
        return False
    return len(data) < 2 or (data[0] << 8 | data[1]) % 31 == 0
