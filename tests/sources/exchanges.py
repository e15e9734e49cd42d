"""Answers of real engines, recorded and replayed.

`python -m tests.sources.exchanges SOCKET FILE [API]` records a running engine: it loads two small images into it and asks for
them as the program does, through a socket between them, at most by that version of the API. The tests in `tests/engines` start
the engines that are available; recordings stand for those that are not.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from layerscope.errors import LayerscopeError
from layerscope.image.platform import Platform
from layerscope.opening.open import open_image
from layerscope.sources import Request
from layerscope.sources.endpoints import docker_endpoints
from layerscope.sources.engine_listing import list_images
from tests.images import directory, docker_archive, file, layer_tar
from tests.sources.image_files import Layout, runs_on, tagged
from tests.sources.socket_server import SocketHandler, served

FOLDER = Path(__file__).parent / "recordings"
ONE, SEVERAL = "layerscope-one:1", "layerscope-several:1"
"""An image for one platform, and one for two."""
ASKED = (
    (ONE, None),
    (SEVERAL, None),
    (SEVERAL, "linux/arm64"),
    (SEVERAL, "linux/s390x"),
    ("layerscope-one:2", None),
)
"""References to open, each with a platform."""
Answer = tuple[int, bytes]
Exchange = dict[str, Any]


def layers_of(architecture: str) -> list[bytes]:
    """The layers of the recorded images."""
    architecture_layer = layer_tar([directory("bin"), file("bin/sh", architecture.encode() * 100)])
    return [architecture_layer, layer_tar([file("etc/motd", b"hello\n"), file("bin/sh", b"other")])]


def archives() -> list[bytes]:
    """Both images, as `docker load` takes them; without the containerd store it takes the first alone."""
    layout = Layout()
    manifests = [
        layout.manifest(layers_of(each), config={"architecture": each}, **runs_on(f"linux/{each}"))
        for each in ("amd64", "arm64")
    ]
    several = layout.tar([layout.index(manifests, **tagged(f"docker.io/library/{SEVERAL}"))])
    return [docker_archive(layers_of("amd64"), tags=[ONE]), several]


def _key(exchange: Exchange) -> str:
    return json.dumps([exchange["method"], exchange["path"], sorted(exchange["query"].items())])


@contextmanager
def answering(where: Path, answer: Callable[[Exchange], Answer]) -> Iterator[str]:
    """The address of a socket whose answers come from `answer`; paths are without the API version."""

    class Handler(SocketHandler):
        def get(self) -> None:
            parts = urlsplit(self.path)
            path = parts.path
            version = ""
            if path.startswith("/v1."):
                version, _, path = path[1:].partition("/")
                path = "/" + path
            asked: Exchange = {
                "method": self.command,
                "path": unquote(path),
                "query": dict(parse_qsl(parts.query)),
                "version": version,
                "raw": self.path,
            }
            self.reply(*answer(asked))

        post = get

    with served(where, Handler):
        yield f"unix://{where}"


class Recording:
    """Recorded answers of an engine, by request; `unknown` collects requests that were not recorded."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self._known = {_key(exchange): exchange for exchange in exchanges}
        self.unknown: list[str] = []
        self.asked: list[Exchange] = []

    @classmethod
    def read(cls, name: str) -> Recording:
        """The recording of that name in `FOLDER`."""
        return cls(json.loads((FOLDER / f"{name}.json").read_bytes()))

    def answer(self, asked: Exchange) -> Answer:
        """The recorded answer."""
        self.asked.append(asked)
        exchange = self._known.get(_key(asked))
        if exchange is None:
            self.unknown.append(asked["raw"])
            return 500, b'{"message": "this was not recorded"}'
        if "archive" in exchange:
            return exchange["status"], gzip.decompress(base64.b64decode(exchange["archive"]))
        return exchange["status"], json.dumps(exchange["body"]).encode()

    def change(self, change: Callable[[str, Any], Any]) -> None:
        """Replace each JSON body by the result of `change` for its path and body."""
        for exchange in self._known.values():
            if "body" in exchange:
                exchange["body"] = change(exchange["path"], exchange["body"])


class _UnixConnection(http.client.HTTPConnection):
    """An HTTP connection to a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("engine")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def _ask(path: str, method: str, url: str, body: bytes | None = None) -> Answer:
    connection = _UnixConnection(path)
    try:
        headers = {"Content-Type": "application/x-tar"} if body else {}
        connection.request(method, url, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def record(engine: str, output: Path, version: str | None) -> None:
    """Send the requests of `ASKED` to an engine and write its answers to a file."""
    for archive in archives():
        _ask(engine, "POST", "/images/load?quiet=1", archive)
    exchanges: dict[str, Exchange] = {}

    def answer(asked: Exchange) -> Answer:
        status, body = _ask(engine, asked["method"], asked["raw"])
        recorded = {key: asked[key] for key in ("method", "path", "query")} | {"status": status}
        if asked["path"].endswith("/get") and status == 200:
            recorded["archive"] = base64.b64encode(gzip.compress(body, mtime=0)).decode()
        else:
            value = json.loads(body)
            if asked["path"] == "/version":
                value = {key: value[key] for key in ("Version", "ApiVersion", "MinAPIVersion")}
                value["ApiVersion"] = version or value["ApiVersion"]
            body = json.dumps(value).encode()
            recorded["body"] = value
        exchanges[_key(recorded)] = recorded
        return status, body

    with tempfile.TemporaryDirectory() as folder, answering(Path(folder) / "s", answer) as url:
        os.environ["DOCKER_HOST"] = url
        for reference, platform in ASKED:
            wanted = None if platform is None else Platform.parse(platform)
            try:
                open_image(Request(f"docker://{reference}", platform=wanted))
            except LayerscopeError as error:
                sys.stderr.write(f"{reference} {platform}: {error.message}\n")
        list_images("docker", docker_endpoints, Request(""))
    output.write_text(json.dumps(list(exchanges.values()), indent=1) + "\n")


if __name__ == "__main__":
    record(sys.argv[1], Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
