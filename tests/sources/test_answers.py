"""Answers of hostile or broken servers: memory and time are bounded."""

from __future__ import annotations

import gzip
import itertools
import json
import tempfile
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import (
    CancelledError,
    LayerscopeError,
    LimitExceededError,
    UnreachableError,
)
from layerscope.limits import Limits
from layerscope.progress import NullProgress
from layerscope.sources import Request, open_source
from layerscope.sources.answers import STREAM_FACTOR, read_answer
from layerscope.sources.endpoints import Endpoint
from layerscope.sources.engine_client import Client
from layerscope.sources.pump import Timeouts, TooSlowError, read_in_thread
from tests.sources.image_files import dump
from tests.sources.socket_server import SocketHandler, served

LIMITS = Limits(json_bytes=20_000)
HASTY = Limits(json_bytes=20_000, answer_seconds=0.2, silence_seconds=0.2)  # type: ignore[arg-type]  # whole seconds are long
Body = Iterator[bytes]
"""What is written, piece by piece, until the client closes the connection."""


@dataclass
class Response:
    """One response, byte by byte."""

    body: Callable[[], Body]
    headers: tuple[str, ...] = ()
    status: str = "200 OK"
    raw: bool = False
    """Whether `body` brings status line and headers, too."""


@contextmanager
def hostile(answers: dict[str, Response]) -> Iterator[str]:
    """The address of an engine with these responses, chosen by the end of the path; its version is 1.44 by default."""
    closed = threading.Event()
    known = {"/version": Response(lambda: iter([b'{"ApiVersion": "1.44"}'])), **answers}

    class Handler(SocketHandler):
        def get(self) -> None:
            path = self.path.partition("?")[0]
            response = next(response for end, response in known.items() if path.endswith(end))
            self.close_connection = True
            try:
                if not response.raw:
                    lines = (
                        f"HTTP/1.1 {response.status}",
                        *response.headers,
                        "Connection: close",
                        "",
                        "",
                    )
                    self.wfile.write("\r\n".join(lines).encode())
                for piece in response.body():
                    if piece:
                        self.wfile.write(piece)
                    elif closed.wait(0.02):
                        return
            except OSError:
                return

        post = get

    with tempfile.TemporaryDirectory(prefix="ls-") as folder, served(Path(folder) / "s", Handler):
        try:
            yield f"unix://{folder}/s"
        finally:
            closed.set()


@contextmanager
def connected(url: str, limits: Limits) -> Iterator[Client]:
    """A client of an engine, with these limits after it has reported its version."""
    client = Client(Endpoint(url, "DOCKER_HOST"), "docker")
    client._limits = limits
    try:
        yield client
    finally:
        client.close()


def repeat_last(*pieces: bytes) -> Callable[[], Body]:
    """Pieces, of which the last is sent forever; an empty piece is a pause."""
    return lambda: itertools.chain(pieces, itertools.cycle(pieces[-1:]))


def drip(*pieces: bytes) -> Callable[[], Body]:
    """Pieces, of which the last is sent forever, with pauses."""
    return lambda: itertools.chain(pieces, itertools.cycle((b"", pieces[-1])))


def once(body: bytes) -> Callable[[], Body]:
    """A body that ends."""
    return lambda: iter([body])


def endless_gzip() -> Body:
    """A few bytes for each megabyte of spaces."""
    stream = zlib.compressobj(wbits=31)
    while True:
        yield stream.compress(b" " * (1 << 20)) + stream.flush(zlib.Z_SYNC_FLUSH)


def members_of_nothing() -> Body:
    """gzip that unpacks to nothing, forever."""
    while True:
        yield gzip.compress(b"", mtime=0) * 100


