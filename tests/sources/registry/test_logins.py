"""Credentials of Docker and Podman, tokens and their lifetime; no message contains a password."""

from __future__ import annotations

import base64
import gc
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import LayerscopeError, UnreachableError
from layerscope.opening.open import open_image
from layerscope.sources import Request, open_source
from layerscope.sources.registry import credentials
from layerscope.sources.registry.failures import RefusedError
from tests.images import file, layer_tar, oci_files
from tests.sources.registry.server import Handler, Registry

IMAGE = oci_files([layer_tar([file("a", b"1" * 900)]), layer_tar([file("b", b"2")])])


def login(password: str = "s3cret") -> dict[str, str]:  # noqa: S107  # of the tests
    """An entry as `docker login` writes it."""
    return {"auth": base64.b64encode(f"ann:{password}".encode()).decode()}


def docker_config(home: Path, **document: Any) -> None:
    """Write the configuration of Docker's command line."""
    write(home / ".docker/config.json", document)


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


@pytest.fixture
def closed(registry: Registry) -> Registry:
    """A registry that requires a password."""
    registry.users["ann"] = "s3cret"
    registry.repository().push(IMAGE)
    return registry


def test_basic_authentication(closed: Registry, home: Path) -> None:
    """It takes one more request, for the first answer only."""
    docker_config(home, auths={closed.host: login()})
    open_image(Request(closed.reference()))
    assert len(closed.asked) == 5


def test_token_authentication(closed: Registry, home: Path) -> None:
    """It takes two more requests; the token is used for the others."""
    closed.token_seconds = 300
    docker_config(home, auths={f"https://{closed.host}/v2/": login()})
    open_image(Request(closed.reference()))
    assert len(closed.asked) == 6
    assert closed.asked[1].startswith("GET /token?")
    assert "scope=repository%3Aapp%3Apull" in closed.asked[1]
    assert [bool(headers.get("Authorization")) for headers in closed.headers] == [
        False,
        *[True] * 5,
    ]


def test_a_token_that_ends_is_renewed(closed: Registry, home: Path) -> None:
    """Even before the announced end."""
    closed.token_seconds = 300
    docker_config(home, auths={closed.host: login()})
    source = open_source(Request(closed.reference()))
    closed.tokens.clear()
    assert source.blobs[0].read()
    assert sum("/token" in line for line in closed.asked) == 2


def test_anonymous_tokens(registry: Registry) -> None:
    """Docker Hub issues them."""
    registry.token_seconds = 300
    registry.repository().push(IMAGE)
    open_image(Request(registry.reference()))
    assert len(registry.asked) == 6


