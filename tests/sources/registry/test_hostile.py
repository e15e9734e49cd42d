"""Registries that lie, stall, redirect, cut connections, or never end."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest

from layerscope.errors import CancelledError, CorruptImageError, LayerscopeError, UnreachableError
from layerscope.limits import Limits
from layerscope.opening.open import open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request, open_source
from layerscope.sources.registry.client import Client
from layerscope.sources.registry.failures import PassingError
from tests.images import digest, file, layer_tar, oci_files
from tests.sources.registry.server import MANIFEST, Handler, Registry

LAYER = layer_tar([file("a", b"1" * 900)])
IMAGE = oci_files([LAYER])


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less between tries."""
    pause = Client.pause

    def shorter(self: Client, error: PassingError, number: int) -> None:
        if error.wait is None:
            error.wait = 0.01
        pause(self, error, number)

    monkeypatch.setattr(Client, "pause", shorter)


def fails(registry: Registry, reference: str = "app", **more: object) -> LayerscopeError:
    """The error of opening an image."""
    with pytest.raises(LayerscopeError) as caught:
        open_image(Request(registry.reference(reference), **more)).raise_damage()  # type: ignore[arg-type]
    return caught.value


def is_layer(handler: Handler) -> bool:
    """Whether a layer is asked for."""
    config = json.loads(handler.server.repository().manifests["latest"][1])["config"]["digest"]
    return "/blobs/" in handler.path and not handler.path.endswith(config)


def test_connections_that_are_cut_anywhere_are_resumed(registry: Registry) -> None:
    """Once, at each byte of a layer: what follows is fetched on, and the layer verified."""
    registry.repository().push(IMAGE)
    layer = next(data for data in registry.repository().blobs.values() if data[:2] == b"\x1f\x8b")
    for place in range(len(layer)):
        cut = [place]

        def misbehave(handler: Handler, cut: list[int] = cut) -> bool:
            if not is_layer(handler) or not cut:
                return False
            handler.send_blob(layer, upto=cut.pop())
            return True

        registry.misbehave = misbehave
        registry.asked.clear()
        opened = open_image(Request(registry.reference()))
        assert opened.verified(0)
        assert not opened.damages()
        assert len(registry.asked) == 4
        assert registry.headers[-1].get("Range", "").startswith(f"bytes={place}-") or not place


def test_without_ranges_a_cut_layer_fails(registry: Registry) -> None:
    """Rather than to fetch it again and again."""
    registry.repository().push(IMAGE)
    registry.ranges = False
    registry.misbehave = lambda handler: is_layer(handler) and cut_short(handler)
    error = fails(registry)
    assert isinstance(error, UnreachableError)
    assert len(registry.asked) < 8


def cut_short(handler: Handler) -> bool:
    """Answer with the first bytes only."""
    handler.send_blob(handler.server.repository().blobs[handler.path.rpartition("/")[2]], upto=20)
    return True


def test_connections_that_are_always_cut_end(registry: Registry) -> None:
    """After a few tries without progress."""
    registry.repository().push(IMAGE)

    def cut(handler: Handler) -> bool:
        if is_layer(handler):
            handler.send_blob(b"x" * 1000, upto=0)
        return is_layer(handler)

    registry.misbehave = cut
    error = fails(registry)
    assert error.exit_code == 4
    assert len(registry.asked) <= 9


def answer(status: int, body: bytes = b"{}", **headers: str) -> Callable[[Handler], bool]:
    """Always the same answer."""

    def misbehave(handler: Handler) -> bool:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.reply(status, body, named)
        return True

    return misbehave


@pytest.mark.parametrize(("status", "tries"), [(429, 3), (503, 3), (500, 3), (418, 1)])
def test_errors_that_may_pass_are_tried_again(registry: Registry, status: int, tries: int) -> None:
    """Three times; then it is unreachable."""
    registry.misbehave = answer(status, b'{"errors": [{"message": "no \\u001b[31m more"}]}')
    error = fails(registry)
    assert error.exit_code == 4
    assert len(registry.asked) == tries
    assert "no \\e[31m more" in error.message
    assert registry.host in error.message


