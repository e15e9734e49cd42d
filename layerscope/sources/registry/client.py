"""Reads manifests and blobs of a repository (OCI distribution-spec, "Pull"; distribution, docs/spec/api.md)."""

from __future__ import annotations

import email.utils
import hashlib
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import requests
import urllib3

from layerscope.errors import (
    CorruptImageError,
    ImageNotFoundError,
    LayerscopeError,
    UnreachableError,
)
from layerscope.image.digest import sha256
from layerscope.image.documents import Lenient, decode_object
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import NullProgress, Progress, Stoppable, check
from layerscope.sources.answers import Answer, read_answer, stream_answer
from layerscope.sources.artifacts import INDEX_TYPES, MANIFEST_TYPES
from layerscope.sources.registry.connection import Connection, PassingError
from layerscope.sources.registry.hosts import endpoints_of
from layerscope.sources.registry.repository import SCHEME, Reference
from layerscope.text import count_of, safe_name

ACCEPT = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))
TRIES = 3
"""How often a request is sent that fails for reasons that may pass."""
DAMAGED = "its storage or a proxy in between is damaged"
"""What to think of a registry that sends wrong bytes."""
LONGEST_WAIT = 60
"""Seconds to wait at most because a registry asks for it."""
_PASSING = (408, 429, 500, 502, 503, 504)
"""Status codes of failures that may pass."""
_LOOK_EVERY = 0.1
_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]+/")

_Result = TypeVar("_Result")


