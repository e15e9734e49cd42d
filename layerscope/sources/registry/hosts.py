"""The servers for images of a registry: mirrors and insecure registries from the engines' configurations.

Sources: containers-registries.conf(5), containers-registries.conf.d(5), containers-certs.d(5); dockerd's daemon.json, and
`/etc/docker/certs.d` (docs.docker.com, "Verify repository client with certificates").
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from layerscope.errors import LayerscopeError, UsageError
from layerscope.files import read_file, read_toml
from layerscope.image.documents import Lenient, decode_object
from layerscope.limits import Limits
from layerscope.sources.registry.repository import DOCKER_HUB, Reference

HUB_HOST = "registry-1.docker.io"
"""The server of Docker Hub."""
_MAX_BYTES = 1 << 20
"""Maximum size of a configuration in bytes."""
DAEMON_FILES = ("/etc/docker/daemon.json", "~/.config/docker/daemon.json")
"""Configurations of Docker's engine."""
SYSTEM_CONFIGURATION = Path("/etc/containers")
"""The folder of Podman's system configuration."""
CERTIFICATES = (
    "~/.config/containers/certs.d",
    "/etc/containers/certs.d",
    "/etc/docker/certs.d",
    "~/.config/docker/certs.d",
)
"""Folders with certificates, with a subfolder per host."""


class Endpoint(Struct, frozen=True):
    """A server that has the images of a repository."""

    host: str
    """The host, with its port."""
    path: str
    """The repository there, which a mirror may call differently."""
    insecure: bool = False
    """Whether certificates are not verified, and HTTP is used where HTTPS is not spoken."""

    @property
    def server(self) -> str:
        """The name of the server for connections."""
        return HUB_HOST if self.host in (DOCKER_HUB, "index.docker.io") else self.host

    @property
    def name(self) -> str:
        """The host without its port."""
        return _name(self.host)

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine."""
        return _address(self.host) in _LOOPBACK or _name(self.host) == "localhost"

    def certificates(self) -> tuple[list[Path], list[tuple[Path, Path]]]:
        """Files with certificates of authorities, and with client certificates and their keys."""
        authorities: list[Path] = []
        clients: list[tuple[Path, Path]] = []
        for folder in CERTIFICATES:
            host_folder = Path(folder).expanduser() / self.host
            with suppress(OSError):
                for file in sorted(host_folder.iterdir()):
                    if file.suffix == ".crt":
                        authorities.append(file)
                    elif file.suffix == ".cert" and file.with_suffix(".key").exists():
                        clients.append((file, file.with_suffix(".key")))
        return authorities, clients


class _Networks(tuple[Any, ...]):
    """Networks; tests whether an address is in one of them."""

    def __contains__(self, address: object) -> bool:
        return address is not None and any(
            address.version == network.version and address in network  # type: ignore[attr-defined]
            for network in self
        )


_LOOPBACK = _Networks(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128")))


def endpoints_of(reference: Reference, limits: Limits) -> list[Endpoint]:
    """The servers to ask, mirrors first. Raises `UsageError` for a configuration that cannot be used, or that blocks the registry."""
    by_engine = _of_podman(reference)
    if by_engine is None:
        by_engine = _of_docker(reference, limits)
    return list(dict.fromkeys(by_engine))


def _endpoint(host: str, path: str, *, insecure: bool = False) -> Endpoint:
    return Endpoint(host, path, insecure or Endpoint(host, path).is_loopback)


def _name(host: str) -> str:
    return re.sub(r":[0-9]+$", "", host).strip("[]").lower()


def _address(host: str) -> Any:
    with suppress(ValueError):
        return ipaddress.ip_address(_name(host))
    return None


# --- Podman's registries.conf ---------------------------------------------------------------------


def _of_podman(reference: Reference) -> list[Endpoint] | None:
    """The servers according to the table with the longest prefix of the reference; None without one."""
    best: tuple[int, Mapping[str, Any], Path] | None = None
    for file in registries_files():
        for table in _tables(_toml(file), "registry", file):
            length = _matches(str(table.get("prefix") or table.get("location") or ""), reference)
            # The last file overrides others with equal prefixes.
            if length and (best is None or length >= best[0]):
                best = (length, table, file)
    if best is None:
        return None
    length, table, file = best
    if table.get("blocked") is True:
        raise UsageError(f"{reference.repository} is blocked", hint=f"{file} says so")
    endpoints = []
    by_digest = reference.digest is not None
    for mirror in _tables(table, "mirror", file):
        pulls = mirror.get("pull-from-mirror", "all")
        if table.get("mirror-by-digest-only") is True:
            pulls = "digest-only"
        if pulls == "all" or pulls == ("digest-only" if by_digest else "tag-only"):
            endpoints.append(_replaced_prefix(reference, length, mirror))
    return [*endpoints, _replaced_prefix(reference, length, table)]


def _replaced_prefix(reference: Reference, length: int, table: Mapping[str, Any]) -> Endpoint:
    """The reference with its prefix replaced by the location of a table."""
    location, repository = table.get("location"), reference.repository
    if isinstance(location, str) and location:
        repository = location.rstrip("/") + repository[length:]
    host, _, path = repository.partition("/")
    return _endpoint(host, path, insecure=table.get("insecure") is True)


def _matches(prefix: str, reference: Reference) -> int:
    """The number of characters of a reference's repository that a prefix matches; 0 if it does not match."""
    prefix, repository = prefix.rstrip("/"), reference.repository
    if prefix.startswith("*."):
        return len(reference.host) if reference.host.endswith(prefix[1:]) else 0
    return (
        len(prefix)
        if prefix and (repository == prefix or repository.startswith(prefix + "/"))
        else 0
    )


