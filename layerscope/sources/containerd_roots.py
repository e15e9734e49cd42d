"""The data folders of containerd: from its command line, its configuration, or the usual places.

Source: containerd, cmd/containerd/command/main.go (flags) and cmd/containerd/server/config (TOML, `imports`); unix(7), proc(5).
"""

from __future__ import annotations

import os
import socket
import struct
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any

from msgspec import Struct

from layerscope.image.documents import Lenient
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.sources import docker_store
from layerscope.sources.engine_roots import reported_roots

ROOTFUL = Path("/var/lib/containerd")
K3S = Path("/var/lib/rancher/k3s/agent/containerd")
CONFIG = Path("/etc/containerd/config.toml")
ADDRESS = "/run/containerd/containerd.sock"
MAX_CONFIG = 1 << 20
"""Maximum size of a configuration in bytes."""
_MAX_IMPORTS = 100
_SECONDS = 2
"""Seconds until a socket must have accepted a connection."""
_CREDENTIALS = struct.Struct("3i")
_IN_DOCKER = Path("containerd/daemon")
"""The data folder of Docker's own containerd, relative to Docker's."""


class Roots(Struct, frozen=True):
    """Possible data folders of containerd, in order."""

    paths: Sequence[Path]
    note: str | None = None
    """Why the folder of CONTAINERD_ADDRESS is unknown."""


def roots(
    store_root: Path | None = None,
    environment: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Roots:
    """The data folder of the containerd at CONTAINERD_ADDRESS; else those of running engines, Docker, the system, k3s and this user."""
    environment = os.environ if environment is None else environment
    if store_root is not None:
        return Roots([store_root, store_root / _IN_DOCKER])
    address = environment.get("CONTAINERD_ADDRESS", "").removeprefix("unix://")
    if address:
        chosen = _at_address(address, environment)
        if chosen:
            return Roots(chosen)
    docker_roots: list[Path] = []
    for reported in reported_roots(limits):
        theirs = process_root(reported.containerd) if reported.containerd else None
        docker_roots += [theirs] if theirs is not None else []
        docker_roots.append(reported.root / _IN_DOCKER)
    docker_roots += [root / _IN_DOCKER for root in docker_store.roots(environment)]
    data = Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    paths = [*docker_roots, process_root(ADDRESS) or _configured(), K3S, data / "containerd"]
    return Roots(list(dict.fromkeys(paths)), _note(address) if address else None)


def _note(address: str) -> str:
    """Why the data folder for CONTAINERD_ADDRESS is unknown."""
    if not os.path.exists(address):  # noqa: PTH110  # never raises
        why = "no such socket"
    elif not os.access(address, os.W_OK):
        why = "permission denied"
    else:
        why = "no containerd is listening there, or its command line cannot be read"
    return f"CONTAINERD_ADDRESS is {address}: {why}"


def process_root(address: str) -> Path | None:
    """The data folder of the containerd that listens on a socket, from its command line and its configuration.

    None if nothing listens, if it is not containerd, or if this user may not see it.
    """
    pid = _listener(address)
    if pid is None:
        return None
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return None
    program, *arguments = map(os.fsdecode, words)
    if "containerd" not in Path(program).name:
        return None
    flags = _flags(arguments)
    root: Path | None
    if "root" in flags:
        root = Path(flags["root"])
    else:
        named = flags.get("config") or flags.get("c")
        config = Path(named) if named else CONFIG
        readable = _path_from_here(pid, config)
        if readable is None:
            return None
        root = _root_in(readable) or ROOTFUL
    return _path_from_here(pid, root)


def _at_address(address: str, environment: Mapping[str, str]) -> list[Path]:
    """The data folder of the containerd behind a socket; empty if unknown."""
    root = process_root(address)
    if root is not None:
        return [root]
    if Lenient(_toml(CONFIG), "config.toml").child("grpc").text("address") == address:
        return [_configured()]
    if "/docker/" in address:
        return [root / _IN_DOCKER for root in docker_store.roots(environment)]
    if "/k3s/" in address:
        return [K3S]
    return [_configured()] if address == ADDRESS else []


def _listener(address: str) -> int | None:
    """The ID of the process that listens on a socket."""
    if not hasattr(socket, "SO_PEERCRED"):  # not on macOS, where no containerd runs either
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_SECONDS)
        try:
            probe.connect(address.removeprefix("unix://"))
            credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except (OSError, ValueError):
            return None
    pid, _, _ = _CREDENTIALS.unpack(credentials)
    return pid or None  # 0 for a process that cannot be seen from here


def _flags(arguments: Sequence[str]) -> dict[str, str]:
    """Flags as Go's `flag` package parses them: one or two dashes, the value in the same argument or the next."""
    values: dict[str, str] = {}
    words: Iterator[str] = iter(arguments)
    for word in words:
        name, separator, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name in ("root", "config", "c"):
            values[name] = value if separator else next(words, "")
    return values


def _path_from_here(pid: int, path: Path) -> Path | None:
    """The path of another process as seen from this one: working folder and mounts may differ."""
    try:
        if not path.is_absolute():
            path = Path(f"/proc/{pid}/cwd").readlink() / path
        theirs, ours = (Path(f"/proc/{one}/ns/mnt").readlink() for one in (str(pid), "self"))
    except OSError:  # another user's process: most likely with the same mounts
        return path if path.is_absolute() else None
    return path if theirs == ours else Path(f"/proc/{pid}/root") / path.relative_to("/")


def _configured() -> Path:
    """The system's data folder."""
    return _root_in(CONFIG) or ROOTFUL


def _root_in(config: Path) -> Path | None:
    """The `root` of a configuration; imported files override it, the last one first."""
    root: str | None = None
    waiting, seen = [config], set[Path]()
    while waiting and len(seen) < _MAX_IMPORTS:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        fields = Lenient(_toml(path), path.name)
        root = fields.text("root") or root
        for pattern in fields.texts("imports"):
            waiting += map(Path, sorted(glob(str(path.parent / pattern))))  # noqa: PTH207  # it may be absolute
    return Path(root) if root and Path(root).is_absolute() else None


def _toml(path: Path) -> dict[str, Any]:
    """A configuration; empty where it cannot be read."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_CONFIG:
            return {}
        return tomllib.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