@pytest.mark.parametrize(
    "wait", ["30", formatdate(time.time() + 3600, usegmt=True)], ids=["seconds", "date"]
)
def test_waits_as_long_as_the_registry_asks(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, wait: str
) -> None:
    """In seconds or until a date."""
    waited: list[float | None] = []

    def pause(_: Client, error: PassingError, number: int) -> None:
        waited.append(error.wait)
        if number:
            raise error

    monkeypatch.setattr(Client, "pause", pause)
    registry.misbehave = answer(429, Retry_After=wait)
    fails(registry)
    assert len(waited) == 2
    assert all(seconds is not None and 0 < seconds <= 3600 for seconds in waited)


def test_does_not_wait_for_hours(registry: Registry) -> None:
    """It says how long the registry asks to wait."""
    registry.misbehave = answer(429, Retry_After="86400")
    error = fails(registry)
    assert "try again in 86,400 seconds" in error.message
    assert error.exit_code == 4
    assert len(registry.asked) == 1


def test_not_found(registry: Registry) -> None:
    """A repository and a tag."""
    registry.repository().push(IMAGE)
    for reference in ("app:2.0", "none"):
        error = fails(registry, reference)
        assert error.exit_code == 3
        assert registry.host in error.message
        assert error.hint


def test_other_bytes_than_those_of_the_digest(registry: Registry) -> None:
    """Of a manifest that is asked for by digest, a config, and a layer."""
    top = registry.repository().push(IMAGE)
    registry.repository("other").manifests[top] = (MANIFEST, b"{}")
    assert "another manifest" in fails(registry, f"other@{top}").message
    blobs = registry.repository().blobs
    for name, data in list(blobs.items()):
        if data[:1] == b"{" and b"rootfs" in data:
            blobs[name] = data.replace(b"amd64", b"amd65")
            assert "other bytes for config" in fails(registry).message
            blobs[name] = data
    for name, data in list(blobs.items()):
        if data[:2] == b"\x1f\x8b":
            blobs[name] = data[:-1] + b"x"
    error = fails(registry)
    assert error.exit_code == 3


def test_more_bytes_than_the_manifest_says(registry: Registry) -> None:
    """A body without an end stops at the size."""
    registry.repository().push(IMAGE)

    def endless(handler: Handler) -> bool:
        if not is_layer(handler):
            return False
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        while True:
            handler.wfile.write(b"x" * 65536)

    registry.misbehave = endless
    assert fails(registry).exit_code == 3


@pytest.mark.parametrize("kind", ["manifest", "config"])
def test_documents_without_an_end(registry: Registry, kind: str) -> None:
    """They have a limit."""
    registry.repository().push(IMAGE)

    def endless(handler: Handler) -> bool:
        if ("/manifests/" in handler.path) != (kind == "manifest"):
            return False
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        while True:
            handler.wfile.write(b" " * 65536)

    registry.misbehave = endless
    assert "json_bytes" in fails(registry, limits=Limits(json_bytes=1 << 20)).message


def test_slow_drips(registry: Registry) -> None:
    """A manifest that comes byte by byte is not waited for."""

    def drip(handler: Handler) -> bool:
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        while True:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    registry.misbehave = drip
    error = fails(registry, limits=Limits(answer_seconds=1))
    assert error.exit_code == 4
    assert "no complete answer within 1 seconds" in error.message


def test_a_layer_that_stalls(registry: Registry) -> None:
    """Silence is no progress."""
    registry.repository().push(IMAGE)

    def stall(handler: Handler) -> bool:
        if is_layer(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            handler.close_connection = True
            handler.wfile.flush()
            time.sleep(4)
        return is_layer(handler)

    registry.misbehave = stall
    assert fails(registry, limits=Limits(silence_seconds=1)).exit_code == 4


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://",
        "",
        "javascript:x",
        "http://[",
        "\\\\host\\x",
        "data:,x",
    ],
)
def test_redirects_to_what_is_no_web_address(registry: Registry, target: str) -> None:
    """They are not followed."""
    registry.repository().push(IMAGE)
    registry.hop = lambda _: target
    error = fails(registry)
    assert error.exit_code == 4
    assert len(registry.asked) < 12


def test_redirects_without_end(registry: Registry) -> None:
    """Five are followed."""
    registry.repository().push(IMAGE)
    registry.hop = lambda key: f"/v2/app/blobs/{key}"
    error = fails(registry)
    assert "redirected more than 5 times" in error.message


def stall(_: Handler) -> bool:
    """Never answer."""
    time.sleep(30)
    return True


