"""Engines behind ssh: a private socket here, and for each connection to it an `ssh` that talks to the engine there.

As in the docker CLI, the remote side runs `docker system dial-stdio`. The user's ssh handles keys and hosts, without
password prompts.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from layerscope.channel import start, stop
from layerscope.errors import UnreachableError
from layerscope.signals import temporary_folder
from layerscope.sources.endpoints import Endpoint

_STDERR_SECONDS = 1.0
"""Seconds to wait for ssh to say why it failed."""


class Tunnel:
    """A socket on this machine that leads to an engine on another, until it is closed."""

    def __init__(self, endpoint: Endpoint, program: str) -> None:
        """`program` is what runs there: docker or podman."""
        if shutil.which("ssh") is None:
            raise UnreachableError(f"{endpoint.url} needs ssh, which is not installed")
        self._command = ssh_command(endpoint, program)
        self._folder = ExitStack()
        self.path = (
            Path(self._folder.enter_context(temporary_folder("layerscope-"))) / "engine.sock"
        )
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(self.path))
        self._server.listen()
        self._children: list[subprocess.Popen[bytes]] = []
        self._closed = False
        self._lock = threading.Lock()
        self._last_line = b""
        self._readers: list[threading.Thread] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def last_line(self) -> bytes:
        """The last line that ssh wrote to stderr. If ssh failed, it arrives after the end of the connection."""
        for reader in self._readers:
            reader.join(_STDERR_SECONDS)
        return self._last_line

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            self._closed = True
        self._server.close()
        for child in self._children:
            stop(child)
        self._folder.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection, self._lock:
                if self._closed:
                    return
                try:
                    child = start(
                        self._command,
                        stdin=connection.fileno(),
                        stdout=connection.fileno(),
                        stderr=subprocess.PIPE,
                    )
                except OSError as error:
                    self._last_line = f"ssh cannot be run: {error.strerror}".encode()
                    continue
                self._children.append(child)
                reader = threading.Thread(target=self._read_stderr, args=(child,), daemon=True)
                reader.start()
                self._readers.append(reader)

    def _read_stderr(self, child: subprocess.Popen[bytes]) -> None:
        """Remember the last line of ssh's error output."""
        assert child.stderr is not None  # noqa: S101  # for the type checker
        with child.stderr:
            for line in child.stderr:
                self._last_line = line[:500]


def ssh_command(endpoint: Endpoint, program: str) -> list[str]:
    """The ssh command for an endpoint. Raises `UnreachableError` for an address without a host."""
    try:
        parts = urlsplit(endpoint.url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or host.startswith("-") or (parts.username or "").startswith("-"):
        raise UnreachableError(f"{endpoint.url} is not a valid ssh address")
    command = ["ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]
    if parts.username:
        command += ["-l", parts.username]
    if port is not None:
        command += ["-p", str(port)]
    if endpoint.identity:
        command += ["-i", endpoint.identity]
    remote = [program]
    if parts.path.strip("/"):
        path = "'" + parts.path.replace("'", "'\\''") + "'"
        remote += ["--host" if program == "docker" else "--url", f"unix://{path}"]
    return [*command, "--", host, " ".join([*remote, "system", "dial-stdio"])]
