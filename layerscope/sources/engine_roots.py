"""Data folders of this machine's Docker engines, as they report them (moby, api/docs: SystemInfo).

Only local sockets are used: folders of a remote engine are not on this machine.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from layerscope.errors import LayerscopeError, UnreachableError
from layerscope.image.documents import Lenient
from layerscope.limits import Limits
from layerscope.sources.endpoints import Endpoint, docker_endpoints
from layerscope.sources.engine_client import Client, NoSuchImageError

SECONDS = 5
"""Seconds until an engine must have answered: stores can be read without it."""
_LOCAL = "unix://"


class ReportedRoot(Struct, frozen=True):
    """A data folder that an engine reports."""

    root: Path
    """Its DockerRootDir."""
    engine: str
    """The address of the engine and where it comes from, for messages."""
    in_containerd: bool
    """Whether it keeps its images in containerd's store."""
    containerd: str | None
    """The socket of its containerd; None if not reported."""
    is_only: bool
    """Whether no other folder is searched: the user chose this engine, and it runs on this machine."""


def reported_roots(limits: Limits) -> Iterator[ReportedRoot]:
    """The data folders of the user's Docker engines that answer, in order."""
    short_limits = replace(limits, answer_seconds=min(limits.answer_seconds, SECONDS))
    try:
        endpoints = docker_endpoints()
    except UnreachableError:  # missing context: no engine
        return
    for endpoint in endpoints:
        if not endpoint.url.startswith(_LOCAL):
            continue
        try:
            client = Client(endpoint, "docker", short_limits)
        except UnreachableError:
            continue
        try:
            reported = _reported(client.info(), endpoint)
        except (LayerscopeError, NoSuchImageError):
            continue
        finally:
            client.close()
        if reported is not None:
            yield reported


def _reported(info: Lenient, endpoint: Endpoint) -> ReportedRoot | None:
    root = Path(info.text("DockerRootDir") or "")
    if not root.is_absolute() or "\0" in str(root):
        return None
    status = [pair for pair in info.items("DriverStatus") if isinstance(pair, list)]
    # A virtual machine, or an engine whose socket ssh forwards, has another name than this machine.
    here = info.text("Name") == socket.gethostname()
    return ReportedRoot(
        root,
        f"{endpoint.url}, {endpoint.origin}",
        ["driver-type", "io.containerd.snapshotter.v1"] in status,
        info.child("Containerd").text("Address"),
        endpoint.chosen and here,
    )
