"""Client for engines with Docker's API: Docker, Podman and compatible ones.

The docker SDK for Python connects: it handles sockets, TLS and credentials. Answers are read by `answers`, because the SDK
reads them without limits.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from layerscope.errors import CancelledError, LayerscopeError, UnreachableError
from layerscope.image.digest import is_digest
from layerscope.image.documents import DocumentError, Lenient, decode
from layerscope.image.platform import Platform
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import NullProgress, Progress
from layerscope.sources.answers import (
    PLAIN,
    Answer,
    keep_redirects,
    read_answer,
    stream_answer,
    stream_lines,
)
from layerscope.sources.endpoints import Endpoint, check_docker_config
from layerscope.sources.references import NamedImage
from layerscope.sources.ssh import Tunnel

CONNECT_SECONDS = 10
SSH_SECONDS = 30
"""Seconds until an engine must have reported its version."""
OLDEST = (1, 24)
"""The oldest API version that the docker SDK supports."""
INSPECT_PLATFORM, EXPORT_PLATFORM = (1, 49), (1, 48)
"""First API versions with a platform parameter (moby, api/docs/CHANGELOG.md)."""
LIST_PLATFORMS = (1, 48)
"""The first API version that lists all platforms of an image."""
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")
_HINTS = {
    "docker": "join the docker group and log in again, or run sudo layerscope …",
    "podman": "the engine runs as root: run sudo layerscope …",
}


class NoSuchImageError(Exception):
    """The engine has no image of that name, or several match."""

    def __init__(self, message: str, missing: bool) -> None:
        super().__init__(message)
        self.message = message
        self.missing = missing
        """Whether the engine answered that it does not exist."""


class Client:
    """A connection to an engine. Raises `UnreachableError` if it fails."""

    def __init__(self, endpoint: Endpoint, kind: str, limits: Limits = DEFAULT_LIMITS) -> None:
        self._endpoint = endpoint
        self._kind = kind
        self._limits = limits
        self._tunnel: Tunnel | None = None
        url = endpoint.url
        check_docker_config()
        if url.startswith("ssh://"):
            self._tunnel = Tunnel(endpoint, kind)
            url = f"unix://{self._tunnel.path}"
        elif url.startswith("unix://"):
            self._check_socket(url)
        try:
            self._api = self._connect(url)
            self.version = self._ask_version()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if hasattr(self, "_api"):
            self._api.close()
        if self._tunnel is not None:
            self._tunnel.close()
            self._tunnel = None

    def inspect(self, reference: str, platform: Platform | None = None) -> dict[str, Any]:
        """The engine's description of an image: for one platform, or with a list of all stored ones. Raises `NoSuchImageError`."""
        params: dict[str, str | None] = {}
        if platform is not None and self.version >= INSPECT_PLATFORM:
            params["platform"] = _platform_json(platform)
        elif platform is None and self.version >= LIST_PLATFORMS:
            params["manifests"] = "1"
        path = f"/images/{_quoted(reference)}/json"
        value = self._json(path, params)
        if not isinstance(value, dict):
            raise LayerscopeError(f"unexpected answer from the engine at {self._where} for {path}")
        return value

    def history(self, reference: str, platform: Platform | None = None) -> list[Any]:
        """The history of an image, newest step first."""
        params: dict[str, str | None] = {}
        if platform is not None and self.version >= EXPORT_PLATFORM:
            params["platform"] = _platform_json(platform)
        value = self._json(f"/images/{_quoted(reference)}/history", params)
        return value if isinstance(value, list) else []

    def images(self) -> list[NamedImage]:
        """All images of the engine, for lookup by name."""
        images = []
        for fields in self.summaries():
            names = [name for name in fields.texts("RepoTags") if name != "<none>:<none>"]
            digests = [name.rpartition("@")[2] for name in fields.texts("RepoDigests")]
            images.append(
                NamedImage(
                    (fields.text("Id") or "").removeprefix("sha256:"),
                    names,
                    [digest for digest in digests if is_digest(digest)],
                )
            )
        return images

    def info(self) -> Lenient:
        """The engine's own description: data folder, storage driver, containerd."""
        return Lenient(self._json("/info", {}), "info")

    def summaries(self) -> Iterator[Lenient]:
        """The engine's list of images."""
        values = self._json("/images/json", {"only_ids": "0", "all": "0"})
        for value in values if isinstance(values, list) else ():
            if isinstance(value, dict):
                yield Lenient(value, "image")

    def export(
        self, reference: str, platform: Platform | None, progress: Progress | None = None
    ) -> Iterator[bytes]:
        """The image as an archive, in pieces; requested when the first piece is read. May raise `CancelledError`."""
        path = f"/images/{_quoted(reference)}/get"
        params: dict[str, str | None] = {}
        if platform is not None and self.version >= EXPORT_PLATFORM:
            params["platform"] = _platform_json(platform)
        try:
            yield from stream_answer(
                self._request("GET", path, params), self._where, self._limits, progress or NullProgress(), self._refusal
            )  # fmt: skip
        except Exception as error:
            raise self._error(error) from error

    def pull(
        self, reference: str, platform: Platform | None, progress: Progress | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Pull an image with the engine; yields its progress messages. Requested when the first message is read."""
        from docker import auth, utils

        try:
            repository, tag = utils.parse_repository_tag(reference)
            # Credentials of the user's docker login, as docker pull sends them.
            secret = auth.get_config_header(self._api, auth.resolve_repository_name(repository)[0])
            send = self._request(
                "POST", "/images/create",
                {"fromImage": repository, "tag": tag or "latest", "platform": None if platform is None else str(platform)},
                {"X-Registry-Auth": secret} if secret else {},
            )  # fmt: skip
            for line in stream_lines(
                send, self._where, self._limits, progress or NullProgress(), self._refusal
            ):
                message, _ = decode(line, "its pull messages", self._limits)
                if isinstance(message, dict):
                    yield message
        except Exception as error:
            raise self._error(error) from error

    def _connect(self, url: str) -> Any:
        """The SDK's client, before any request."""
        try:
            import docker
        except ImportError as error:
            raise UnreachableError(
                f"the docker SDK for Python cannot be loaded: {error}",
                hint="reinstall layerscope with its dependencies",
            ) from error
        tls: Any = False
        seconds = CONNECT_SECONDS if self._tunnel is None else SSH_SECONDS
        try:
            if self._endpoint.tls is not None:
                tls_settings = self._endpoint.tls
                pair = None if tls_settings.cert is None else tuple(map(str, tls_settings.cert))
                ca = None if tls_settings.ca is None else str(tls_settings.ca)
                tls = docker.tls.TLSConfig(client_cert=pair, ca_cert=ca, verify=tls_settings.verify)
            api = docker.APIClient(base_url=url, version=_dotted(OLDEST), timeout=seconds, tls=tls)
        except MemoryError:
            raise
        except Exception as error:
            raise UnreachableError(
                f"no engine is listening at {self._where}: {self._cause(error)}"
            ) from error
        keep_redirects(api)
        return api

    def _ask_version(self) -> tuple[int, int]:
        """The API version. Raises `UnreachableError` for unsupported ones and other servers."""
        seconds = CONNECT_SECONDS if self._tunnel is None else SSH_SECONDS
        refusal = f"no engine is listening at {self._where}"
        try:
            answer = read_answer(
                self._request("GET", "/version", {}, version=None), "it", self._limits,
                min(seconds, self._limits.answer_seconds),
            )  # fmt: skip
            if not answer.ok:
                raise LayerscopeError(
                    f"it answers {answer.status}: {_error_message(answer, self._limits)}"
                )
            api_version = Lenient(answer.value("it", self._limits), "version").text("ApiVersion")
        except LayerscopeError as error:
            hint = (
                error.hint or "check whether the engine hangs, or something else is listening there"
            )
            raise UnreachableError(f"{refusal}: {error.message.removeprefix('it: ')}", hint=hint) from error  # fmt: skip
        except Exception as error:
            raise UnreachableError(f"{refusal}: {self._cause(error)}") from error
        version = _version(api_version)
        if version < OLDEST:
            problem = "does not report its API version" if version == (0, 0) else f"speaks API version {_dotted(version)}; the oldest supported is {_dotted(OLDEST)}"  # fmt: skip
            raise UnreachableError(f"{refusal}: the server {problem}")
        return version

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | None],
        headers: Mapping[str, str] | None = None,
        *,
        version: str | None = "",
    ) -> Callable[[float], Any]:
        """A function that sends the request, with or without the API version, and returns an answer with an unread body."""
        if version is not None:
            path = f"/v{_dotted(self.version)}{path}"
        url = f"{self._api.base_url}{path}"
        ask = self._api._get if method == "GET" else self._api._post
        return lambda seconds: ask(
            url, params=dict(params), headers={**PLAIN, **(headers or {})}, timeout=seconds, stream=True
        )  # fmt: skip

    def _check_socket(self, url: str) -> None:
        """Raise `UnreachableError` with a clear message if the socket cannot be used."""
        probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with probe:
            probe.settimeout(CONNECT_SECONDS)
            try:
                probe.connect(url.removeprefix("unix://"))
            except PermissionError:
                raise UnreachableError(
                    f"{self._where}: permission denied", hint=_HINTS[self._kind]
                ) from None
            except (OSError, ValueError) as error:  # ValueError: NUL in the path
                why = getattr(error, "strerror", None) or error
                raise UnreachableError(f"no engine is listening at {self._where}: {why}") from error

    @property
    def _where(self) -> str:
        return f"{self._endpoint.url} ({self._endpoint.origin})"

    def _json(self, path: str, params: Mapping[str, str | None]) -> Any:
        """A JSON document of the API."""
        try:
            answer = read_answer(self._request("GET", path, params), self._where, self._limits)
        except Exception as error:
            raise self._error(error) from error
        if not answer.ok:
            raise self._refusal(answer)
        return answer.value(f"the engine at {self._where}", self._limits)

    def _refusal(self, answer: Answer) -> Exception:
        """The error for an answer with an error status."""
        message = _error_message(answer, self._limits)
        if answer.status in (400, 404, 409) or "multiple" in message:
            return NoSuchImageError(message, answer.status == 404)
        return LayerscopeError(f"the engine at {self._where} says: {message}")

    def _error(self, error: Exception) -> Exception:
        """A connection error as `UnreachableError`; errors of layerscope are kept."""
        if isinstance(error, DocumentError):
            return LayerscopeError(f"the engine at {self._where}: {error.message}")
        if isinstance(error, (LayerscopeError, NoSuchImageError, CancelledError, MemoryError)):
            return error
        return UnreachableError(
            f"lost the connection to {self._where}: {self._cause(error)}",
            hint="check whether the engine is still running, and its log",
        )

    def _cause(self, error: BaseException) -> str:
        """The root cause in one line; for ssh, its own message."""
        if self._tunnel is not None and (line := self._tunnel.last_line()):
            return _one_line(line.decode(errors="replace"))
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, OSError) and cause.strerror:
                return cause.strerror
            cause = cause.__cause__ or cause.__context__
        return _one_line(error)