def cut_off(handler: Handler) -> bool:
    """Answer with 9 of 99 bytes."""
    handler.reply(200, b"x" * 99, upto=9)
    return True


AWRY: dict[str, tuple[Callable[[Handler], bool], str]] = {
    "absent": (answer(404), "has no "),
    "refused": (answer(403), "answered with status 403"),
    "failing": (answer(503), "failed with status 503"),
    "busy": (answer(429, Retry_After="900"), "rate limit"),
    "cut": (cut_off, "an answer ended after 9 bytes"),
    "silent": (stall, "no complete answer within 1 seconds"),
    "lost": (answer(302, Location="file:///x"), "redirects to something"),
}


@pytest.mark.parametrize(("misbehave", "said"), AWRY.values(), ids=AWRY)
def test_errors_name_the_host_that_a_redirect_leads_to(
    registry: Registry, misbehave: Callable[[Handler], bool], said: str
) -> None:
    """Beside the registry, and without what its URL contains."""
    registry.repository().push(IMAGE)
    with Registry() as elsewhere:
        elsewhere.misbehave = misbehave
        registry.hop = lambda key: f"http://ann:s3cret@{elsewhere.host}/{key}?X-Signature=s3cret"
        error = fails(registry, limits=Limits(answer_seconds=1))
        there = f"{elsewhere.host} (redirected from {registry.host})"
        assert f"{there} {said}" in error.message.replace(": ", " ")
        assert "s3cret" not in f"{error.message} {error.hint}"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_errors_name_a_host_that_cannot_be_reached(registry: Registry, scheme: str) -> None:
    """A port that nobody listens to, and one that does not speak TLS."""
    registry.repository().push(IMAGE)
    with Registry() as elsewhere:
        registry.hop = lambda key: f"{scheme}://{elsewhere.host}/{key}"
        if scheme == "http":
            elsewhere.shutdown()
            elsewhere.server_close()
        error = fails(registry)
        assert error.message.startswith(f"{registry.reference('app')}: {elsewhere.host} (redirected from {registry.host})")  # fmt: skip
        assert ("does not speak TLS" if scheme == "https" else "the connection failed") in error.message  # fmt: skip


@pytest.mark.parametrize(
    ("misbehave", "said"),
    [
        (answer(401), "answered with status 401"),
        (answer(404), "answered with status 404"),
        (answer(503), "answered with status 503"),
        (answer(200, b"x"), "its answer is not a token"),
        (answer(200, b'{"token": ""}'), "answers without a token"),
        (stall, "no complete answer within 1 seconds"),
    ],
)
def test_errors_name_the_token_service(
    registry: Registry, misbehave: Callable[[Handler], bool], said: str
) -> None:
    """Beside the registry whose it is."""
    with Registry() as service:
        challenge = f'Bearer realm="http://{service.host}/token?a=b"'
        registry.misbehave = answer(401, WWW_Authenticate=challenge)
        service.misbehave = misbehave
        error = fails(registry, limits=Limits(answer_seconds=1))
        there = f"{service.host} (token service of {registry.host})"
        assert f"{there} {said}" in error.message.replace(": ", " ")
    unreached = fails(registry)
    assert f"{there}: the connection failed" in unreached.message


def test_a_token_service_of_the_registry_itself_is_named_without_its_host(
    registry: Registry,
) -> None:
    """Which is that of the registry."""

    def misbehave(handler: Handler) -> bool:
        if handler.path.startswith("/token"):
            handler.reply(403, b"{}")
        return handler.path.startswith("/token")

    registry.token_seconds = 300
    registry.misbehave = misbehave
    said = f": the token service of {registry.host} answered with status 403"
    assert fails(registry).message.endswith(said)


def test_credentials_do_not_follow_redirects(registry: Registry, home: Path) -> None:
    """Another host sees the request without them."""
    registry.users["ann"] = "s3cret"
    registry.token_seconds = 300
    registry.repository().push(IMAGE)
    encoded = "YW5uOnMzY3JldA=="
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(
        json.dumps({"auths": {registry.host: {"auth": encoded}}})
    )
    with Registry() as elsewhere:
        elsewhere.repository().push(IMAGE)
        registry.hop = lambda key: f"http://{elsewhere.host}/v2/app/blobs/{key}"
        open_image(Request(registry.reference()))
        assert len(elsewhere.asked) == 2
        assert all("Authorization" not in headers for headers in elsewhere.headers)