BOMB = gzip.compress(b"[" + b" " * (64 << 20))
CHUNKED, GZIP = "Transfer-Encoding: chunked", "Content-Encoding: gzip"
TOO_LONG = (LimitExceededError, r"limit json_bytes exceeded: .*20,000")
TOO_SLOW = (UnreachableError, r"no complete answer within 0.2 seconds")
NO_ANSWER: dict[str, tuple[Response, tuple[type[LayerscopeError], str]]] = {
    "endless": (Response(repeat_last(b"[" + b" " * 70_000)), TOO_LONG),
    "endless chunks": (Response(repeat_last(b"4\r\n    \r\n" * 1000), (CHUNKED,)), TOO_LONG),
    "promised": (Response(repeat_last(b" " * 70_000), (f"Content-Length: {1 << 62}",)), TOO_LONG),
    "one long": (Response(once(json.dumps(["x" * 30_000]).encode())), TOO_LONG),
    "gzip bomb": (Response(once(BOMB), (GZIP,)), TOO_LONG),
    "deflate bomb": (Response(once(zlib.compress(b" " * (64 << 20))), ("Content-Encoding: deflate",)), TOO_LONG),
    "gzip without end": (Response(endless_gzip, ("content-encoding: X-GZip",)), TOO_LONG),
    "members of nothing": (Response(members_of_nothing, (GZIP,)), TOO_LONG),
    "gzip twice": (Response(once(gzip.compress(BOMB, mtime=0)), ("Content-Encoding: gzip, gzip",)), (LayerscopeError, "unknown encoding: gzip, gzip")),
    "brotli": (Response(once(b"x"), ("Content-Encoding: br",)), (LayerscopeError, "unknown encoding: br")),
    "no gzip": (Response(once(b"[]"), (GZIP,)), (LayerscopeError, "is damaged")),
    "cut gzip": (Response(once(gzip.compress(b"[1]", mtime=0)[:-9]), (GZIP,)), (LayerscopeError, "truncated")),
    "cut": (Response(once(b"[1"), ("Content-Length: 100",)), (UnreachableError, "lost the connection")),
    "drip": (Response(drip(b"[", b" ")), TOO_SLOW),
    "drip of chunks": (Response(drip(b"1\r\n \r\n"), (CHUNKED,)), TOO_SLOW),
    "drip in the size of a chunk": (Response(drip(b"0"), (CHUNKED,)), TOO_SLOW),
    "drip of trailers": (Response(drip(b"2\r\n[]\r\n0\r\n", b"X: y\r\n"), (CHUNKED,)), TOO_SLOW),
    "endless trailers": (Response(repeat_last(b"2\r\n[]\r\n0\r\n", b"X: y\r\n" * 1000), (CHUNKED,)), TOO_SLOW),
    "silence": (Response(drip(b"")), TOO_SLOW),
    "silence at once": (Response(drip(b""), raw=True), TOO_SLOW),
    "drip of headers": (Response(drip(b"HTTP/1.1 200 OK\r\nX: ", b"y"), raw=True), TOO_SLOW),
    "only promises": (Response(drip(b"HTTP/1.1 100 Continue\r\n\r\n"), raw=True), TOO_SLOW),
    "long header": (Response(once(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000), raw=True), (UnreachableError, "lost the connection")),
    "endless header": (Response(repeat_last(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 10_000), raw=True), (UnreachableError, "lost the connection")),
    "many headers": (Response(repeat_last(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100), raw=True), (UnreachableError, "lost the connection")),
    "no HTTP": (Response(once(b"SSH-2.0-OpenSSH\r\n"), raw=True), (UnreachableError, "lost the connection")),
    "no words at all": (Response(once(b""), raw=True), (UnreachableError, "lost the connection")),
    "no JSON": (Response(once(b"<html>")), (LayerscopeError, "is not valid JSON")),
    "nothing": (Response(once(b"")), (LayerscopeError, "is not valid JSON")),
    "deep": (Response(once(b"[" * 19_000)), (LayerscopeError, "nested too deeply|not valid JSON")),
    "no UTF-8": (Response(once(b"\xff\xfe[")), (LayerscopeError, "is not valid JSON")),
    "endless error": (Response(repeat_last(b"no " * 9000), status="500 Bad"), TOO_LONG),
    "dripping error": (Response(drip(b"x"), status="404 Gone"), TOO_SLOW),
    "error bomb": (Response(once(BOMB), (GZIP,), "500 Bad"), TOO_LONG),
    "error": (Response(once(b'{"message": "no \\n room"}'), status="500 Bad"), (LayerscopeError, "says: no room")),
    "error without words": (Response(once(b""), status="503 Busy"), (LayerscopeError, "says: status 503")),
    "redirect": (Response(repeat_last(b"x" * 9000), ("Location: /other",), "302 Found"), TOO_LONG),
    "short redirect": (Response(once(b""), ("Location: http://other/",), "307 There"), (LayerscopeError, "status 307")),
}  # fmt: skip
"""Invalid answers, and the error of each."""


