"""A fake engine in a thread, with answers chosen by the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tests.images import CREATED, docker_archive, docker_files, image_config
from tests.sources.image_files import LAYERS, dump
from tests.sources.socket_server import SocketHandler, served

IMAGE_ID = "sha256:" + next(
    name for name in docker_files(LAYERS) if name.endswith(".json") and len(name) == 69
).removesuffix(".json")


class FakeEngine:
    """The answers of an engine; tests change them."""

    def __init__(self, socket: Path) -> None:
        self.url = f"unix://{socket}"
        self.api_version = "1.43"
        self.export: bytes | None = docker_archive(LAYERS)
        """None breaks the connection in the middle."""
        self.tail = b""
        self.silence = threading.Event()
        """The export waits for it."""
        self.silence.set()
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.images: list[dict[str, object]] = [
            {"Id": IMAGE_ID, "RepoTags": ["localhost/demo:latest"], "RepoDigests": None}
        ]
        self.extra_fields: dict[str, object] = {}
        """Further fields of the image."""
        self.info: dict[str, object] = {}
        """The answer to `/info`."""
        self.known = {"demo", "demo:latest", IMAGE_ID}
        self.pulls: list[dict[str, object]] | None = None
        """Messages of a pull, after which the engine has the image; None if its registry does not have it."""

    def pull(self, query: dict[str, list[str]]) -> tuple[int, bytes]:
        """Status and body of a pull."""
        name = query["fromImage"][0]
        if self.pulls is None:
            return 404, dump({"message": f"manifest for {name} not found: manifest unknown"})
        if not any("error" in message for message in self.pulls):
            self.known |= {name, f"{name}:{query['tag'][0]}"}
        return 200, b"".join(dump(message) + b"\r\n" for message in self.pulls)

    def answer(self, path: str) -> tuple[int, bytes]:
        """Status and body for a path without its version."""
        if path == "/version":
            return 200, dump({"ApiVersion": self.api_version})
        if path == "/info":
            return 200, dump(self.info)
        if path == "/images/json":
            return 200, dump(self.images)
        name, _, question = path.removeprefix("/images/").rpartition("/")
        if name not in self.known:
            return 404, dump({"message": f"No such image: {name}"})
        if question == "history":
            rows = [
                {"CreatedBy": f"COPY layer{number} /", "Size": 1, "Created": 1_704_067_200}
                for number in range(len(LAYERS))
            ]
            rows.insert(1, {"CreatedBy": "ENV A=1", "Size": 0, "Created": 1_704_067_200})
            return 200, dump(rows[::-1])
        config = image_config(LAYERS)
        assert config
        return 200, dump(
            {
                "Id": IMAGE_ID, "RepoTags": ["demo:latest"], "RepoDigests": [], "Os": "linux",
                "Architecture": "amd64", "Created": CREATED, "Config": {"Cmd": ["sh"]},
                "RootFS": {"Type": "layers", "Layers": [_digest(layer) for layer in LAYERS]},
                **self.extra_fields,
            }
        )  # fmt: skip


def _digest(layer: bytes) -> str:
    from tests.images import digest

    return digest(layer)


@contextmanager
def serving(socket: Path) -> Iterator[FakeEngine]:
    """A running engine."""
    engine = FakeEngine(socket)

    class Handler(SocketHandler):
        def get(self) -> None:
            parts = urlsplit(self.path)
            path = unquote(parts.path)
            if path.startswith("/v1."):
                path = "/" + path.partition("/v1.")[2].partition("/")[2]
            engine.asked.append((path, parse_qs(parts.query)))
            if path.endswith("/get"):
                self._export()
                return
            self.reply(*engine.answer(path))

        def post(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            engine.asked.append(("/images/create", query))
            engine.silence.wait(30)
            status, body = engine.pull(query)
            if status != 200:
                self.reply(status, body)
                return
            self.send_response(status)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            half = len(body) // 2  # the network may split messages anywhere
            for piece in (body[:half], body[half:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

        def _export(self) -> None:
            engine.silence.wait(30)
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            data = engine.export
            for piece in (docker_archive(LAYERS)[:5000] if data is None else data, engine.tail):
                if piece:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if data is None:
                self.close_connection = True
                return
            self.wfile.write(b"0\r\n\r\n")

    with served(socket, Handler):
        try:
            yield engine
        finally:
            engine.silence.set()
