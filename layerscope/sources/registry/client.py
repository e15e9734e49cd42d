"""Reads manifests and blobs of a repository (OCI distribution-spec, "Pull"; distribution, docs/spec/api.md)."""

from __future__ import annotations

import copy
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import TypeVar

import requests
import urllib3
from msgspec import Struct

from layerscope.errors import (
    CorruptImageError,
    ImageNotFoundError,
    LayerscopeError,
    UnreachableError,
)
from layerscope.image.digest import sha256
from layerscope.limits import Limits
from layerscope.progress import NullProgress, Progress, StoppableProgress, check
from layerscope.sources.answers import Answer, read_answer, stream_answer
from layerscope.sources.artifacts import INDEX_TYPES, MANIFEST_TYPES
from layerscope.sources.registry.connection import Connection
from layerscope.sources.registry.failures import DAMAGED, PassingError, Route, failure, refusal
from layerscope.sources.registry.hosts import endpoints_of
from layerscope.sources.registry.repository import Reference

ACCEPT = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))
TRIES = 3
"""Number of tries of a request that fails temporarily."""
LONGEST_WAIT = 60
"""Maximum seconds to wait if a registry asks for it."""
_CHECK_SECONDS = 0.1
_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]+/")

_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
"""Errors of a connection."""

_Result = TypeVar("_Result")
_Ask = Callable[[Connection, Route], _Result]
"""Sends a request to one server; the route notes which host was reached."""


class NoRangesError(UnreachableError):
    """The registry sends blobs only as a whole."""


