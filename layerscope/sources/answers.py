"""Bounded reading of HTTP answers from engines and registries.

An answer may never start, arrive byte by byte, never end, or unpack from gzip to gigabytes. It is read in a thread of its
own, so that the deadline covers connecting, headers and body. Only streams have no limit on their size.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from msgspec import Struct, field

from layerscope.errors import LayerscopeError, LimitExceededError, UnreachableError
from layerscope.image.documents import DocumentError, decode
from layerscope.limits import Limits
from layerscope.progress import NullProgress, Progress
from layerscope.sources.pump import Timeouts, TooSlowError, read_in_thread

PIECE = 1 << 18
"""Maximum bytes per read."""
PLAIN = {"Accept-Encoding": "identity"}
"""Headers that ask for an uncompressed answer; some servers compress anyway."""
STREAM_FACTOR = 16
"""Limit on all messages of one stream, in multiples of `json_bytes`: a pull of several hours sends tens of MB."""
_LONGEST = 1e6
"""The longest socket timeout, in seconds."""
_GZIP = ("gzip", "x-gzip")
_GZIP_BITS, _RAW_BITS = zlib.MAX_WBITS | 16, -zlib.MAX_WBITS

Send = Callable[[float], Any]
"""Sends the request with the given `timeout` in seconds; returns requests' `Response`, its body unread (`stream=True`)."""


class Answer(Struct, frozen=True):
    """A complete answer."""

    status: int
    body: bytes
    """Without Content-Encoding."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names are matched in any case."""

    @property
    def ok(self) -> bool:
        """Whether the status means success."""
        return 200 <= self.status < 300

    def value(self, name: str, limits: Limits) -> Any:
        """The body as JSON. Raises `LayerscopeError` with `name` as the sender."""
        try:
            return decode(self.body, "its answer", limits)[0]
        except DocumentError as error:
            raise LayerscopeError(f"{name}: {error.message}") from error


def keep_redirects(session: Any) -> None:
    """Make a session return redirects unfollowed: requests would read their whole body."""
    session.get_redirect_target = lambda _response: None


