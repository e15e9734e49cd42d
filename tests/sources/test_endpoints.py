"""Where engines listen (docker/cli, cli/context/store; podman-system-connection(1))."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from layerscope.errors import UnreachableError
from layerscope.sources import endpoints
from layerscope.sources.endpoints import (
    Endpoint,
    UserEnvironment,
    check_docker_config,
    docker_endpoints,
    podman_endpoints,
)
from layerscope.sources.engine_client import Client
from layerscope.sources.ssh import ssh_command
from tests.images import write
from tests.sources.image_files import dump


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may have engines."""
    monkeypatch.setattr(endpoints, "DOCKER_SOCKET", "/nonexistent/docker.sock")
    monkeypatch.setattr(endpoints, "PODMAN_SOCKET", "/nonexistent/podman.sock")


def user_at(home: Path, **environment: str) -> UserEnvironment:
    """A user with that home and environment."""
    return UserEnvironment({"XDG_RUNTIME_DIR": str(home / "run"), **environment}, home)


def context(home: Path, name: str, host: str, **more: object) -> None:
    """A context of the Docker command line."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = {"Name": name, "Endpoints": {"docker": {"Host": host, **more}}}
    write(home / f".docker/contexts/meta/{digest}/meta.json", dump(meta))


class TestDocker:
    """Endpoints are found in the order of the docker command line."""

    def test_the_host_beats_the_context(self, tmp_path: Path) -> None:
        """DOCKER_HOST is used alone."""
        found = docker_endpoints(user_at(tmp_path, DOCKER_HOST="1.2.3.4:5", DOCKER_CONTEXT="x"))
        assert found == [Endpoint("tcp://1.2.3.4:5", "DOCKER_HOST")]

    def test_contexts_are_found_by_name(self, tmp_path: Path) -> None:
        """By DOCKER_CONTEXT, or as the current one; `default` means no context."""
        context(tmp_path, "colima", "unix:///colima.sock")
        context(tmp_path, "far", "ssh://me@far")
        write(tmp_path / ".docker/config.json", dump({"currentContext": "far"}))
        assert docker_endpoints(user_at(tmp_path))[0].url == "ssh://me@far"
        chosen = docker_endpoints(user_at(tmp_path, DOCKER_CONTEXT="colima"))
        assert [endpoint.url for endpoint in chosen] == ["unix:///colima.sock"]
        assert docker_endpoints(user_at(tmp_path, DOCKER_CONTEXT="default")) == []
        with pytest.raises(UnreachableError, match="no such context"):
            docker_endpoints(user_at(tmp_path, DOCKER_CONTEXT="gone"))

    def test_tls_files_of_a_context_are_found(self, tmp_path: Path) -> None:
        """They are in a folder named by the digest of the context's name."""
        context(tmp_path, "safe", "tcp://far:2376", SkipTLSVerify=False)
        folder = tmp_path / ".docker/contexts/tls" / hashlib.sha256(b"safe").hexdigest() / "docker"
        for name in ("ca.pem", "cert.pem", "key.pem"):
            write(folder / name, b"")
        (found,) = docker_endpoints(user_at(tmp_path, DOCKER_CONTEXT="safe"))
        assert found.tls is not None
        assert found.tls.verify
        assert (found.tls.ca, found.tls.cert) == (
            folder / "ca.pem", (folder / "cert.pem", folder / "key.pem"),
        )  # fmt: skip

    def test_tls_of_the_environment(self, tmp_path: Path) -> None:
        """DOCKER_CERT_PATH names the folder, Docker's own is the default."""
        found = docker_endpoints(
            user_at(tmp_path, DOCKER_HOST="tcp://a:1", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH="/c")
        )
        assert found[0].tls == endpoints.Tls(None, None, True)
        assert docker_endpoints(user_at(tmp_path, DOCKER_HOST="tcp://a:1"))[0].tls is None

    def test_existing_well_known_sockets_are_tried(self, tmp_path: Path) -> None:
        """Each once, even if several links lead to it."""
        for name in (".colima/work/docker.sock", ".orbstack/run/docker.sock", "run/docker.sock"):
            write(tmp_path / name, b"")
        (tmp_path / ".rd").mkdir()
        (tmp_path / ".rd/docker.sock").symlink_to(tmp_path / "run/docker.sock")
        found = [endpoint.origin for endpoint in docker_endpoints(user_at(tmp_path))]
        assert found == ["rootless Docker", "OrbStack", "Colima"]

    @pytest.mark.parametrize("text", [b"{", b"[]", b'{"currentContext": 1}', b"\xff"])
    def test_a_broken_configuration_is_ignored(self, tmp_path: Path, text: bytes) -> None:
        """Docker's own tools ignore it, too."""
        write(tmp_path / ".docker/config.json", text)
        assert docker_endpoints(user_at(tmp_path)) == []