@pytest.mark.parametrize("token", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_refused_access_is_explained(
    closed: Registry, home: Path, token: bool, known: bool
) -> None:
    """Without a login or with a wrong one, the hint says what to do; the password is not shown."""
    closed.token_seconds = 300 if token else None
    if known:
        docker_config(home, auths={closed.host: login(password="wrongword")})
    with pytest.raises(RefusedError) as caught:
        open_image(Request(closed.reference()))
    text = f"{caught.value.message} {caught.value.hint}"
    assert caught.value.exit_code == 3
    assert closed.host in text
    assert f"docker login {closed.host}" in text
    assert "wrongword" not in text
    assert ("refuses to show app with the login of" in text) == known
    assert len(closed.asked) <= 3


def test_identity_tokens(closed: Registry, home: Path) -> None:
    """They are exchanged for a token by POST."""
    closed.token_seconds = 300
    docker_config(home, auths={closed.host: {"auth": "", "identitytoken": "identity"}})
    open_image(Request(closed.reference()))
    assert closed.asked[1] == "POST /token"


def test_podman_scopes(closed: Registry, home: Path) -> None:
    """The most specific entry is used, before Docker's."""
    auths = {closed.host: login(password="other"), f"{closed.host}/app": login()}
    write(home / ".config/containers/auth.json", {"auths": auths})
    docker_config(home, auths={closed.host: login(password="third")})
    open_image(Request(closed.reference()))


def test_a_named_file_replaces_all_others(
    closed: Registry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`$REGISTRY_AUTH_FILE` names it."""
    write(home / "mine.json", {"auths": {closed.host: login()}})
    docker_config(home, auths={closed.host: login(password="other")})
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(home / "mine.json"))
    open_image(Request(closed.reference()))


HELPER = """#!/bin/sh
read server
echo "$server" >> "$HOME/asked"
echo '{"ServerURL": "x", "Username": "ann", "Secret": "s3cret"}'
"""


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_credential_helpers_are_run(
    closed: Registry, home: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """A program on PATH is asked for the host."""
    program = home / "bin/docker-credential-mine"
    program.parent.mkdir()
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    docker_config(home, **{key: "mine" if key == "credsStore" else {closed.host: "mine"}})
    open_image(Request(closed.reference()))
    assert (home / "asked").read_text().splitlines() == [closed.host]


def test_a_missing_helper_matters_only_for_refused_access(registry: Registry, home: Path) -> None:
    docker_config(home, credsStore="gone")
    registry.repository().push(IMAGE)
    registry.token_seconds = 300
    open_image(Request(registry.reference()))
    registry.users["ann"] = "s3cret"
    registry.tokens.clear()
    with pytest.raises(RefusedError, match=r"docker-credential-gone, which .* is not on PATH"):
        open_image(Request(registry.reference()))


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", '{"auths": 3}', '{"auths": {"HOST": {"auth": "=="}}}', '{"auths": {"HOST": {"auth": "YQ=="}}}',
        '{"auths": {"HOST": 3}}', '{"credsStore": "../../bin/sh"}', '{"credHelpers": ["a"]}', '{"credsStore": 5}',
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named(closed: Registry, home: Path, text: str) -> None:
    """Its content is not shown."""
    file = home / ".docker/config.json"
    file.parent.mkdir()
    file.write_text(text.replace("HOST", closed.host))
    with pytest.raises(LayerscopeError) as caught:
        open_image(Request(closed.reference()))
    assert str(file) in caught.value.message or isinstance(caught.value, RefusedError)


def test_netrc_is_not_used(closed: Registry, home: Path) -> None:
    (home / ".netrc").write_text("machine 127.0.0.1 login ann password s3cret\n")
    with pytest.raises(RefusedError):
        open_image(Request(closed.reference()))


def test_a_missing_file_in_the_environment_is_an_error(
    closed: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/nowhere/auth.json")
    with pytest.raises(LayerscopeError, match=r"/nowhere/auth\.json: no such file") as caught:
        open_image(Request(closed.reference()))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "script",
    [
        "yes AAAAAAAAAAAAAAAA", "exec 1>&-; sleep 60", "sleep 60 & exit 0", "sleep 60", "head -c 200000 /dev/zero | tr '\\0' '['",
        "echo '{\"Username\": 5, \"Secret\": []}'", "echo '[]'", "echo '{\"Username\": \"a\", \"Secret\": \"\\ud800\"}'",
        "printf 'SECRETPW \\033[31m' >&2; exit 1", "printf 'no \\033[31m key'; exit 1",
    ],
)  # fmt: skip
def test_hostile_helpers(
    closed: Registry,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    script: str,
) -> None:
    """They take some seconds at most, their process group is killed, and they print nothing to the terminal."""
    monkeypatch.setattr(credentials, "_HELPER_SECONDS", 1)
    program = home / "bin/docker-credential-mine"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    docker_config(home, credsStore="mine")
    gc.collect()  # while nested JSON fills the stack, connections of earlier tests could not be closed
    started = time.monotonic()
    with pytest.raises(RefusedError) as caught:
        open_image(Request(closed.reference()))
    assert time.monotonic() - started < 20
    assert "SECRETPW" not in caught.value.message
    assert "\x1b" not in caught.value.message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("host", ["192.0.2.2", "tokens.test:80"])
def test_passwords_are_not_sent_without_tls(closed: Registry, home: Path, host: str) -> None:
    """To other machines."""
    docker_config(home, auths={closed.host: login()})

    def misbehave(handler: Handler) -> bool:
        handler.reply(401, b"{}", {"WWW-Authenticate": f'Bearer realm="http://{host}/token"'})
        return True

    closed.misbehave = misbehave
    with pytest.raises(UnreachableError, match=r"names no usable token service: .* is without TLS"):
        open_image(Request(closed.reference()))


def test_a_token_service_that_is_busy_is_asked_again(closed: Registry, home: Path) -> None:
    docker_config(home, auths={closed.host: login()})
    closed.token_seconds = 300
    busy = [429, 503]

    def misbehave(handler: Handler) -> bool:
        if handler.path.startswith("/token") and busy:
            handler.reply(busy.pop(), b"{}")
            return True
        return False

    closed.misbehave = misbehave
    open_image(Request(closed.reference()))
    assert not busy