@pytest.mark.parametrize(
    "challenge",
    [
        "", "Negotiate", "Bearer", 'Bearer realm="file:///etc/passwd"', 'Bearer realm="', "Basic" + "," * 9000,
        'Bearer realm="http://[::1"', 'Bearer service="x"', "Bearer realm=, scope=", "\xff" * 50,
    ],
)  # fmt: skip
def test_questions_for_a_login_that_make_no_sense(registry: Registry, challenge: str) -> None:
    """An error, at once."""
    registry.misbehave = answer(401, WWW_Authenticate=challenge)
    assert fails(registry).exit_code in (3, 4)
    assert len(registry.asked) < 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"token": 5}',
        b'{"token": "a\\r\\nX: y"}',
        b"{" * 5_000_000,
        b'{"expires_in": 1e999}',
    ],
)
def test_tokens_that_are_none(registry: Registry, body: bytes) -> None:
    """An error, and never a header of its own."""
    registry.token_seconds = 300

    def misbehave(handler: Handler) -> bool:
        if handler.path.startswith("/token"):
            handler.reply(200, body)
        return handler.path.startswith("/token")

    registry.misbehave = misbehave
    assert fails(registry).exit_code == 4
    assert len(registry.asked) <= 2


def test_a_login_that_is_never_enough(registry: Registry) -> None:
    """401 for ever: two requests and a token."""
    registry.token_seconds = 300

    def misbehave(handler: Handler) -> bool:
        handler.server.tokens.clear()
        return False

    registry.misbehave = misbehave
    assert fails(registry).exit_code == 3
    assert len(registry.asked) == 3


def test_headers_of_ten_megabytes(registry: Registry) -> None:
    """Refused, whichever way they are long."""

    def many(handler: Handler) -> bool:
        handler.send_response(200)
        for number in range(20_000):
            handler.send_header(f"X-{number}", "y" * 500)
        handler.end_headers()
        handler.close_connection = True
        return True

    def long(handler: Handler) -> bool:
        handler.send_response(200)
        handler.send_header("X", "y" * 10_000_000)
        handler.end_headers()
        handler.close_connection = True
        return True

    for misbehave in (many, long):
        registry.misbehave = misbehave
        error = fails(registry)
        assert error.exit_code == 4
        assert len(error.message) < 600


def test_manifests_that_are_no_json(registry: Registry) -> None:
    """Called by what they are."""
    for body in (b"<html>", b"", b"[]", b"{}", b'{"layers": 3}', b'{"manifests": []}', b"\xff\xfe"):
        registry.repository().manifests["latest"] = (MANIFEST, body)
        assert fails(registry).exit_code == 3


def test_nested_indexes_that_contain_themselves(registry: Registry) -> None:
    """A digest cannot, but a registry that ignores digests can: what it sends is checked."""
    repository = registry.repository()
    own = digest(b"anything")
    media_type, data = "application/vnd.oci.image.index.v1+json", b""
    data = json.dumps({"manifests": [{"mediaType": media_type, "digest": own, "size": 1}]}).encode()
    repository.manifests["latest"] = repository.manifests[own] = (media_type, data)
    assert isinstance(fails(registry), CorruptImageError)


def test_cancelled_while_it_waits(registry: Registry) -> None:
    """Between two tries, too."""

    class Impatient(NullProgress):
        def cancelled(self) -> bool:
            return len(registry.asked) > 0

    registry.misbehave = answer(503)
    with pytest.raises(CancelledError):
        open_image(Request(registry.reference(), progress=Impatient()))


def test_reading_goes_on_after_a_failure(registry: Registry) -> None:
    """A failed read is not the end of the layer: the next one fetches it."""
    noise = random.Random(2).randbytes(400_000)
    registry.repository().push(oci_files([layer_tar([file("noise", noise)])]))
    registry.ranges = False
    for length in (100, 300_000):
        blob = open_source(Request(registry.reference())).blobs[0]
        registry.misbehave = lambda handler: is_layer(handler) and cut_short(handler)
        with pytest.raises(LayerscopeError):
            blob.pread(length, 0)
        registry.misbehave = None  # it may pass
        assert len(blob.pread(length, 0)) == length
        assert digest(blob.pread(blob.size, 0)) == blob.digest