class TestPodman:
    """Endpoints are found as Podman's remote client finds them."""

    def test_an_explicit_host_is_used_alone(self, tmp_path: Path) -> None:
        found = podman_endpoints(
            user_at(tmp_path, CONTAINER_HOST="unix:///p", CONTAINER_SSHKEY="/k")
        )
        assert found == [Endpoint("unix:///p", "CONTAINER_HOST", identity="/k")]

    def test_connections_are_used_without_a_socket(self, tmp_path: Path) -> None:
        """The default connection, or the one that CONTAINER_CONNECTION names."""
        connections = {"Default": "a", "Connections": {
            "a": {"URI": "ssh://core@localhost:1/run/p.sock", "Identity": "/key"}, "b": {"URI": "unix:///b"},
        }}  # fmt: skip
        write(
            tmp_path / ".config/containers/podman-connections.json",
            dump({"Connection": connections}),
        )
        (found,) = podman_endpoints(user_at(tmp_path))
        assert (found.url, found.identity) == ("ssh://core@localhost:1/run/p.sock", "/key")
        assert podman_endpoints(user_at(tmp_path, CONTAINER_CONNECTION="b"))[0].url == "unix:///b"
        with pytest.raises(UnreachableError, match="no such Podman connection"):
            podman_endpoints(user_at(tmp_path, CONTAINER_CONNECTION="c"))
        write(tmp_path / "run/podman/podman.sock", b"")
        assert [endpoint.origin for endpoint in podman_endpoints(user_at(tmp_path))] == [
            "rootless Podman"
        ]

    def test_containers_conf_names_connections_too(self, tmp_path: Path) -> None:
        text = (
            b'[engine]\nactive_service = "x"\n[engine.service_destinations.x]\nuri = "ssh://x/s"\n'
        )
        write(tmp_path / ".config/containers/containers.conf", text)
        assert podman_endpoints(user_at(tmp_path))[0].url == "ssh://x/s"


class TestSsh:
    """The ssh command of an endpoint."""

    def test_it_never_asks_for_a_password(self) -> None:
        command = ssh_command(Endpoint("ssh://me@far:2222", "x", identity="/key"), "docker")
        assert "BatchMode=yes" in command
        assert command[-7:] == ["-p", "2222", "-i", "/key", "--", "far", "docker system dial-stdio"]

    def test_a_path_is_quoted(self) -> None:
        command = ssh_command(Endpoint("ssh://far/run/p';x", "x"), "podman")
        assert command[-1] == "podman --url unix://'/run/p'\\'';x' system dial-stdio"

    @pytest.mark.parametrize(
        "url", ["ssh://", "ssh://-oProxyCommand=x", "ssh://-l@far", "ssh://a:b"]
    )
    def test_an_invalid_host_is_refused(self, url: str) -> None:
        with pytest.raises(UnreachableError):
            ssh_command(Endpoint(url, "x"), "docker")


ODD_CONFIGS = {
    "array": [],
    "number": 3,
    "null": None,
    "proxies": {"proxies": []},
    "proxy": {"proxies": {"default": "http://proxy"}},
    "proxy-value": {"proxies": {"default": {"httpProxy": 1}}},
    "auths": {"auths": ["ghcr.io"]},
    "auth": {"auths": {"ghcr.io": "x"}},
    "helpers": {"credHelpers": {"ghcr.io": 1}},
    "headers": {"HttpHeaders": {"X": {}}},
    "store": {"credsStore": {}},
    "context": {"currentContext": 7},
}


@pytest.mark.parametrize("config", ODD_CONFIGS.values(), ids=ODD_CONFIGS)
def test_a_docker_configuration_with_wrong_types_is_reported(
    config: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The docker SDK would fail with a Python error."""
    write(tmp_path / "config.json", dump(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(UnreachableError, match=r"config\.json cannot be used: ") as error:
        Client(Endpoint("unix:///nonexistent", "test"), "docker")
    assert error.value.hint is not None


def test_a_docker_configuration_that_is_not_a_file_does_not_block(tmp_path: Path) -> None:
    """It may be a pipe without a writer, or a directory."""
    (tmp_path / ".docker").mkdir()
    config = tmp_path / ".docker/config.json"
    os.mkfifo(config)
    with pytest.raises(UnreachableError, match="not a regular file"):
        check_docker_config(user_at(tmp_path))
    config.unlink()
    config.mkdir()
    with pytest.raises(UnreachableError, match="Is a directory"):
        check_docker_config(user_at(tmp_path))


@pytest.mark.parametrize("text", ["", "{", "[[" * 100_000, '{"auths": {}, }', "\xff"])
def test_a_docker_configuration_that_is_not_json_is_ignored(text: str, tmp_path: Path) -> None:
    """Docker ignores it, too."""
    write(tmp_path / ".docker/config.json", text.encode("latin-1"))
    check_docker_config(user_at(tmp_path))
    assert docker_endpoints(user_at(tmp_path)) == []


@pytest.mark.parametrize("host", ["unix://\0", "unix:///" + "a" * 200, "tcp://[", "nowhere://x"])
def test_an_invalid_address_is_unreachable(host: str, tmp_path: Path) -> None:
    context(tmp_path, "odd", host)
    (endpoint,) = docker_endpoints(user_at(tmp_path, DOCKER_CONTEXT="odd"))
    with pytest.raises(UnreachableError, match="no engine is listening at "):
        Client(endpoint, "docker")


def test_the_name_of_a_context_may_be_any_string(tmp_path: Path) -> None:
    """Even one that is not valid Unicode."""
    write(tmp_path / ".docker/config.json", b'{"currentContext": "\\ud800"}')
    with pytest.raises(UnreachableError, match="no such context"):
        docker_endpoints(user_at(tmp_path))