class Document(Struct, frozen=True):
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
        self._stoppable = StoppableProgress(progress or NullProgress())
        self._connections = [Connection(one, limits) for one in endpoints_of(reference, limits)]

    def for_tag(self, reference: Reference, progress: Progress) -> Client:
        """A client for another tag of the repository, which shares connections and tokens."""
        client = copy.copy(self)
        client.reference = reference
        client._stoppable = StoppableProgress(progress)
        return client

    @property
    def progress(self) -> Progress:
        """The progress of the caller, cancelled by `stop`."""
        return self._stoppable

    def stop(self) -> None:
        """Cancel all pending requests."""
        self._stoppable.stop()

    # documents

    def manifest(self, target: str, *, once: bool = False) -> Document:
        """The manifest or index of a tag or digest, with `once` without a second try.

        Raises `ImageNotFoundError`, `RefusedError`, `UnreachableError`.
        """
        answer = self._answer(
            "GET", f"manifests/{target}", _target_name(target), {"Accept": ACCEPT}, once=once
        )
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
        """The digest of the manifest that a tag names now; None if the registry does not report it."""
        answer = self._answer("HEAD", f"manifests/{tag}", _target_name(tag), {"Accept": ACCEPT})
        return answer.headers.get("Docker-Content-Digest")

    def json(self, path: str, what: str, *, once: bool = False) -> Answer:
        """The answer to a request about the repository, with `once` without a second try. Raises like `manifest`."""
        accepted = {"Accept": f"{INDEX_TYPES[0]}, application/json"}
        return self._answer("GET", path, what, accepted, once=once)

    def blob(self, digest: str, what: str) -> bytes:
        """The bytes of a document. Raises like `manifest`, and `CorruptImageError` for other bytes."""
        data = self._answer("GET", f"blobs/{digest}", f"{what} {digest[:19]}…", {}).body
        self._check(data, digest, f"other bytes for {what}")
        return data

    def _check(self, data: bytes, digest: str, other: str) -> None:
        """Raise `CorruptImageError` for bytes that do not have a digest; `other` describes the bytes in the error."""
        if not matches(data, digest):
            raise CorruptImageError(
                f"{self.reference.repository}: the registry answers with {other} than {digest[:19]}…",
                hint=DAMAGED,
            )

    def _answer(
        self, method: str, path: str, what: str, headers: Mapping[str, str], *, once: bool = False
    ) -> Answer:
        def ask(connection: Connection, route: Route) -> Answer:
            answer = read_answer(
                lambda timeout: connection.send(method, path, headers, timeout, route),
                route,
                self.limits,
                progress=self.progress,
            )
            if not answer.ok:
                raise _refused(connection, route, answer, what)
            return answer

        return self._first_answer(ask) if once else self._with_tries(ask)

    # blobs

    def stream(self, digest: str, start: int, end: int, size: int) -> Iterator[bytes]:
        """The bytes of a blob from `start`, as they arrive; maybe fewer than up to `end`, never more.

        Tries once. Raises `NoRangesError` if only the whole blob is available, `PassingError` for temporary failures, otherwise like
        `manifest`.
        """
        yield from self._first_answer(
            lambda connection, route: self._opened(connection, route, digest, start, end, size)
        )

    def _opened(
        self, connection: Connection, route: Route, digest: str, start: int, end: int, size: int
    ) -> Iterator[bytes]:
        """A stream whose first piece has arrived."""
        pieces = self._streamed(connection, route, digest, start, end, size)
        first = next(pieces, b"")

        def all_pieces() -> Iterator[bytes]:
            if first:
                yield first
            yield from pieces

        return all_pieces()

    def _streamed(
        self, connection: Connection, route: Route, digest: str, start: int, end: int, size: int
    ) -> Iterator[bytes]:
        partial = start > 0 or end < size
        headers = {"Range": f"bytes={start}-{end - 1}"} if partial else {}
        what = f"layer {digest[:19]}…"

        def send(timeout: float) -> requests.Response:
            response = connection.send("GET", f"blobs/{digest}", headers, timeout, route)
            if not partial or not (response.ok or response.status_code == 416):
                return response
            content_range = _RANGE.match(response.headers.get("Content-Range") or "")
            if (
                response.status_code != 206
                or content_range is None
                or int(content_range[1]) != start
            ):
                response.close()
                raise NoRangesError(f"{route} does not send parts of blobs")
            return response

        remaining = end - start
        try:
            for piece in stream_answer(
                send, route, self.limits, self.progress,
                lambda answer: _refused(connection, route, answer, what),
            ):  # fmt: skip
                yield piece[:remaining]
                remaining -= len(piece)
                if remaining < 0 or (remaining == 0 and partial):
                    return
        except _FAILURES as error:
            raise failure(route, error) from None

    # tries

    def _with_tries(self, ask: _Ask[_Result]) -> _Result:
        """What `_asked` returns, after tries that fail for reasons that may pass."""
        for number in count():
            try:
                return self._first_answer(ask)
            except PassingError as error:
                self.pause(error, number)
        raise AssertionError

    def _first_answer(self, ask: _Ask[_Result]) -> _Result:
        """The answer of the first server that has one: mirrors are asked first, and skipped once they have failed."""
        *mirrors, last = self._connections
        failed: list[str] = []
        for connection in mirrors:
            try:
                return self._ask_server(ask, connection)
            except LayerscopeError as error:
                failed.append(error.message)
                if not isinstance(error, ImageNotFoundError):
                    self._connections = [one for one in self._connections if one is not connection]
        try:
            return self._ask_server(ask, last)
        except LayerscopeError as error:
            if failed:
                error.message = f"{error.message} (its mirror: {'; '.join(failed)})"
            raise

    @staticmethod
    def _ask_server(ask: _Ask[_Result], connection: Connection) -> _Result:
        route = Route(connection.endpoint.host)
        try:
            return ask(connection, route)
        except _FAILURES as error:
            raise failure(route, error) from None

    def pause(self, error: PassingError, number: int) -> None:
        """Wait after try `number`, counted from 0. Raises the error if it was the last, and `CancelledError`."""
        if number + 1 >= TRIES or (error.wait or 0) > LONGEST_WAIT:
            raise error
        until = time.monotonic() + (0.25 * 4**number if error.wait is None else error.wait)
        while (remaining := until - time.monotonic()) > 0:
            check(self.progress)
            time.sleep(min(remaining, _CHECK_SECONDS))


def _refused(connection: Connection, route: Route, answer: Answer, what: str) -> LayerscopeError:
    """The error for an answer with an error status."""
    if answer.status in (401, 403) and not route.is_elsewhere:
        return connection.refused()
    return refusal(route, connection.endpoint.path, answer, what)


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


def _target_name(target: str) -> str:
    """A tag or a manifest, for errors."""
    return f"manifest {target[:19]}…" if ":" in target else f"tag {target}"