class NoRangesError(UnreachableError):
    """The registry sends blobs only as a whole."""


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or index."""

    data: bytes
    digest: str
    media_type: str


class Client:
    """Reads one repository, from its mirrors or from the registry itself. Methods are called from any thread."""

    def __init__(
        self, reference: Reference, limits: Limits, progress: Progress | None = None
    ) -> None:
        self.reference = reference
        self.limits = limits
        self._stoppable = Stoppable(progress or NullProgress())
        self._connections = [Connection(one, limits) for one in endpoints_of(reference, limits)]

    @property
    def progress(self) -> Progress:
        """What is asked whether to go on."""
        return self._stoppable

    def stop(self) -> None:
        """End all that waits for an answer."""
        self._stoppable.stop()

    # documents

    def manifest(self, target: str) -> Document:
        """The manifest or index of a tag or digest. Raises `ImageNotFoundError`, `RefusedError`, `UnreachableError`."""
        answer = self._answer("GET", f"manifests/{target}", _named(target), {"Accept": ACCEPT})
        if ":" in target:
            self._check(answer.body, target, "another manifest")
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind == "text/html":
            raise LayerscopeError(
                f"{self.reference.host} answers with a web page where a registry would answer with a manifest",
                hint="is this the address of a registry, and not of its web page?",
            )
        return Document(answer.body, target if ":" in target else sha256(answer.body), kind)

    def digest_of(self, tag: str) -> str | None:
        """The digest of the manifest that a tag names now; None if the registry does not say."""
        answer = self._answer("HEAD", f"manifests/{tag}", _named(tag), {"Accept": ACCEPT})
        return answer.headers.get("Docker-Content-Digest")

    def json(self, path: str, what: str, *, once: bool = False) -> Answer:
        """The answer to a question about the repository, with `once` without a second try. Raises like `manifest`."""
        accepted = {"Accept": f"{INDEX_TYPES[0]}, application/json"}
        return self._answer("GET", path, what, accepted, once=once)

    def blob(self, digest: str, what: str) -> bytes:
        """The bytes of a document. Raises like `manifest`, and `CorruptImageError` if they are others."""
        data = self._answer("GET", f"blobs/{digest}", f"{what} {digest[:19]}…", {}).body
        self._check(data, digest, f"other bytes for {what}")
        return data

    def _check(self, data: bytes, digest: str, other: str) -> None:
        """Raise `CorruptImageError` for bytes that do not have a digest; `other` is what they are instead."""
        if not matches(data, digest):
            raise CorruptImageError(
                f"{self.reference.repository}: the registry answers with {other} than {digest[:19]}…",
                hint=DAMAGED,
            )

    def _answer(
        self, method: str, path: str, what: str, headers: Mapping[str, str], *, once: bool = False
    ) -> Answer:
        def ask(connection: Connection) -> Answer:
            answer = read_answer(
                lambda timeout: connection.send(method, path, headers, timeout),
                connection.endpoint.host,
                self.limits,
                progress=self.progress,
            )
            if not answer.ok:
                raise self._refused(connection, answer, what)
            return answer

        return self._asked(ask) if once else self._repeated(ask)

    # blobs

    def stream(self, digest: str, start: int, end: int, size: int) -> Iterator[bytes]:
        """The bytes of a blob from `start`, as they arrive; maybe fewer than up to `end`, never more.

        Asked for once. Raises `NoRangesError` if only the whole blob can be had, `PassingError` if asking again may help,
        otherwise like `manifest`.
        """
        yield from self._asked(
            lambda connection: self._opened(connection, digest, start, end, size)
        )

    def _opened(
        self, connection: Connection, digest: str, start: int, end: int, size: int
    ) -> Iterator[bytes]:
        """A stream whose first piece has arrived."""
        pieces = self._streamed(connection, digest, start, end, size)
        first = next(pieces, b"")

        def all_pieces() -> Iterator[bytes]:
            if first:
                yield first
            yield from pieces

        return all_pieces()

    def _streamed(
        self, connection: Connection, digest: str, start: int, end: int, size: int
    ) -> Iterator[bytes]:
        partial = start > 0 or end < size
        headers = {"Range": f"bytes={start}-{end - 1}"} if partial else {}
        what = f"layer {digest[:19]}…"

        def send(timeout: float) -> requests.Response:
            response = connection.send("GET", f"blobs/{digest}", headers, timeout)
            if not partial or not response.ok:
                return response
            said = _RANGE.match(response.headers.get("Content-Range") or "")
            if response.status_code != 206 or said is None or int(said[1]) != start:
                response.close()
                raise NoRangesError(f"{connection.endpoint.host} does not send parts of blobs")
            return response

        left = end - start
        try:
            for piece in stream_answer(
                send, connection.endpoint.host, self.limits, self.progress,
                lambda answer: self._refused(connection, answer, what),
            ):  # fmt: skip
                yield piece[:left]
                left -= len(piece)
                if left < 0 or (left == 0 and partial):
                    return
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failed(connection, error) from None

    # trying

    def _repeated(self, ask: Callable[[Connection], _Result]) -> _Result:
        """What `_asked` returns, after tries that fail for reasons that may pass."""
        for number in count():
            try:
                return self._asked(ask)
            except PassingError as error:
                self.pause(error, number)
        raise AssertionError

    def _asked(self, ask: Callable[[Connection], _Result]) -> _Result:
        """What the first server answers that has it: mirrors are asked first, and left out once they have failed."""
        *mirrors, last = self._connections
        failed: list[str] = []
        for connection in mirrors:
            try:
                return self._once(ask, connection)
            except LayerscopeError as error:
                failed.append(error.message)
                if not isinstance(error, ImageNotFoundError):
                    self._connections = [one for one in self._connections if one is not connection]
        try:
            return self._once(ask, last)
        except LayerscopeError as error:
            if failed:
                error.message = f"{error.message} (its mirror: {'; '.join(failed)})"
            raise

    def _once(self, ask: Callable[[Connection], _Result], connection: Connection) -> _Result:
        try:
            return ask(connection)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failed(connection, error) from None

    def pause(self, error: PassingError, number: int) -> None:
        """Wait after try `number`, counted from 0. Raises the error if it was the last, and `CancelledError`."""
        if number + 1 >= TRIES or (error.wait or 0) > LONGEST_WAIT:
            raise error
        until = time.monotonic() + (0.25 * 4**number if error.wait is None else error.wait)
        while (left := until - time.monotonic()) > 0:
            check(self.progress)
            time.sleep(min(left, _LOOK_EVERY))

    # errors

    def _refused(self, connection: Connection, answer: Answer, what: str) -> LayerscopeError:
        """The error for an answer with an error status."""
        host, path = connection.endpoint.host, connection.endpoint.path
        status = answer.status
        said = _message(answer)
        if status in (401, 403):
            return connection.refused()
        if status == 404:
            hint = "the registry has lost a part of the image: ask who runs it"
            if what.startswith(("tag ", "manifest ", "list ")):
                hint = "check the name; a registry may also hide what it does not let you read"
            if what.startswith("tag "):
                hint = f"check the name and the tag; layerscope {SCHEME}://{host}/{path} lists the tags"
            return ImageNotFoundError(f"{host} has no {what} in {path}{said}", hint=hint)
        wait = _wait(answer.headers.get("Retry-After"))
        if status == 429:
            asks = "" if wait is None else f"; it asks to wait {count_of(round(wait), 'second')}"
            return PassingError(
                f"{host} limits how often it is asked: no answer for {what} in {path}{asks}{said}",
                wait,
                hint=f"wait, or log in for a higher limit: docker login {host}",
            )
        if status in _PASSING:
            return PassingError(
                f"{host} fails with status {status} for {what} in {path}{said}", wait
            )
        return UnreachableError(f"{host} answers with status {status} for {what} in {path}{said}")

    @staticmethod
    def _failed(connection: Connection, error: Exception) -> PassingError:
        """The error for a connection that failed."""
        host = connection.endpoint.host
        reasons = list(_reasons(error))
        proxy = any(isinstance(r, urllib3.exceptions.ProxyError) for r in reasons)
        for reason in reasons:
            if isinstance(reason, ssl.SSLCertVerificationError):
                why = getattr(reason, "verify_message", None) or reason.reason or reason
                hint = (
                    "use the name that the certificate is for"
                    if "mismatch" in str(why)
                    else f"put the certificate of its authority into /etc/containers/certs.d/{host}/ca.crt, "
                    "or configure the registry as insecure"
                )
                return _FinalError(
                    f"{host}: its certificate is not trusted: {safe_name(str(why))[:200]}",
                    hint=hint,
                )
            if isinstance(reason, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(reason):
                return _FinalError(
                    f"{host} does not speak TLS",
                    hint="if it is a registry without TLS, configure it as insecure in registries.conf or daemon.json",
                )
            if isinstance(reason, urllib3.exceptions.IncompleteRead):
                found, missing = reason.partial, reason.expected
                return PassingError(
                    f"{host}: an answer ended after {found:,} bytes; {missing or 0:,} more were announced",
                    hint=DAMAGED,
                )
        name = next(
            (r for r in reasons if isinstance(r, urllib3.exceptions.NameResolutionError)), None
        )
        if name is not None and not proxy:
            return _FinalError(
                f"{host}: no such host, or no network", hint="check the name of the registry"
            )
        last = reasons[-1]
        why = (getattr(last, "strerror", None) if isinstance(last, OSError) else None) or str(last)
        return PassingError(
            f"{host}: the {'proxy' if proxy else 'connection'} failed: {safe_name(_short(why))}",
            hint=f"check {'$HTTPS_PROXY and $NO_PROXY' if proxy else 'host, port and network'}",
        )


class _FinalError(PassingError):
    """A failure that does not pass."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message, float("inf"), hint=hint)


