"""Addresses of engines: from the environment, from contexts and connections of their own tools, and well-known sockets.

Sources: docker/cli, cli/context/store; podman(1), podman-system-connection(1), containers.conf(5). A user's choice is used alone; well-known sockets are tried only without one, and only if they exist.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct

from layerscope.errors import CorruptImageError, UnreachableError
from layerscope.files import read_file, read_toml
from layerscope.image.documents import Lenient, decode_object
from layerscope.limits import Limits

DEFAULT_CONTEXT = "default"
DOCKER_SOCKET = "/var/run/docker.sock"
PODMAN_SOCKET = "/run/podman/podman.sock"
_MOST_BYTES = 4 << 20
"""Maximum size of a configuration file in bytes."""
_DOCKER_CONFIG: dict[str, type] = {
    "auths": dict,
    "credHelpers": str,
    "HttpHeaders": str,
    "proxies": dict,
}
"""Objects in Docker's config.json that the docker SDK for Python reads, and their value types."""
_PEMS = ("ca.pem", "cert.pem", "key.pem")


class Tls(Struct, frozen=True):
    """How a connection is secured."""

    ca: Path | None
    cert: tuple[Path, Path] | None
    """The client's certificate and its key."""
    verify: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address at which an engine may listen."""

    url: str
    """unix://, tcp://, https:// or ssh://."""
    origin: str
    """Where the address comes from, for messages."""
    tls: Tls | None = None
    identity: str | None = None
    """The ssh identity file."""
    chosen: bool = field(default=True, compare=False)
    """Whether the user chose it; False for a well-known socket."""


class UserEnvironment:
    """The user's environment and home."""

    def __init__(
        self, environment: Mapping[str, str] | None = None, home: Path | None = None
    ) -> None:
        self.environment = os.environ if environment is None else environment
        self.home = home or Path.home()
        folder = self.environment.get("XDG_RUNTIME_DIR")
        self.runtime = Path(folder) if folder else Path(f"/run/user/{os.geteuid()}")
        """The user's runtime directory."""
        configured = self.environment.get("XDG_CONFIG_HOME")
        self.config = Path(configured) if configured else self.home / ".config"

    def get(self, name: str) -> str | None:
        """A variable; None if unset or empty."""
        return self.environment.get(name) or None


def docker_endpoints(user: UserEnvironment | None = None) -> list[Endpoint]:
    """Addresses of Docker engines, in order. Raises `UnreachableError` for a missing context."""
    user = user or UserEnvironment()
    docker = Path(user.get("DOCKER_CONFIG") or user.home / ".docker")
    host = user.get("DOCKER_HOST")
    if host is not None:
        return [Endpoint(_url(host), "DOCKER_HOST", _environment_tls(user, docker))]
    context = user.get("DOCKER_CONTEXT")
    origin = "DOCKER_CONTEXT"
    if context is None:
        context = _document(docker / "config.json").text("currentContext")
        origin = "the current context"
    if context and context != DEFAULT_CONTEXT:
        return [_context(docker, context, f"{origin}, {context}")]
    home = user.home
    sockets = [
        (Path(DOCKER_SOCKET), "Docker"),
        (user.runtime / "docker.sock", "rootless Docker"),
        (home / ".docker/run/docker.sock", "Docker Desktop"),
        (home / ".docker/desktop/docker.sock", "Docker Desktop"),
        (home / "Library/Containers/com.docker.docker/Data/docker.raw.sock", "Docker Desktop"),
        (home / ".orbstack/run/docker.sock", "OrbStack"),
        (home / ".rd/docker.sock", "Rancher Desktop"),
        *((path, "Colima") for path in _sockets_in(home / ".colima", "*/docker.sock")),
        *((path, "Colima") for path in _sockets_in(user.config / "colima", "*/docker.sock")),
        *((path, "Lima") for path in _sockets_in(home / ".lima", "*/sock/docker.sock")),
    ]
    return _existing(sockets)


def podman_endpoints(user: UserEnvironment | None = None) -> list[Endpoint]:
    """Addresses of Podman services, in order: the user's own before root's."""
    user = user or UserEnvironment()
    host = user.get("CONTAINER_HOST")
    if host is not None:
        return [Endpoint(_url(host), "CONTAINER_HOST", identity=user.get("CONTAINER_SSHKEY"))]
    default, connections = _connections(user)
    chosen = user.get("CONTAINER_CONNECTION")
    if chosen is not None:
        if chosen not in connections:
            raise UnreachableError(f"CONTAINER_CONNECTION: no such Podman connection: {chosen!r}")  # fmt: skip
        return [connections[chosen]]
    machines = user.home / ".local/share/containers/podman/machine"
    temporary = Path(user.get("TMPDIR") or "/tmp")  # noqa: S108  # Podman's own path
    sockets = [
        (user.runtime / "podman/podman.sock", "rootless Podman"),
        (Path(PODMAN_SOCKET), "Podman"),
        *((path, "Podman machine") for path in _sockets_in(machines, "podman.sock")),
        *((path, "Podman machine") for path in _sockets_in(machines, "*/podman.sock")),
        *((path, "Podman machine") for path in _sockets_in(temporary / "podman", "*-api.sock")),
    ]
    return _existing(sockets) or ([connections[default]] if default in connections else [])


