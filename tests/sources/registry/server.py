"""A registry in a thread, which records requests and can misbehave."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.images import digest

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class Repository:
    """Manifests, blobs and referrers of one repository."""

    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Media type and bytes, by tag and by digest."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    referrers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Descriptors by the digest of the manifest that they refer to."""

    def push(self, files: Mapping[str, bytes], tag: str = "latest") -> str:
        """Store the files of an OCI layout with one image or index; returns the digest that the tag names."""
        for name, data in files.items():
            if name.startswith("blobs/"):
                self.blobs[digest(data)] = data
        top = json.loads(files["index.json"])["manifests"][0]
        self._add_manifests(top)
        self.manifests[tag] = self.manifests[top["digest"]]
        return str(top["digest"])

    def _add_manifests(self, descriptor: Mapping[str, Any]) -> None:
        data = self.blobs[descriptor["digest"]]
        self.manifests[descriptor["digest"]] = (descriptor["mediaType"], data)
        for child in json.loads(data).get("manifests", ()):
            if child["digest"] in self.blobs:
                self._add_manifests(child)

    def push_index(self, documents: list[dict[str, Any]], tag: str = "latest") -> str:
        """Store an index of these descriptors."""
        data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": documents}).encode()
        self.manifests[digest(data)] = self.manifests[tag] = (INDEX, data)
        return digest(data)


Misbehaviour = Callable[["Handler"], bool]
"""Answers a request in another way; returns whether it did."""


class Registry(ThreadingHTTPServer):
    """A registry on loopback, stopped when the context ends."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tls = tls
        self.repositories: dict[str, Repository] = {}
        self.asked: list[str] = []
        """Method and path of each request in order, including token requests."""
        self.headers: list[Mapping[str, str]] = []
        """Headers of each request."""
        self.sent = 0
        """Number of bytes of blobs sent."""
        self.users: dict[str, str] = {}
        """Passwords by user; empty for a registry without logins."""
        self.tokens: dict[str, float] = {}
        """Tokens, and the monotonic time until which they are valid; used if `token_seconds` is set."""
        self.token_seconds: float | None = None
        self.ranges = True
        self.misbehave: Misbehaviour | None = None
        self.hop: Callable[[str], str | None] = lambda _: None
        """The target of a redirect for a blob; None for no redirect."""
        self.delay = 0.0
        """Seconds before each answer."""
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def host(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self.server_address[1]}"

    def repository(self, name: str = "app") -> Repository:
        """The repository of a name, created if new."""
        return self.repositories.setdefault(name, Repository())

    def reference(self, rest: str = "app") -> str:
        """A reference for layerscope."""
        return f"registry://{self.host}/{rest}"

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is not None:
            request.settimeout(5)
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except OSError:
                return
            request.settimeout(None)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close their connections."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    server: Registry
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Silent."""

    def do_GET(self) -> None:  # as http.server calls it
        """Answer a GET or HEAD."""
        registry = self.server
        registry.asked.append(f"{self.command} {self.path}")
        registry.headers.append(dict(self.headers.items()))
        time.sleep(registry.delay)
        with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            if registry.misbehave is not None and registry.misbehave(self):
                return
            self.answer()

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """A request for a token with an identity token."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append(f"POST {self.path}")
        self.server.headers.append(dict(self.headers.items()))
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._token(form.get("refresh_token") == "identity")

    def answer(self) -> None:
        """Answer like a correct registry."""
        path = urlsplit(self.path).path
        if path == "/token":
            self._token(not self.server.users or self._basic())
        elif not self._is_authorized():
            self._ask_to_log_in()
        elif found := re.fullmatch(r"/v2/(.+)/(manifests|blobs|referrers|tags)/([^/]+)", path):
            self._serve(*found.groups())
        else:
            self.reply(404, b"{}")

    def _serve(self, name: str, kind: str, key: str) -> None:
        repository = self.server.repositories.get(name)
        if repository is None:
            self.refuse(404, "NAME_UNKNOWN", "repository name not known to registry")
        elif kind == "manifests" and key in repository.manifests:
            media_type, data = repository.manifests[key]
            self.reply(
                200, data, {"Content-Type": media_type, "Docker-Content-Digest": digest(data)}
            )
        elif kind == "blobs" and (target := self.server.hop(key)) is not None:
            self.reply(307, b"", {"Location": target})
        elif kind == "blobs" and key in repository.blobs:
            self.send_blob(repository.blobs[key])
        elif kind == "referrers" and repository.referrers:
            listed = {
                "schemaVersion": 2,
                "mediaType": INDEX,
                "manifests": repository.referrers.get(key, []),
            }
            self.reply(200, json.dumps(listed).encode(), {"Content-Type": INDEX})
        elif kind == "tags":
            tags = sorted(tag for tag in repository.manifests if ":" not in tag)
            self._list(name, tags)
        else:
            self.refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")

    def _list(self, name: str, tags: list[str]) -> None:
        query = parse_qs(urlsplit(self.path).query)
        page_size = int(query.get("n", ["100"])[0])
        last = query.get("last", [""])[0]
        rest = [tag for tag in tags if tag > last]
        headers = {}
        if len(rest) > page_size:
            headers["Link"] = (
                f'</v2/{name}/tags/list?n={page_size}&last={rest[page_size - 1]}>; rel="next"'
            )
        self.reply(200, json.dumps({"name": name, "tags": rest[:page_size]}).encode(), headers)

    def send_blob(self, data: bytes, *, upto: int | None = None) -> None:
        """Send a blob or the requested range of it; cut after `upto` bytes."""
        requested = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        status, headers, body = 200, {}, data
        if requested and self.server.ranges:
            start, end = int(requested[1]), min(int(requested[2]) + 1, len(data))
            status, body = 206, data[start:end]
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        self.reply(status, body, headers, upto=upto)
        if self.command == "GET":
            self.server.sent += len(body[:upto])

    def reply(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        upto: int | None = None,
    ) -> None:
        """Send an answer; with `upto`, close the connection after so many bytes of it."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:upto])
        if upto is not None:
            self.wfile.flush()
            self.close_connection = True

    def refuse(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send an error in the format of the specification."""
        self.reply(
            status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), headers
        )

    # logins

    def _basic(self) -> bool:
        scheme, _, encoded = (self.headers.get("Authorization") or "").partition(" ")
        if scheme != "Basic":
            return False
        user, _, password = base64.b64decode(encoded).decode().partition(":")
        return self.server.users.get(user) == password

    def _is_authorized(self) -> bool:
        if self.server.token_seconds is not None:
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            return self.server.tokens.get(token, 0) > time.monotonic()
        return not self.server.users or self._basic()

    def _ask_to_log_in(self) -> None:
        challenge = 'Basic realm="a registry"'
        if self.server.token_seconds is not None:
            scheme = "http" if self.server.tls is None else "https"
            challenge = f'Bearer realm="{scheme}://{self.server.host}/token",service="tests",scope="repository:app:pull"'
        self.refuse(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})

    def _token(self, allowed: bool) -> None:
        if not allowed:
            self.refuse(401, "DENIED", "wrong password")
            return
        token = f"token{len(self.server.tokens)}"
        lifetime = self.server.token_seconds or 0
        self.server.tokens[token] = time.monotonic() + lifetime
        self.reply(200, json.dumps({"token": token, "expires_in": int(lifetime)}).encode())
