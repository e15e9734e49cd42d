"""Debian's registry, filled by skopeo and buildah: open, with passwords, over TLS with a private authority, and as a mirror."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

import pytest

from layerscope.errors import UnreachableError, UsageError
from layerscope.layers.store import Store
from layerscope.opening.open import Options, open_image
from layerscope.report.schema import document
from layerscope.sources import Request, open_source
from layerscope.sources.registry import hosts
from layerscope.sources.registry.failures import RefusedError
from tests.engines.conftest import Daemons, need, run
from tests.engines.sample import LAYERS
from tests.images import oci_directory

pytestmark = pytest.mark.engine
NAME = "registry.test"
"""A name that is no loopback address, for tests of TLS."""
BCRYPT = "$2b$05$x8DTjoT4C4szu/v6elNAqePOpubRQJS7J1u.hhdXj8G9mRHpTMqji"
"""Of the password `s3cret`."""


def free_port() -> int:
    """A free port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def registry(daemons: Daemons, name: str, **more: object) -> str:
    """Start a registry; returns its address."""
    need("docker-registry", "skopeo")
    folder = daemons.folder / name
    folder.mkdir(parents=True)
    address = f"127.0.0.1:{free_port()}"
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address, **more.pop("http", {})},  # type: ignore[dict-item]
        "log": {"level": "warn"},
        **more,
    }
    config = folder / "config.yml"
    config.write_text(json.dumps(settings))  # JSON is YAML

    def ready() -> bool:
        with socket.socket() as connection:
            host, _, port = address.rpartition(":")
            return connection.connect_ex((host, int(port))) == 0

    daemons.start("docker-registry", "serve", config, ready=ready, name=name)
    return address


@pytest.fixture(scope="module")
def image(daemons: Daemons) -> Path:
    """An OCI layout with the sample's layers."""
    return oci_directory(daemons.folder / "layout", LAYERS)


@pytest.fixture(scope="module")
def open_registry(daemons: Daemons, image: Path) -> str:
    """A registry without passwords, with the image in several formats."""
    address = registry(daemons, "open")
    push(image, f"{address}/app:oci")
    push(image, f"{address}/app:schema2", "--format", "v2s2")
    push(
        image,
        f"{address}/app:zstd",
        "--dest-compress-format",
        "zstd",
    )
    return address


def push(image: Path, reference: str, *options: str, login: str = "") -> None:
    """Copy an image to a registry."""
    credentials = ["--dest-creds", login] if login else []
    run("skopeo", "copy", "-q", "--dest-tls-verify=false", *credentials, *options, f"oci:{image}", f"docker://{reference}")  # fmt: skip


@pytest.fixture(autouse=True)
def no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without logins; the machine's configuration is ignored."""
    home = tmp_path / "home"
    home.mkdir()
    nothing = tmp_path / "registries.conf"
    nothing.write_text("")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(nothing))
    for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hosts, "DAEMON_FILES", (str(tmp_path / "daemon.json"),))
    monkeypatch.setattr(hosts, "CERTIFICATES", (str(tmp_path / "certs.d"),))
    monkeypatch.setattr(hosts, "SYSTEM_CONFIGURATION", tmp_path / "containers")
    return home


def report(reference: str) -> dict[str, object]:
    """The JSON report of an image, without fields that depend on its source."""
    opened = open_image(Request(reference), Options(rules={}))
    found = document(opened, files=True)
    for key in ("reference", "tags", "source", "manifestDigest"):
        found["image"].pop(key)
    return found


@pytest.mark.parametrize("tag", ["oci", "schema2"])
def test_the_report_equals_that_of_the_pushed_image(
    open_registry: str, image: Path, tag: str
) -> None:
    """For each manifest format."""
    found, pushed = report(f"registry://{open_registry}/app:{tag}"), report(str(image))
    if tag == "schema2":
        for one in (found, pushed):
            for layer in one["layers"]:  # type: ignore[attr-defined]
                layer.pop("mediaType")
    assert found == pushed