def _existing(sockets: Iterable[tuple[Path, str]]) -> list[Endpoint]:
    """Endpoints of the sockets that exist or are hidden from this user, without duplicates through links."""
    endpoints: dict[Path, Endpoint] = {}
    for path, origin in sockets:
        try:
            if path.exists():
                endpoints.setdefault(
                    path.resolve(), Endpoint(f"unix://{path}", origin, chosen=False)
                )
        except PermissionError:
            endpoints.setdefault(path, Endpoint(f"unix://{path}", origin, chosen=False))
        except (OSError, RuntimeError):
            continue
    return list(endpoints.values())


def _sockets_in(folder: Path, pattern: str) -> Iterator[Path]:
    """Sockets in a folder, in order of their names."""
    try:
        yield from sorted(folder.glob(pattern))
    except OSError:
        return


def _url(host: str) -> str:
    """An address as the docker CLI reads it: TCP if it has no scheme."""
    return host if "://" in host else f"tcp://{host}"


def _environment_tls(user: UserEnvironment, docker: Path) -> Tls | None:
    """TLS from DOCKER_TLS_VERIFY and DOCKER_CERT_PATH."""
    verify = user.get("DOCKER_TLS_VERIFY") is not None
    named = user.get("DOCKER_CERT_PATH")
    if not verify and named is None:
        return None
    return _tls(Path(named) if named else docker, verify)


def _tls(folder: Path, verify: bool) -> Tls:
    ca, cert, key = (folder / name for name in _PEMS)
    pair = (cert, key) if cert.exists() and key.exists() else None
    return Tls(ca if ca.exists() else None, pair, verify)


def _context(docker: Path, name: str, origin: str) -> Endpoint:
    """A context of the docker CLI, stored under the digest of its name."""
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    fields = _document(docker / "contexts" / "meta" / digest / "meta.json")
    endpoint = fields.child("Endpoints").child("docker")
    host = endpoint.text("Host")
    if not host:
        raise UnreachableError(f"{origin}: no such context", hint="docker context ls lists them")
    folder = docker / "contexts" / "tls" / digest / "docker"
    skip = endpoint.flag("SkipTLSVerify")
    secured = folder.is_dir() or skip
    return Endpoint(_url(host), origin, _tls(folder, not skip) if secured else None)


def _connections(user: UserEnvironment) -> tuple[str, dict[str, Endpoint]]:
    """Podman's connections: the default one's name, and all by name."""
    connections: dict[str, Endpoint] = {}
    default = ""
    for path in (Path("/etc/containers"), user.config / "containers"):
        engine = _toml(path / "containers.conf").get("engine")
        fields = Lenient(engine if isinstance(engine, dict) else {}, "engine")
        default = fields.text("active_service") or default
        for name, value in fields.mapping("service_destinations").items():
            _add_connection(connections, name, value)
    stored = _document(
        Path(user.get("PODMAN_CONNECTIONS_CONF") or user.config / "containers" / "podman-connections.json")
    ).child("Connection")  # fmt: skip
    for name, value in stored.mapping("Connections").items():
        _add_connection(connections, name, value)
    return stored.text("Default") or default, connections


def _add_connection(connections: dict[str, Endpoint], name: str, value: object) -> None:
    fields = Lenient(value, "connection")
    uri = fields.text("URI")
    if uri:
        connections[name] = Endpoint(
            uri, f"the connection {name}", identity=fields.text("Identity")
        )


def _document(path: Path) -> Lenient:
    """A JSON document of the user; empty if missing or not JSON, as in the engines' own tools."""
    try:
        return Lenient(decode_object(read_file(path, _MOST_BYTES), path.name, Limits()), path.name)
    except (OSError, CorruptImageError):
        return Lenient({}, path.name)


def check_docker_config(user: UserEnvironment | None = None) -> None:
    """Raise `UnreachableError` for a config.json on which the docker SDK would fail or hang."""
    user = user or UserEnvironment()
    path = Path(user.get("DOCKER_CONFIG") or user.home / ".docker") / "config.json"
    try:
        data = read_file(path, _MOST_BYTES)
        values = json.loads(data)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    except OSError as error:
        raise _invalid_config(path, error.strerror or str(error)) from None
    except (ValueError, RecursionError):  # the SDK ignores this
        return
    if not isinstance(values, dict):
        raise _invalid_config(path, "it is not a JSON object")
    for key, takes in _DOCKER_CONFIG.items():
        value = values.get(key)
        if value is not None and not (isinstance(value, dict) and all(isinstance(item, takes) for item in value.values())):  # fmt: skip
            expected = "strings" if takes is str else "objects"
            raise _invalid_config(path, f"`{key}` is not an object of {expected}")
    for name, proxies in (values.get("proxies") or {}).items():
        if not all(isinstance(proxy, str) for proxy in proxies.values()):
            raise _invalid_config(path, f"`proxies.{name}` is not an object of strings")
    for name in ("credsStore", "currentContext"):
        if not isinstance(values.get(name, ""), str):
            raise _invalid_config(path, f"`{name}` is not a string")


def _invalid_config(path: Path, why: str) -> UnreachableError:
    return UnreachableError(
        f"{path} cannot be used: {why}",
        hint="correct or remove it, or set DOCKER_CONFIG to another folder",
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path, _MOST_BYTES)
    except (OSError, ValueError):
        return {}
