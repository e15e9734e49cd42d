"""Starts workers of explorers as copies of one process that has opened an image: imports and patterns are most of their work in
tests.

`python -m tests.forked SOCKET` is that process. A copy runs the same `main` with the same pipes and environment.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from layerscope.channel import processes

_FORKED = "layerscope.opening.worker"
_IMPORTED = (
    _FORKED,
    "layerscope.opening.open",
    "layerscope.opening.sending",
    "layerscope.cli.open",
)
"""Modules that are imported before workers are copied."""
_LENGTH = struct.Struct("<I")


class _Forked:
    """A worker, with what the program uses of `subprocess.Popen`."""

    def __init__(self, pid: int, handle: int, stdin: int, stdout: int) -> None:
        self.pid = pid
        self._handle = handle
        self.stdin = open(stdin, "wb", buffering=0)  # noqa: SIM115
        self.stdout = open(stdout, "rb", buffering=0)  # noqa: SIM115

    def __del__(self) -> None:
        os.close(self._handle)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM, unless it has ended."""
        self._send(signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Its exit code is not known."""
        polled = select.poll()
        polled.register(self._handle, select.POLLIN)
        if not polled.poll(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired(_FORKED, timeout or 0)
        return 0

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)


class _Template:
    """The process that is copied."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.forked", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], cwd=Path(__file__).parents[1]
            )
        atexit.register(self._end)

    def _end(self) -> None:
        self._socket.close()
        self._process.wait(20)

    def start(self, command: Sequence[str]) -> _Forked:
        """A copy that runs the module which the command of a second process names."""
        stdin, their_input = os.pipe()[::-1]
        stdout, their_output = os.pipe()
        request = {"folder": str(Path.cwd()), "environment": dict(os.environ), "command": command}
        body = json.dumps(request).encode(errors="surrogateescape")
        with self._lock:
            socket.send_fds(self._socket, [_LENGTH.pack(len(body))], [their_input, their_output])
            self._socket.sendall(body)
            pid, handles, _, _ = socket.recv_fds(self._socket, _LENGTH.size, 1)
        os.close(their_input)
        os.close(their_output)
        return _Forked(_LENGTH.unpack(pid)[0], handles[0], stdin, stdout)


_template: list[_Template] = []
_lock = threading.Lock()


def start(command: Sequence[str], **options: object) -> object:
    """`processes.start`, which copies workers that need no other descriptors."""
    if _FORKED not in command or options.get("pass_fds") or sys.platform != "linux":
        return processes.start(command, **options)
    with _lock:
        if not _template:
            _template.append(_Template())
    return _template[0].start(command)


def _serve(ours: socket.socket) -> None:
    """Copy this process for each request, until there are no more."""
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        head, descriptors, _, _ = socket.recv_fds(ours, _LENGTH.size, 2)
        if not head:
            return
        body = b""
        while len(body) < _LENGTH.unpack(head)[0]:
            body += ours.recv(1 << 16)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if pid == 0:
            ours.close()
            _run(json.loads(body.decode(errors="surrogateescape")), *descriptors)
        handle = os.pidfd_open(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        socket.send_fds(ours, [_LENGTH.pack(pid)], [handle])
        for descriptor in (handle, *descriptors):
            os.close(descriptor)


def _reap(*_: object) -> None:
    """Collect copies that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _run(request: dict[str, object], stdin: int, stdout: int) -> None:
    """Become the worker."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    os.setsid()
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.closerange(3, 100)
    os.chdir(str(request["folder"]))
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]
    command = request["command"]
    assert isinstance(command, list)
    script = command.index("-c") + 1
    sys.argv = ["-c", str(os.getppid()), *command[script + 2 :]]
    try:
        exec(command[script], {"__name__": "__main__"})  # noqa: S102
    finally:
        os._exit(1)


def _open_image() -> None:
    """Open an image with findings: imports what is imported when it is needed, and compiles patterns."""
    from layerscope.opening.open import Options, open_image
    from layerscope.sources import Request
    from tests.images import docker_archive, file, layer_tar, write

    before = _open_files()
    members = [file("app/.env", b"PASSWORD=of-no-one\n"), file("app/data", b"data" * 2_000)]
    with tempfile.TemporaryDirectory() as folder:
        image = write(Path(folder) / "image.tar", docker_archive([layer_tar(members)] * 2))
        open_image(Request(str(image)), Options(rules={}))
    gc.collect()
    threads = threading.active_count()
    if threads > 1 or _open_files() != before:
        raise AssertionError("a copy would lack threads, or close files of others")


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


if __name__ == "__main__":
    for _module in _IMPORTED:
        __import__(_module)
    _open_image()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)
