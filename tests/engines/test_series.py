"""A repository with ten releases built by buildah: each update fetches as much as skopeo does with the previous release stored."""

from __future__ import annotations

import json
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from layerscope import cli
from tests.engines.conftest import Daemons, need, run
from tests.engines.test_registries import registry

pytestmark = pytest.mark.engine

BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\nRUN echo {} > /version\n'
APP = """FROM localhost/base:{base}
LABEL version={label}
COPY . /app
RUN seq 1 40000 > /libraries && cat /app/dependencies >> /libraries
CMD ["sh"]
"""
CAUSES = (
    *("copied-files", "copied-files", "copied-files", "base-image", "timestamps"),
    *("instruction", "copied-files", None, "copied-files"),
)
"""The cause of each update."""


class CountingProxy(ThreadingHTTPServer):
    """A proxy of a registry that counts the bytes of each blob."""

    daemon_threads = True

    def __init__(self, registry: str) -> None:
        super().__init__(("127.0.0.1", 0), _ProxyHandler)
        self.registry = registry
        self.sent: dict[str, int] = {}

    @property
    def host(self) -> str:
        """The address of the proxy."""
        return f"127.0.0.1:{self.server_port}"


class _ProxyHandler(BaseHTTPRequestHandler):
    server: CountingProxy
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._pass(body=True)

    def do_HEAD(self) -> None:
        self._pass(body=False)

    def _pass(self, *, body: bool) -> None:
        headers = {name: self.headers[name] for name in ("Accept", "Range") if self.headers[name]}
        address = f"http://{self.server.registry}{self.path}"
        request = urllib.request.Request(address, headers=headers, method=self.command)
        try:
            answer = urllib.request.urlopen(request)  # noqa: S310
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            data = answer.read() if body else b""
            self.send_response(answer.status)
            for name in (
                "Content-Type",
                "Docker-Content-Digest",
                "Docker-Distribution-Api-Version",
            ):
                if answer.headers[name]:
                    self.send_header(name, answer.headers[name])
            self.send_header(
                "Content-Length",
                str(len(data)) if body else answer.headers["Content-Length"] or "0",
            )
            self.end_headers()
        self.wfile.write(data)
        if "/blobs/" in self.path and answer.status in (200, 206):
            digest = self.path.rpartition("/")[2]
            self.server.sent[digest] = self.server.sent.get(digest, 0) + len(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def released(daemons: Daemons) -> str:
    """The address of a registry with the releases `app:1` to `app:10`."""
    need("buildah", "skopeo", "docker-registry", "busybox")
    address = registry(daemons, "series")
    folder = daemons.folder / "series-build"
    store = ("--root", folder / "root", "--runroot", folder / "run", "--storage-driver", "vfs")
    for number in (1, 2):
        context = folder / f"base-{number}"
        context.mkdir(parents=True)
        shutil.copy(shutil.which("busybox") or "", context / "busybox")
        (context / "Dockerfile").write_text(BASE.format(number))
        _build(store, context, f"base:{number}")
    context = folder / "app"
    context.mkdir()
    (context / "dependencies").write_text("one\n")
    (context / ".dockerignore").write_text("Dockerfile\n.dockerignore\n")
    base, label = 1, 1
    for release in range(1, 11):
        cold = release == 6
        if release in (1, 2, 3, 8, 10):
            (context / "main").write_text(f"source {release}\n" * 2000)
        if release in (4, 10):
            (context / "dependencies").write_text(f"dependencies {release}\n")
        if release == 5:
            base = 2
        if cold:
            for path in (context / "main", context / "dependencies"):
                path.touch()
        if release == 7:
            label = 2
        (context / "Dockerfile").write_text(APP.format(base=base, label=label))
        _build(store, context, f"app:{release}", *(["--no-cache"] if cold else []))
        run(
            "buildah",
            *store,
            "push",
            "-q",
            "--tls-verify=false",
            f"app:{release}",
            f"docker://{address}/app:{release}",
        )
    return address


def _build(store: Sequence[str | Path], context: Path, tag: str, *more: str) -> None:
    options = ("-q", "--isolation", "chroot", "--network", "host", "--layers", "--pull-never")
    run("buildah", *store, "bud", *options, "-t", tag, *more, context)


@pytest.fixture
def counting(released: str) -> Iterator[CountingProxy]:
    """A counting proxy of that registry."""
    with CountingProxy(released) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def _layers_fetched(counting: CountingProxy, folder: Path, old: int, new: int) -> int:
    """Bytes of layers that skopeo fetches for a release into a store that has another one."""
    store = f"containers-storage:[vfs@{folder / 'root'}+{folder / 'run'}]"
    for release in (old, new):
        counting.sent.clear()
        source = f"docker://{counting.host}/app:{release}"
        run("skopeo", "copy", "-q", "--src-tls-verify=false", source, f"{store}app:{release}")
    manifest = json.loads(
        run(
            "skopeo",
            "inspect",
            "--raw",
            "--tls-verify=false",
            f"docker://{counting.registry}/app:{new}",
        )
    )
    layers = {layer["digest"] for layer in manifest["layers"]}
    return sum(count for digest, count in counting.sent.items() if digest in layers)


def test_updates_fetch_what_skopeo_fetches(
    counting: CountingProxy, daemons: Daemons, tmp_path: Path
) -> None:
    """Exactly as many bytes, and each update has its cause."""
    out = tmp_path / "series.json"
    images = [f"registry://{counting.registry}/app:{release}" for release in range(1, 11)]
    assert cli.run(["series", *images, "--format", "json", "-o", str(out)]) == 0
    document = json.loads(out.read_bytes())
    fetched = []
    for release in range(1, 10):
        folder = daemons.folder / f"store-{release}"
        fetched.append(_layers_fetched(counting, folder, release, release + 1))
    assert [hop["bytes"] for hop in document["hops"]] == fetched
    assert [hop["cause"] for hop in document["hops"]] == list(CAUSES)
