"""A report on an image in a registry, compared with `skopeo copy` and a report on the copy: `python -m bench.registry`.

Both fetch from Debian's registry through a proxy that adds 20 ms to each answer and passes on 50 MB/s, in turns.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from bench.bytecode import compile_program
from tests.real_images import FLASK

LATENCY = 0.02
"""Seconds added to each answer."""
RATE = 50e6
"""Bytes per second of all connections together."""
_PIECE = 1 << 16
_LAYERSCOPE = [sys.executable, "-m", "layerscope"]


class Link:
    """A slow proxy to an address, on its own port."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._lock = threading.Lock()
        self._free_at = 0.0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listening.accept()
            server = socket.create_connection(self._address)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            has_request = threading.Event()
            threading.Thread(
                target=self._up, args=(client, server, has_request), daemon=True
            ).start()
            threading.Thread(
                target=self._down, args=(server, client, has_request), daemon=True
            ).start()

    @staticmethod
    def _up(client: socket.socket, server: socket.socket, has_request: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(_PIECE):
                has_request.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _down(
        self, server: socket.socket, client: socket.socket, has_request: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := server.recv(_PIECE):
                if has_request.is_set():
                    has_request.clear()
                    time.sleep(LATENCY)
                self._wait(len(data))
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    def _wait(self, count: int) -> None:
        """Wait until `count` bytes can be passed on at `RATE`."""
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - 0.01) + count / RATE
            delay = self._free_at - now
        if delay > 0:
            time.sleep(delay)


@contextmanager
def registry(folder: Path) -> Iterator[int]:
    """Run Debian's registry; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        "log": {"level": "error", "accesslog": {"disabled": True}},
    }
    (folder / "config.yml").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", folder / "config.yml"], stdout=log, stderr=log)  # fmt: skip
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def _timed(*commands: list[str]) -> float:
    """Seconds that commands take, one after another."""
    started = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


@click.command()
@click.option("--runs", default=7, show_default=True, help="Pairs of runs.")
def main(runs: int) -> None:
    """Measure and print medians and their ratio."""
    compile_program()
    with tempfile.TemporaryDirectory() as name, registry(Path(name)) as port:
        folder = Path(name)
        push = ["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci-archive:{FLASK}", f"docker://127.0.0.1:{port}/flask:1"]  # fmt: skip
        subprocess.run(push, check=True)
        link = Link(("127.0.0.1", port))
        image = f"127.0.0.1:{link.port}/flask:1"
        report = [*_LAYERSCOPE, "report", "--format", "json", "--no-cache"]
        ours: list[float] = []
        theirs: list[float] = []
        for number in range(runs + 1):
            copy = folder / f"{number}.tar"
            our_seconds = _timed([*report, f"registry://{image}"])
            their_seconds = _timed(
                ["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{image}", f"oci-archive:{copy}"],
                [*report, str(copy)],
            )  # fmt: skip
            copy.unlink()
            if number:  # the first pair fills the caches of the machine
                ours.append(our_seconds)
                theirs.append(their_seconds)
    ratios = [
        our_seconds / their_seconds for our_seconds, their_seconds in zip(ours, theirs, strict=True)
    ]
    click.echo(f"layerscope report registry://…          {statistics.median(ours):.2f} s")
    click.echo(f"skopeo copy, then layerscope report     {statistics.median(theirs):.2f} s")
    click.echo(f"ratio (median of pairs)                 {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