def clients(
    kind: str, endpoints: Callable[[], Sequence[Endpoint]], limits: Limits = DEFAULT_LIMITS
) -> Iterator[tuple[Endpoint, Client]]:
    """All engines that answer; the caller closes the connections. Raises `UnreachableError` at the end if there are none."""
    refusals: list[UnreachableError] = []
    answered = False
    for endpoint in endpoints():
        try:
            client = Client(endpoint, kind, limits)
        except UnreachableError as error:
            refusals.append(error)
            continue
        answered = True
        yield endpoint, client
    if answered:
        return
    if not refusals:
        raise UnreachableError("no engine socket found")
    raise next((error for error in refusals if error.hint), refusals[0])


def _version(text: object) -> tuple[int, int]:
    match = _VERSION.match(str(text))
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _error_message(answer: Answer, limits: Limits) -> str:
    """The message of an error answer."""
    try:
        message = Lenient(answer.value("", limits), "error").text("message")
    except LayerscopeError:
        message = None
    text = message or answer.body[:5000].decode(errors="replace")
    return _one_line(text) or f"status {answer.status}"


def _platform_json(platform: Platform) -> str:
    return json.dumps({key: value for key, value in platform.fields().items() if value})


def _quoted(reference: str) -> str:
    from urllib.parse import quote

    return quote(reference, safe="/:@")


def _one_line(text: object) -> str:
    """A text on one line, safe for a message."""
    return " ".join(str(text).split())[:500]