@pytest.mark.parametrize("name", NO_ANSWER)
def test_an_invalid_answer_is_an_error(name: str) -> None:
    """The error names the engine; memory and time are bounded."""
    response, (error, words) = NO_ANSWER[name]
    limits = HASTY if words == TOO_SLOW[1] else LIMITS
    with hostile({"/images/json": response}) as url, connected(url, limits) as client:
        tracemalloc.start()
        try:
            with pytest.raises(error, match=words) as caught:
                list(client.summaries())
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()
    assert url in caught.value.message
    assert "\n" not in caught.value.message
    if error is LimitExceededError:
        assert "--limit json_bytes=NUMBER" in str(caught.value.hint)
    if words == TOO_SLOW[1]:
        assert "--limit answer_seconds=NUMBER" in str(caught.value.hint)


ASKED: dict[str, Callable[[Client], Any]] = {
    "/info": lambda client: client.info(),
    "/history": lambda client: client.history("x"),
    "/x/json": lambda client: client.inspect("x"),
    "/get": lambda client: list(client.export("x", None)),
    "/create": lambda client: list(client.pull("x", None)),
}
SAMPLE: dict[str, tuple[Limits, str]] = {
    "endless error": (LIMITS, "limit json_bytes exceeded: .*20,000"),
    "error bomb": (LIMITS, "limit json_bytes exceeded: .*20,000"),
    "dripping error": (HASTY, r"0\.2 seconds"),
    "silence at once": (HASTY, r"0\.2 seconds"),
    "long header": (LIMITS, "lost the connection"),
}


@pytest.mark.parametrize("name", SAMPLE)
@pytest.mark.parametrize("path", ASKED)
def test_every_request_is_bounded(path: str, name: str) -> None:
    """Every request of the client reads its answer with the same limits."""
    limits, words = SAMPLE[name]
    answers = {path: NO_ANSWER[name][0]}
    with (
        hostile(answers) as url,
        connected(url, limits) as client,
        pytest.raises(LayerscopeError, match=words),
    ):
        ASKED[path](client)


@pytest.mark.parametrize("name", SAMPLE)
def test_the_version_request_is_bounded(name: str) -> None:
    """A bad answer to it means that no engine is listening."""
    limits, words = SAMPLE[name]
    if words == "lost the connection":
        words = "no engine is listening at .*got more than"
    elif limits is HASTY and name == "silence at once":
        words = r"\): no complete answer within 0\.2 seconds$"
    with (
        hostile({"/version": NO_ANSWER[name][0]}) as url,
        pytest.raises(UnreachableError, match=words),
    ):
        Client(Endpoint(url, "DOCKER_HOST"), "docker", limits)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "does not report its API version"),
        (b'{"ApiVersion": 1}', "does not report its API version"),
        (b'{"ApiVersion": "1.12"}', "speaks API version 1.12"),
        (b"[]", "does not report its API version"),
        (b"hello", "is not valid JSON"),
    ],
)
def test_a_server_without_a_version_is_not_an_engine(body: bytes, words: str) -> None:
    with hostile({"/version": Response(once(body))}) as url, pytest.raises(UnreachableError, match=words):  # fmt: skip
        Client(Endpoint(url, "x"), "docker", LIMITS)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(b'[{"Id": "', mtime=0) + gzip.compress(b'sha256:a"}]', mtime=0), (GZIP,)),
        (zlib.compress(b'[{"Id": "sha256:a"}]'), ("Content-Encoding: deflate",)),
        (zlib.compress(b'[{"Id": "sha256:a"}]', wbits=-15), ("Content-Encoding: deflate",)),
        (b'[{"Id": "sha256:a"}]', ("Content-Encoding: identity",)),
        (b'9\r\n[{"Id": "\r\nb\r\nsha256:a"}]\r\n0\r\n\r\n', (CHUNKED,)),
        (b'[3, null, {"Id": "sha256:a"}, "x"]', ()),
    ],
)
def test_encodings_that_servers_use_are_understood(body: bytes, headers: tuple[str, ...]) -> None:
    """Some servers compress although the client does not ask for it."""
    response = Response(once(body), headers)
    with hostile({"/images/json": response}) as url, connected(url, LIMITS) as client:
        assert [image.text("Id") for image in client.summaries()] == ["sha256:a"]


