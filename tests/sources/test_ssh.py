"""Tunnels through ssh, replaced by a script: it is always ended, and leaves nothing behind."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from layerscope.errors import UnreachableError
from layerscope.sources.endpoints import Endpoint
from layerscope.sources.engine_client import Client
from layerscope.sources.ssh import Tunnel
from tests.images import write

ENDPOINT = Endpoint("ssh://far", "a test")
SCRIPTS = {
    "answers": "exec /bin/cat",
    "ends": "exit 255",
    "is stopped": "kill -STOP $$",
    "ignores being ended": "trap '' TERM; while :; do /bin/sleep 60; done",
    "closes its output": "exec >&-; exec /bin/sleep 60",
}


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a script that replaces ssh; temporary files are made beside it."""
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / "bin" / "ssh"


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_tunnel_is_closed_whatever_its_ssh_does(ssh: Path, script: str) -> None:
    write(ssh, f"#!/bin/sh\n{script}\n".encode()).chmod(0o755)
    tunnel = Tunnel(ENDPOINT, "docker")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(tunnel.path))
        while not tunnel._children:
            threading.Event().wait(0.01)
        if script == "exec /bin/cat":
            connection.sendall(b"hello")
            assert connection.recv(5) == b"hello"
        tunnel.close()
    assert all(child.returncode is not None for child in tunnel._children)  # fmt: skip
    assert not tunnel.path.parent.exists()


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (
            "#!/bin/sh\necho host key verification failed >&2; exit 255\n",
            "host key verification failed",
        ),
        ("#!/no/such/program\n", "ssh cannot be run: No such file or directory"),
    ],
)
def test_the_error_of_ssh_is_reported(ssh: Path, script: str, why: str) -> None:
    """Even if ssh cannot be started."""
    write(ssh, script.encode()).chmod(0o755)
    with pytest.raises(UnreachableError, match=why):
        Client(ENDPOINT, "docker")