def read_answer(
    send: Send,
    name: object,
    limits: Limits,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> Answer:
    """A complete answer of at most `json_bytes`, within `seconds` (default: `answer_seconds`). `name` is the sender, turned into text
    only for errors.

    Raises `LimitExceededError`, `UnreachableError` after the deadline, `LayerscopeError` for a body that cannot be decoded,
    `CancelledError`, and whatever `send` raises.
    """
    allowed = limits.answer_seconds if seconds is None else seconds
    exchange = _Exchange(send, name, limits, allowed)
    pieces = read_in_thread(
        exchange.answer(), progress or NullProgress(), exchange.stop, Timeouts(total=allowed)
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
    send: Send,
    name: object,
    limits: Limits,
    progress: Progress,
    refuse: Callable[[Answer], Exception],
) -> Iterator[bytes]:
    """The body of an answer in pieces, of any size, without gaps of more than `silence_seconds`.

    For an error status, reads the whole answer and raises what `refuse` returns for it. Raises like `read_answer`.
    """
    exchange = _Exchange(send, name, limits, limits.silence_seconds)
    return _streamed(exchange, exchange.pieces(), progress, refuse)


def stream_lines(
    send: Send,
    name: object,
    limits: Limits,
    progress: Progress,
    refuse: Callable[[Answer], Exception],
) -> Iterator[bytes]:
    """The lines of an answer as they arrive: each at most `json_bytes`, all together `STREAM_FACTOR` times that.

    Otherwise like `stream_answer`; an incomplete line does not count as data.
    """
    exchange = _Exchange(send, name, limits, limits.silence_seconds)
    return _streamed(exchange, exchange.lines(), progress, refuse)


def _streamed(
    exchange: _Exchange,
    arriving: Iterator[Answer | bytes],
    progress: Progress,
    refuse: Callable[[Answer], Exception],
) -> Iterator[bytes]:
    silence = exchange.limits.silence_seconds
    try:
        for piece in read_in_thread(arriving, progress, exchange.stop, Timeouts(silence=silence)):
            if isinstance(piece, Answer):
                raise refuse(piece)
            yield piece
    except TooSlowError:
        raise UnreachableError(
            f"{exchange.name}: no data for {silence:g} seconds",
            hint="--limit silence_seconds=NUMBER waits longer",
        ) from None


class _Exchange:
    """A request and its answer. Everything but `stop` runs in the reading thread."""

    def __init__(self, send: Send, name: object, limits: Limits, seconds: float) -> None:
        self.name = name
        self.limits = limits
        self._send = send
        self._seconds = min(max(2 * seconds, 1), _LONGEST)
        """Timeout of a single read, longer than the deadline: it ends threads that were abandoned."""
        self._raw: Any = None
        self._stopped = False

    def stop(self) -> None:
        """Interrupt a blocked read. Closing the connection would wait for that read."""
        self._stopped = True
        with suppress(Exception):  # already ended, or never started
            self._raw.shutdown()

    def answer(self) -> Iterator[Answer]:
        """The answer."""
        response = self._send_request()
        try:
            yield Answer(response.status_code, self._body(response), response.headers)
        finally:
            response.close()

    def pieces(self) -> Iterator[Answer | bytes]:
        """The raw body; the whole answer for an error status."""
        return self._unless_refused(lambda _: self._raw_pieces())

    def lines(self) -> Iterator[Answer | bytes]:
        """The lines of the decoded body, without empty ones; the whole answer for an error status."""
        return self._unless_refused(self._lines)

    def _unless_refused(self, read: Callable[[Any], Iterator[bytes]]) -> Iterator[Answer | bytes]:
        """The pieces that `read` yields for the response; the whole answer for an error status."""
        response = self._send_request()
        try:
            if 200 <= response.status_code < 300:
                yield from read(response)
            else:
                yield Answer(response.status_code, self._body(response), response.headers)
        finally:
            response.close()

    def _send_request(self) -> Any:
        response = self._send(self._seconds)
        self._raw = response.raw
        return response

    def _raw_pieces(self) -> Iterator[bytes]:
        # read() and stream() wait until a piece is full, or a chunk whole.
        while not self._stopped and (piece := self._raw.read1(PIECE, decode_content=False)):
            yield piece

    def _body(self, response: Any) -> bytes:
        """The whole decoded body. Raw bytes are limited, too: gzip may unpack to nothing forever."""
        body = bytearray()
        for piece in self._decoded(response, self.limits.json_bytes, self._too_long):
            body += piece
            if len(body) > self.limits.json_bytes:
                self._too_long()
        return bytes(body)

    def _lines(self, response: Any) -> Iterator[bytes]:
        allowed = STREAM_FACTOR * self.limits.json_bytes
        total = 0
        line_start = bytearray()
        for piece in self._decoded(response, allowed, self._too_many):
            total += len(piece)
            if total > allowed:
                self._too_many()
            first, *others = piece.split(b"\n")
            line_start += first
            for line in others:
                if line_start.strip():
                    yield bytes(line_start)
                line_start = bytearray(line)
            if len(line_start) > self.limits.json_bytes:
                self._too_long()
        if line_start.strip():
            yield bytes(line_start)

    def _decoded(
        self, response: Any, allowed: int, refuse: Callable[[], NoReturn]
    ) -> Iterator[bytes]:
        """A body without its Content-Encoding (RFC 9110, 8.4.1), in pieces; `allowed` limits the raw bytes."""
        coding = str(response.headers.get("Content-Encoding") or "").strip().lower()
        if coding not in ("", "identity", "deflate", *_GZIP):
            shown = " ".join(coding.split())[:100]
            raise LayerscopeError(f"{self.name}: the answer has an unknown encoding: {shown}")
        unpacking = _Unpacking(coding) if coding not in ("", "identity") else None
        raw_bytes = 0
        for piece in self._raw_pieces():
            raw_bytes += len(piece)
            if raw_bytes > allowed:
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
            f"{self.name}: limit json_bytes exceeded: more than {STREAM_FACTOR * self.limits.json_bytes:,} bytes of messages",
            hint=f"if you trust the engine, raise it: --limit json_bytes=NUMBER allows {STREAM_FACTOR} times as many",
        )


class _Unpacking:
    """Decodes gzip with any number of members, and deflate with or without zlib's header (servers send both)."""

    def __init__(self, coding: str) -> None:
        self._gzip = coding in _GZIP
        self._stream = zlib.decompressobj(_GZIP_BITS if self._gzip else zlib.MAX_WBITS)
        self._began = False

    @property
    def unfinished(self) -> bool:
        """Whether the stream ended too early."""
        return self._began and not self._stream.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode the next bytes. Raises `zlib.error`."""
        if not self._began and not self._gzip and not _has_zlib_header(data):
            self._stream = zlib.decompressobj(_RAW_BITS)
        self._began = True
        while True:
            if self._stream.eof:
                if not (self._gzip and data):
                    return  # trailing data after deflate is ignored
                self._stream = zlib.decompressobj(_GZIP_BITS)
            piece = self._stream.decompress(data, PIECE)
            if piece:
                yield piece
            data = self._stream.unused_data or self._stream.unconsumed_tail
            if not data and len(piece) < PIECE:
                return


def _has_zlib_header(data: bytes) -> bool:
    """Whether a stream starts with a zlib header (RFC 1950); for a single byte, whether it can."""
    if data[0] & 0x0F != zlib.DEFLATED:
        return False
    return len(data) < 2 or (data[0] << 8 | data[1]) % 31 == 0