def test_a_limit_can_be_raised() -> None:
    response, _ = NO_ANSWER["one long"]
    limits = Limits(json_bytes=40_000)
    with hostile({"/images/json": response}) as url, connected(url, limits) as client:
        assert list(client.summaries()) == []


class TestStreams:
    """Exports and pulls may take hours."""

    def test_an_export_may_be_long_and_slow_but_not_silent(self) -> None:
        """Silence is an error, and the bytes read before it are not an image."""
        body = lambda: itertools.chain([b"x" * 100_000], [b"", b"x"] * 20, itertools.cycle([b""]))  # noqa: E731
        read: list[bytes] = []
        with (
            hostile({"/get": Response(body)}) as url,
            connected(url, HASTY) as client,
            pytest.raises(UnreachableError, match=r"no data for 0\.2 seconds") as caught,
        ):
            read.extend(client.export("x", None))
        assert sum(map(len, read)) == 100_020
        assert "--limit silence_seconds=NUMBER" in str(caught.value.hint)

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (
                repeat_last(b'{"status": "' + b"x" * 9000),
                "limit json_bytes exceeded: more than 20,000",
            ),
            (
                repeat_last(dump({"status": "x" * 9000}) + b"\n"),
                f"more than {STREAM_FACTOR * 20_000:,} bytes",
            ),
            (repeat_last(b"\r\n" * 9000), f"more than {STREAM_FACTOR * 20_000:,} bytes"),
            (drip(b'{"status": "', b"x"), "no data for 0.2 seconds"),
            (drip(b"\n"), "no data for 0.2 seconds"),
            (once(b"{}\nno word\n"), "not valid JSON"),
        ],
    )
    def test_messages_of_a_pull_are_bounded(self, body: Callable[[], Body], words: str) -> None:
        """Each message is limited, and all together; an incomplete message does not count as data."""
        limits = HASTY if "seconds" in words else LIMITS
        with (
            hostile({"/create": Response(body)}) as url,
            connected(url, limits) as client,
            pytest.raises(LayerscopeError, match=words),
        ):
            list(client.pull("x", None))

    def test_layers_that_are_pulled_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each layer has its own counter, so their number is limited."""
        rows = (
            dump({"id": f"{n}", "status": "Downloading", "progressDetail": {"current": 1}})
            for n in range(100)
        )
        answers = {
            "/create": Response(once(b"\n".join(rows))),
            "/json": Response(once(b"[]"), status="404 Gone"),
        }
        with hostile(answers) as url:
            monkeypatch.setenv("DOCKER_HOST", url)
            with pytest.raises(LimitExceededError, match="limit layers exceeded: more than 99"):
                open_source(Request("docker://x", pull=True, limits=Limits(layers=99)))

    def test_a_request_can_be_cancelled_while_it_waits(self) -> None:
        asked = threading.Event()

        class Stops(NullProgress):
            def cancelled(self) -> bool:
                return asked.is_set()

        def send(_seconds: float) -> Any:
            asked.set()
            threading.Event().wait(5)
            raise OSError

        with pytest.raises(CancelledError):
            read_answer(send, "it", Limits(), progress=Stops())


def test_time_in_which_this_process_was_stopped_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A clock that jumps by an hour does not count as silence."""
    leaps = itertools.count()
    monkeypatch.setattr("layerscope.sources.pump.time.monotonic", lambda: 3600.0 * next(leaps))
    going = threading.Event()
    looks = itertools.count()

    class Looks(NullProgress):
        def cancelled(self) -> bool:
            if next(looks) == 3:
                going.set()
            return False

    def pieces() -> Iterator[bytes]:
        going.wait()
        yield b"x"

    assert list(read_in_thread(pieces(), Looks(), lambda: None, Timeouts(5, 60))) == [b"x"]
    never = threading.Event()
    with pytest.raises(TooSlowError, match="5 seconds"):
        list(
            read_in_thread(
                iter(lambda: never.wait(), None), NullProgress(), never.set, Timeouts(5, 60)
            )
        )


def test_the_image_is_named_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the image and the engine that does not answer."""
    with hostile({"/json": NO_ANSWER["drip"][0]}) as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        limits = Limits(answer_seconds=1)
        with pytest.raises(
            UnreachableError, match=r"docker://app: unix.*no complete answer within 1"
        ):
            open_source(Request("docker://app", limits=limits))