def matches(data: bytes, digest: str) -> bool:
    """Whether bytes have a digest. Raises `CorruptImageError` for a digest that cannot be checked."""
    check_algorithm(digest)
    algorithm, _, encoded = digest.partition(":")
    return hashlib.new(algorithm, data).hexdigest() == encoded


def check_algorithm(digest: str) -> None:
    """Raise `CorruptImageError` for a digest that cannot be checked: a registry could answer with anything."""
    algorithm = digest.partition(":")[0]
    if algorithm not in ("sha256", "sha512"):
        raise CorruptImageError(
            f"{digest[:19]}…: digests of {algorithm} cannot be checked",
            hint="sha256 and sha512 can",
        )


def _named(target: str) -> str:
    """A tag or a manifest, for errors."""
    return f"manifest {target[:19]}…" if ":" in target else f"tag {target}"


def _reasons(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what caused it, the innermost last."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = getattr(error, "reason", None)
        inner = inner if isinstance(inner, BaseException) else None
        given = next((one for one in error.args if isinstance(one, BaseException)), None)
        error = inner or given or error.__cause__ or error.__context__


def _short(why: object) -> str:
    text = re.sub(r"<[^>]*>:? ?", "", " ".join(str(why).split()))
    return text[:200]


def _message(answer: Answer) -> str:
    """What a registry says about an error, for the end of a sentence (OCI distribution-spec, "Error Codes")."""
    try:
        document = Lenient(decode_object(answer.body[:65536], "it", DEFAULT_LIMITS), "it")
        first = Lenient(next(iter(document.items("errors")), None), "it")
        text = first.text("message") or first.text("code") or ""
    except LayerscopeError:
        text = ""
    line = safe_name(" ".join(text.split()))[:200]
    return f": {line}" if line else ""


def _wait(header: str | None) -> float | None:
    """Seconds to wait according to `Retry-After` (RFC 9110, 10.2.3)."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        until = email.utils.parsedate_to_datetime(header).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(until - time.time(), 0.0)