def test_layers_with_other_bytes_are_called_that(registry: Registry) -> None:
    """Wherever they differ, and not by what is wrong in the tar that they make."""
    noise = random.Random(4).randbytes(200_000)
    registry.repository().push(oci_files([layer_tar([file("noise", noise)])], compress=None))
    blobs = registry.repository().blobs
    name, data = max(blobs.items(), key=lambda item: len(item[1]))
    for place in (0, 150, 100_000, len(data) - 1):
        spoiled = bytearray(data)
        spoiled[place] ^= 0xFF
        blobs[name] = bytes(spoiled)
        error = fails(registry)
        assert "the registry sent other bytes than those of this digest" in error.message
        assert error.exit_code == 3


def test_web_pages(registry: Registry) -> None:
    """A server that is no registry."""

    def page(handler: Handler) -> bool:
        handler.reply(200, b"<html>Welcome</html>", {"Content-Type": "text/html; charset=utf-8"})
        return True

    registry.misbehave = page
    assert "answers with a web page" in fails(registry).message


@pytest.mark.parametrize(
    "reference", ["registry://ann:s3cret@h.test/app:1", "registry://ann:s3cret@h.test:80/a/b"]
)
def test_passwords_in_references_are_refused_and_hidden(reference: str) -> None:
    """They would end up in logs."""
    with pytest.raises(LayerscopeError, match="takes no user and no password") as caught:
        open_source(Request(reference))
    assert "s3cret" not in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("size", [None, -1, 10**400, 1 << 62, "1", 1.5])
def test_sizes_that_are_none(registry: Registry, size: object) -> None:
    """Refused before anything is fetched or counted."""
    repository = registry.repository()
    found = repository.push(IMAGE)
    document = json.loads(repository.manifests[found][1])
    document["layers"][0]["size"] = size
    data = json.dumps(document).encode()
    repository.manifests["latest"] = (MANIFEST, data)
    error = fails(registry)
    assert error.exit_code == 3
    assert "size" in error.message or "layer_bytes" in error.message
    assert len(registry.asked) <= 2


def test_digests_that_cannot_be_checked(registry: Registry) -> None:
    """Of a layer, a config, and a pinned manifest."""
    repository = registry.repository()
    found = repository.push(IMAGE)
    odd = "blake3:" + "0" * 64
    for part in ("config", "layers"):
        document = json.loads(repository.manifests[found][1])
        described = document[part] if part == "config" else document[part][0]
        repository.blobs[odd] = repository.blobs[described["digest"]]
        described["digest"] = odd
        repository.manifests["latest"] = (MANIFEST, json.dumps(document).encode())
        assert "digests of blake3 cannot be checked" in fails(registry).message
    repository.manifests[odd] = repository.manifests[found]
    assert "digests of blake3 cannot be checked" in fails(registry, f"app@{odd}").message


def test_shorter_layers_are_damage(registry: Registry) -> None:
    """A whole answer with too few bytes is no error of the network."""
    registry.repository().push(IMAGE)
    blobs = registry.repository().blobs
    for name, data in list(blobs.items()):
        if data[:2] == b"\x1f\x8b":
            blobs[name] = data[:40]
    error = fails(registry)
    assert error.exit_code == 3
    assert "sends 40 bytes of it" in error.message


def test_very_many_indexes(registry: Registry) -> None:
    """Each would be a request."""
    repository = registry.repository()
    listed = []
    for number in range(100):
        found = repository.push_index([], f"x{number}")
        media_type, data = repository.manifests[found]
        data += b" " * number
        repository.manifests[digest(data)] = (media_type, data)
        listed.append({"mediaType": media_type, "digest": digest(data), "size": len(data)})
    repository.push_index(listed, "many")
    assert "more than 64 other indexes" in fails(registry, "app:many").message
    assert len(registry.asked) < 70


@pytest.mark.parametrize("how", ["nothing", "drip"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_download(
    registry: Registry, tmp_path: Path, how: str, number: signal.Signals
) -> None:
    """At once, whatever the registry does."""
    registry.repository().push(IMAGE)

    def stall(handler: Handler) -> bool:
        if is_layer(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            handler.close_connection = True
            for _ in range(300):
                if how == "drip":
                    handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(0.1)
        return is_layer(handler)

    registry.misbehave = stall
    command = [sys.executable, "-m", "layerscope", "report", "--no-cache", registry.reference()]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not any("blobs" in line for line in registry.asked[2:]):
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(number)
        assert process.wait(20) in (128 + number, -number)
