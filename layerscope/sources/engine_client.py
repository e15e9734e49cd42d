"""An engine that answers Docker's API: Docker itself, Podman, and what else speaks it, through the docker SDK for Python."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from layerscope.errors import LayerscopeError, UnreachableError
from layerscope.image.digest import is_digest
from layerscope.image.documents import Lenient
from layerscope.image.platform import Platform
from layerscope.sources.endpoints import Endpoint
from layerscope.sources.references import Stored
from layerscope.sources.ssh import Tunnel

CONNECT_SECONDS = 10
SSH_SECONDS = 30
"""How long an engine may take to say its version; later calls may take as long as they like."""
PIECE = 1 << 20
INSPECT_PLATFORM, EXPORT_PLATFORM = (1, 49), (1, 48)
"""Versions of the API that can be asked for a platform (moby, api/docs/CHANGELOG.md)."""
TELLS_PLATFORMS = (1, 48)
"""The version from which on an engine tells all platforms of an image."""
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")
_HINTS = {
    "docker": "join the group docker and log in again, or run sudo layerscope …",
    "podman": "this is root's engine: run sudo layerscope …",
}


class NoSuchImageError(Exception):
    """The engine has no image of that name, or cannot say which of several is meant."""

    def __init__(self, said: str, missing: bool) -> None:
        super().__init__(said)
        self.said = said
        self.missing = missing
        """Whether the engine says that there is none."""


class Client:
    """A connection to an engine. Raises `UnreachableError` if there is none to be had."""

    def __init__(self, endpoint: Endpoint, kind: str) -> None:
        self._endpoint = endpoint
        self._kind = kind
        self._tunnel: Tunnel | None = None
        url = endpoint.url
        if url.startswith("ssh://"):
            self._tunnel = Tunnel(endpoint, kind)
            url = f"unix://{self._tunnel.path}"
        elif url.startswith("unix://"):
            self._knock(url)
        try:
            self._api = self._connect(url)
        except BaseException:
            self.close()
            raise
        self.version = _version(self._api.api_version)

    def close(self) -> None:
        """End the connection."""
        if hasattr(self, "_api"):
            self._api.close()
        if self._tunnel is not None:
            self._tunnel.close()
            self._tunnel = None

    def inspect(self, reference: str, platform: Platform | None = None) -> dict[str, Any]:
        """What the engine says of an image: of one platform, else with what it holds of others. Raises `NoSuchImageError`."""
        params = {}
        if platform is not None and self.version >= INSPECT_PLATFORM:
            params["platform"] = _platform_json(platform)
        elif platform is None and self.version >= TELLS_PLATFORMS:
            params["manifests"] = "1"
        # The SDK's inspect_image() knows neither.
        path = f"/images/{_quoted(reference)}/json"
        value = self._json(path, params)
        if not isinstance(value, dict):
            raise LayerscopeError(f"the engine at {self._where} gives no object for {path}")
        return value

    def history(self, reference: str, platform: Platform | None = None) -> list[Any]:
        """Its history, newest step first."""
        params = {}
        if platform is not None and self.version >= EXPORT_PLATFORM:
            params["platform"] = _platform_json(platform)
        value = self._json(f"/images/{_quoted(reference)}/history", params)
        return value if isinstance(value, list) else []

    def images(self) -> list[Stored]:
        """All images of the engine, by their names."""
        found = []
        for fields in self.summaries():
            names = [name for name in fields.texts("RepoTags") if name != "<none>:<none>"]
            digests = [name.rpartition("@")[2] for name in fields.texts("RepoDigests")]
            found.append(
                Stored(
                    (fields.text("Id") or "").removeprefix("sha256:"),
                    names,
                    [digest for digest in digests if is_digest(digest)],
                )
            )
        return found

    def summaries(self) -> list[Lenient]:
        """What the engine's list says of each of its images."""
        try:
            values = self._api.images()
        except Exception as error:
            raise self._error(error) from error
        return [Lenient(value, "image") for value in (values if isinstance(values, list) else ())]

    def export(self, reference: str, platform: Platform | None) -> Iterator[bytes]:
        """The image as an archive, in pieces; nothing is asked before the first is."""
        try:
            if platform is None or self.version < EXPORT_PLATFORM:
                yield from self._api.get_image(reference, PIECE)
                return
            # The SDK's get_image() knows no platform.
            url = self._api._url("/images/{0}/get", reference)
            params = {"platform": _platform_json(platform)}
            response = self._api._get(url, params=params, stream=True)
            yield from self._api._stream_raw_result(response, PIECE, False)
        except Exception as error:
            raise self._error(error) from error

    def pull(self, reference: str, platform: Platform | None) -> Iterator[Mapping[str, Any]]:
        """Have the engine get an image from its registry: what it says meanwhile; nothing is asked before the first word."""
        wanted = None if platform is None else str(platform)
        try:
            said = self._api.pull(reference, stream=True, decode=True, platform=wanted)
            yield from (word for word in said if isinstance(word, dict))
        except Exception as error:
            raise self._error(error) from error

    def _connect(self, url: str) -> Any:
        """The SDK's client, which has asked for the engine's version."""
        try:
            import docker
        except ImportError as error:
            raise UnreachableError(
                f"the docker SDK for Python cannot be loaded: {error}",
                hint="install layerscope again, with what it depends on",
            ) from error
        tls: Any = False
        seconds = CONNECT_SECONDS if self._tunnel is None else SSH_SECONDS
        try:
            if self._endpoint.tls is not None:
                secured = self._endpoint.tls
                pair = None if secured.cert is None else tuple(map(str, secured.cert))
                ca = None if secured.ca is None else str(secured.ca)
                tls = docker.tls.TLSConfig(client_cert=pair, ca_cert=ca, verify=secured.verify)
            api = docker.APIClient(base_url=url, version="auto", timeout=seconds, tls=tls)
        except MemoryError:
            raise
        except Exception as error:
            raise UnreachableError(
                f"no engine answers at {self._where}: {self._why(error)}"
            ) from error
        api.timeout = None
        return api

    def _knock(self, url: str) -> None:
        """Raise `UnreachableError` if a socket does not let us in, in words that the SDK would not find."""
        knocking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with knocking:
            knocking.settimeout(CONNECT_SECONDS)
            try:
                knocking.connect(url.removeprefix("unix://"))
            except PermissionError:
                raise UnreachableError(
                    f"{self._where} may not be used by you", hint=_HINTS[self._kind]
                ) from None
            except OSError as error:
                why = error.strerror or error
                raise UnreachableError(f"no engine answers at {self._where}: {why}") from error

    @property
    def _where(self) -> str:
        return f"{self._endpoint.url} ({self._endpoint.origin})"

    def _json(self, path: str, params: dict[str, str]) -> Any:
        """A JSON document of the API."""
        try:
            response = self._api._get(self._api._url(path), params=params)
            return self._api._result(response, json=True)
        except Exception as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> Exception:
        """An error of the SDK in our words."""
        from docker.errors import APIError

        if isinstance(error, LayerscopeError | MemoryError):
            return error
        if isinstance(error, APIError):
            status = error.status_code
            said = _one_line(error.explanation or error)
            if status in (400, 404, 409) or "multiple" in said:
                return NoSuchImageError(said, status == 404)
            return LayerscopeError(f"the engine at {self._where} says: {said}")
        return UnreachableError(
            f"the connection to {self._where} broke: {self._why(error)}",
            hint="does the engine still run? Its own log says why it ended",
        )

    def _why(self, error: BaseException) -> str:
        """The last cause, in one line; what ssh said, where it was ssh."""
        if self._tunnel is not None and (said := self._tunnel.said()):
            return _one_line(said.decode(errors="replace"))
        seen: BaseException | None = error
        while seen is not None:
            if isinstance(seen, OSError) and seen.strerror:
                return seen.strerror
            seen = seen.__cause__ or seen.__context__
        return _one_line(error)


def clients(
    kind: str, endpoints: Callable[[], Sequence[Endpoint]]
) -> Iterator[tuple[Endpoint, Client]]:
    """All engines that answer, each with a connection that the caller closes. Raises `UnreachableError` in the end if none does."""
    refusals: list[UnreachableError] = []
    answered = False
    for endpoint in endpoints():
        try:
            client = Client(endpoint, kind)
        except UnreachableError as error:
            refusals.append(error)
            continue
        answered = True
        yield endpoint, client
    if answered:
        return
    if not refusals:
        raise UnreachableError("there is no socket of an engine")
    raise next((error for error in refusals if error.hint), refusals[0])


def _version(text: object) -> tuple[int, int]:
    found = _VERSION.match(str(text))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _platform_json(platform: Platform) -> str:
    fields = {"os": platform.os, "architecture": platform.architecture, "variant": platform.variant}
    return json.dumps({key: value for key, value in fields.items() if value})


def _quoted(reference: str) -> str:
    from urllib.parse import quote

    return quote(reference, safe="/:@")


def _one_line(said: object) -> str:
    """What somebody said, fit for a message."""
    return " ".join(str(said).split())[:500]