def test_the_report_equals_that_of_skopeos_copy(open_registry: str, tmp_path: Path) -> None:
    """Even with another compression."""
    run("skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{open_registry}/app:zstd", f"oci:{tmp_path}/copy:1")  # fmt: skip
    assert report(f"registry://{open_registry}/app:zstd") == report(str(tmp_path / "copy"))


def test_an_image_that_buildah_built_and_pushed(open_registry: str, tmp_path: Path) -> None:
    """Its steps and stored bytes equal those of the saved image."""
    need("buildah")
    storage = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run"), "--storage-driver", "vfs"]  # fmt: skip
    (tmp_path / "Dockerfile").write_text(
        'FROM scratch\nENV A=1\nCOPY Dockerfile /etc/\nCMD ["/x"]\n'
    )
    run("buildah", *storage, "build", "--isolation", "chroot", "-q", "--layers", "-t", "built", tmp_path)  # fmt: skip
    run("buildah", *storage, "push", "-q", "--tls-verify=false", "built", f"docker://{open_registry}/built:1")  # fmt: skip
    run("buildah", *storage, "push", "-q", "built", f"oci-archive:{tmp_path}/built.tar")
    found = report(f"registry://{open_registry}/built:1")
    saved = report(str(tmp_path / "built.tar"))
    assert found["steps"] == saved["steps"]
    assert found["totals"]["storedBytes"] == saved["totals"]["storedBytes"]  # type: ignore[index]


def test_an_index_that_was_pushed(open_registry: str, image: Path, tmp_path: Path) -> None:
    """As Buildah writes it."""
    need("buildah")
    storage = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run"), "--storage-driver", "vfs"]  # fmt: skip
    run("buildah", *storage, "manifest", "create", "list")
    run("buildah", *storage, "manifest", "add", "--tls-verify=false", "list", f"docker://{open_registry}/app:oci")  # fmt: skip
    run("buildah", *storage, "manifest", "push", "--tls-verify=false", "--all", "list", f"docker://{open_registry}/app:list")  # fmt: skip
    assert report(f"registry://{open_registry}/app:list")["totals"] == report(str(image))["totals"]


@pytest.fixture(scope="module")
def closed_registry(daemons: Daemons, image: Path) -> str:
    """A registry with passwords (bcrypt, as htpasswd writes them)."""
    folder = daemons.folder / "passwords"
    folder.mkdir()
    (folder / "htpasswd").write_text(f"ann:{BCRYPT}\n")
    auth = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    address = registry(daemons, "closed", auth=auth)
    push(image, f"{address}/app:1", login="ann:s3cret")
    return address