def registries_files() -> list[Path]:
    """The existing configurations of Podman, in order: later ones override tables of earlier ones."""
    named = os.environ.get("CONTAINERS_REGISTRIES_CONF") or os.environ.get("REGISTRIES_CONFIG_PATH")
    home = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "containers"
    user, system = home / "registries.conf", SYSTEM_CONFIGURATION / "registries.conf"
    if named and not Path(named).is_file():
        raise UsageError(f"{named}: no such file", hint="$CONTAINERS_REGISTRIES_CONF names it")
    main = Path(named) if named else user if user.exists() else system
    files = [main]
    for folder in (SYSTEM_CONFIGURATION, home):
        with suppress(OSError):
            files += sorted((folder / "registries.conf.d").glob("*.conf"))
    return [file for file in files if file.is_file()]


def _toml(file: Path) -> dict[str, Any]:
    try:
        return read_toml(file)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from None


_TYPES = {
    "registry": list, "mirror": list, "location": str, "prefix": str, "insecure": bool, "blocked": bool,
    "mirror-by-digest-only": bool, "pull-from-mirror": str,
}  # fmt: skip
"""The types of the keys that are read."""
_TYPE_NAMES = {list: "a list of tables", str: "a text in quotes", bool: "true or false"}


def _tables(table: Mapping[str, Any], key: str, file: Path) -> Sequence[Mapping[str, Any]]:
    """The tables of a list of tables. Raises `UsageError` for anything else, and for keys of the wrong type."""
    tables = table.get(key, [])
    for one in [table, *(tables if isinstance(tables, list) else ())]:
        if not isinstance(one, dict):
            raise UsageError(f"{file}: `{key}` must be tables: [[{key}]]")
        for name, kind in _TYPES.items():
            if not isinstance(one.get(name, kind()), kind):
                raise UsageError(f"{file}: `{name}` must be {_TYPE_NAMES[kind]}")
    return tables if isinstance(tables, list) else []


# --- Docker's daemon.json -------------------------------------------------------------------------


def _of_docker(reference: Reference, limits: Limits) -> list[Endpoint]:
    """The servers according to the daemon's configuration, whose mirrors are for Docker Hub only."""
    mirrors = []
    insecure = False
    for fields in _daemon_settings(limits):
        if reference.host == DOCKER_HUB:
            for url in fields.texts("registry-mirrors"):
                with suppress(ValueError):
                    parts = urlsplit(url)
                    path = f"{parts.path.strip('/')}/{reference.path}".lstrip("/")
                    plain = parts.scheme == "http"
                    mirrors.append(_endpoint(parts.netloc, path, insecure=plain))
        insecure |= any(
            _covers(text, reference.host) for text in fields.texts("insecure-registries")
        )
    return [*mirrors, _endpoint(reference.host, reference.path, insecure=insecure)]


def _daemon_settings(limits: Limits) -> Iterator[Lenient]:
    for name in DAEMON_FILES:
        file = Path(name).expanduser()
        with suppress(OSError, LayerscopeError):  # the engine reports its errors
            yield Lenient(decode_object(read_file(file, _MAX_BYTES), str(file), limits), str(file))


def _covers(text: str, host: str) -> bool:
    """Whether an entry of insecure registries names a host: by name, by address, or by network."""
    if text.lower() == host.lower():
        return True
    address = _address(host)
    with suppress(ValueError):
        return address in _Networks([ipaddress.ip_network(text, strict=False)])
    return False