def test_a_login_is_required(closed_registry: str, image: Path, no_configuration: Path) -> None:
    """It is refused without a login, and read with the one that skopeo stored."""
    reference = f"registry://{closed_registry}/app:1"
    with pytest.raises(RefusedError) as caught:
        open_source(Request(reference))
    assert caught.value.exit_code == 3
    file = no_configuration / ".config/containers/auth.json"
    file.parent.mkdir(parents=True)
    run("skopeo", "login", "--tls-verify=false", "--authfile", file, "-u", "ann", "-p", "s3cret", closed_registry)  # fmt: skip
    assert report(reference) == report(str(image))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and a certificate of it for `NAME`."""
    need("openssl")
    folder = tmp_path_factory.mktemp("tls")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tests",
        "-keyout", folder / "ca.key", "-out", folder / "ca.crt")  # fmt: skip
    run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={NAME}",
        "-keyout", folder / "own.key", "-out", folder / "own.csr")  # fmt: skip
    (folder / "san").write_text(f"subjectAltName=DNS:{NAME}")
    run("openssl", "x509", "-req", "-days", "2", "-in", folder / "own.csr", "-CA", folder / "ca.crt", "-CAkey",
        folder / "ca.key", "-CAcreateserial", "-extfile", folder / "san", "-out", folder / "own.crt")  # fmt: skip
    return folder


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolves `NAME` to this machine."""
    look_up: Callable[..., object] = socket.getaddrinfo

    def answer(host: object, *more: object, **named: object) -> object:
        return look_up("127.0.0.1" if host == NAME else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def test_a_private_authority(
    daemons: Daemons, image: Path, certificates: Path, named: None, tmp_path: Path
) -> None:
    """It is trusted if the engines would trust it; otherwise the hint says what to do."""
    tls = {"certificate": str(certificates / "own.crt"), "key": str(certificates / "own.key")}
    address = registry(daemons, "tls", http={"tls": tls})
    push(image, f"{address}/app:1")
    host = f"{NAME}:{address.rpartition(':')[2]}"
    with pytest.raises(UnreachableError, match="its certificate is not trusted") as caught:
        open_source(Request(f"registry://{host}/app:1"))
    assert f"certs.d/{host}/ca.crt" in str(caught.value.hint)
    folder = tmp_path / "certs.d" / host
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_bytes((certificates / "ca.crt").read_bytes())
    assert report(f"registry://{host}/app:1") == report(str(image))


def test_insecure_registries(
    daemons: Daemons,
    image: Path,
    certificates: Path,
    named: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the configuration of Docker and of Podman: with an untrusted certificate, and without TLS."""
    tls = {"certificate": str(certificates / "own.crt"), "key": str(certificates / "own.key")}
    for name, more in (("untrusted", {"tls": tls}), ("plain", {})):
        address = registry(daemons, name, http=more)
        push(image, f"{address}/app:1")
        host = f"{NAME}:{address.rpartition(':')[2]}"
        reference = f"registry://{host}/app:1"
        with pytest.raises(UnreachableError):
            open_source(Request(reference))
        (tmp_path / "daemon.json").write_text(json.dumps({"insecure-registries": [host]}))
        assert open_source(Request(reference)).image.layers
        (tmp_path / "daemon.json").unlink()
        conf = tmp_path / "insecure.conf"
        conf.write_text(f'[[registry]]\nlocation = "{host}"\ninsecure = true\n')
        with monkeypatch.context() as patched:
            patched.setenv("CONTAINERS_REGISTRIES_CONF", str(conf))
            assert open_source(Request(reference)).image.layers


def test_a_pull_through_mirror(daemons: Daemons, open_registry: str, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """It is asked first, and skipped if it is not reachable."""
    mirror = registry(daemons, "mirror", proxy={"remoteurl": f"http://{open_registry}"})
    conf = tmp_path / "mirrors.conf"
    text = f'[[registry]]\nprefix = "example.test"\nlocation = "{open_registry}"\n[[registry.mirror]]\nlocation = "MIRROR"\n'
    conf.write_text(text.replace("MIRROR", mirror))
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(conf))
    assert report("registry://example.test/app:oci") == report(str(image))
    log = (daemons.folder / "mirror.log").read_text()
    assert "GET /v2/app/manifests/oci" in log
    conf.write_text(text.replace("MIRROR", f"127.0.0.1:{free_port()}"))
    assert report("registry://example.test/app:oci") == report(str(image))
    conf.write_text('[[registry]]\nprefix = "example.test"\nblocked = true\n')
    with pytest.raises(UsageError, match="is blocked"):
        open_source(Request("registry://example.test/app:oci"))


def test_a_cached_layer_is_not_fetched(open_registry: str, image: Path, tmp_path: Path) -> None:
    """The index of a layer from another image, read from a file, is used."""
    cache = Store(tmp_path / "cache")
    open_image(Request(str(image)), Options(cache=cache, rules={}))
    found = open_image(
        Request(f"registry://{open_registry}/app:oci", cache=cache), Options(cache=cache, rules={})
    )
    assert all(found.verified(number) for number in range(len(LAYERS)))
    assert all(not blob._streamed for blob in map(attrgetter("blob"), found.contents))
