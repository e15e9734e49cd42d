"""Debian's registry, filled by skopeo and buildah: open, with passwords, over TLS with an authority of its own, and a mirror."""

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
from tests.engines.conftest import Keeper, need, run
from tests.engines.sample import LAYERS
from tests.images import oci_directory

pytestmark = pytest.mark.engine
NAME = "registry.test"
"""A name that is no loopback address, for tests of TLS."""
BCRYPT = "$2b$05$x8DTjoT4C4szu/v6elNAqePOpubRQJS7J1u.hhdXj8G9mRHpTMqji"
"""Of the password `s3cret`."""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def registry(keeper: Keeper, name: str, **more: object) -> str:
    """Start a registry; returns its address."""
    need("docker-registry", "skopeo")
    folder = keeper.folder / name
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
        with socket.socket() as asking:
            host, _, port = address.rpartition(":")
            return asking.connect_ex((host, int(port))) == 0

    keeper.start("docker-registry", "serve", config, ready=ready, name=name)
    return address


@pytest.fixture(scope="module")
def image(keeper: Keeper) -> Path:
    """An OCI layout with the sample's layers."""
    return oci_directory(keeper.folder / "layout", LAYERS)


@pytest.fixture(scope="module")
def open_registry(keeper: Keeper, image: Path) -> str:
    """A registry that anybody may read, with the image in several shapes."""
    address = registry(keeper, "open")
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
    given = ["--dest-creds", login] if login else []
    run("skopeo", "copy", "-q", "--dest-tls-verify=false", *given, *options, f"oci:{image}", f"docker://{reference}")  # fmt: skip


@pytest.fixture(autouse=True)
def no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without logins, and no configuration of the machine."""
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
    """The JSON report of an image, without what names its place."""
    opened = open_image(Request(reference), Options(rules={}))
    found = document(opened, files=True)
    for key in ("reference", "tags", "source", "manifestDigest"):
        found["image"].pop(key)
    return found


@pytest.mark.parametrize("tag", ["oci", "schema2"])
def test_equals_the_image_that_was_pushed(open_registry: str, image: Path, tag: str) -> None:
    """All figures, whatever the manifest is."""
    found, pushed = report(f"registry://{open_registry}/app:{tag}"), report(str(image))
    if tag == "schema2":
        for one in (found, pushed):
            for layer in one["layers"]:  # type: ignore[attr-defined]
                layer.pop("mediaType")
    assert found == pushed


def test_equals_what_skopeo_fetches(open_registry: str, tmp_path: Path) -> None:
    """Also where the registry holds another compression."""
    run("skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{open_registry}/app:zstd", f"oci:{tmp_path}/copy:1")  # fmt: skip
    assert report(f"registry://{open_registry}/app:zstd") == report(str(tmp_path / "copy"))


def test_an_image_that_buildah_built_and_pushed(open_registry: str, tmp_path: Path) -> None:
    """With its history."""
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
def closed_registry(keeper: Keeper, image: Path) -> str:
    """A registry with passwords (bcrypt, as htpasswd writes them)."""
    folder = keeper.folder / "passwords"
    folder.mkdir()
    (folder / "htpasswd").write_text(f"ann:{BCRYPT}\n")
    auth = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    address = registry(keeper, "closed", auth=auth)
    push(image, f"{address}/app:1", login="ann:s3cret")
    return address


def test_passwords(closed_registry: str, image: Path, no_configuration: Path) -> None:
    """Refused without, read with the login that skopeo stored."""
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
    """`NAME` is on this machine."""
    look_up: Callable[..., object] = socket.getaddrinfo

    def answer(host: object, *more: object, **named: object) -> object:
        return look_up("127.0.0.1" if host == NAME else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def test_an_authority_of_its_own(
    keeper: Keeper, image: Path, certificates: Path, named: None, tmp_path: Path
) -> None:
    """Trusted where the engines would trust it; refused, with what to do, where not."""
    tls = {"certificate": str(certificates / "own.crt"), "key": str(certificates / "own.key")}
    address = registry(keeper, "tls", http={"tls": tls})
    push(image, f"{address}/app:1")
    host = f"{NAME}:{address.rpartition(':')[2]}"
    with pytest.raises(UnreachableError, match="its certificate is not trusted") as caught:
        open_source(Request(f"registry://{host}/app:1"))
    assert f"certs.d/{host}/ca.crt" in str(caught.value.hint)
    own = tmp_path / "certs.d" / host
    own.mkdir(parents=True)
    (own / "ca.crt").write_bytes((certificates / "ca.crt").read_bytes())
    assert report(f"registry://{host}/app:1") == report(str(image))


def test_insecure_registries(
    keeper: Keeper,
    image: Path,
    certificates: Path,
    named: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By Docker's and by Podman's configuration: with a certificate of nobody, and without TLS."""
    tls = {"certificate": str(certificates / "own.crt"), "key": str(certificates / "own.key")}
    for name, more in (("untrusted", {"tls": tls}), ("plain", {})):
        address = registry(keeper, name, http=more)
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


def test_a_mirror_that_only_reads(keeper: Keeper, open_registry: str, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """A pull-through cache is asked first, and left out when it is gone."""
    mirror = registry(keeper, "mirror", proxy={"remoteurl": f"http://{open_registry}"})
    conf = tmp_path / "mirrors.conf"
    text = f'[[registry]]\nprefix = "example.test"\nlocation = "{open_registry}"\n[[registry.mirror]]\nlocation = "MIRROR"\n'
    conf.write_text(text.replace("MIRROR", mirror))
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(conf))
    assert report("registry://example.test/app:oci") == report(str(image))
    log = (keeper.folder / "mirror.log").read_text()
    assert "GET /v2/app/manifests/oci" in log
    conf.write_text(text.replace("MIRROR", f"127.0.0.1:{free_port()}"))
    assert report("registry://example.test/app:oci") == report(str(image))
    conf.write_text('[[registry]]\nprefix = "example.test"\nblocked = true\n')
    with pytest.raises(UsageError, match="is blocked"):
        open_source(Request("registry://example.test/app:oci"))


def test_a_base_that_is_known_is_not_fetched(
    open_registry: str, image: Path, tmp_path: Path
) -> None:
    """The index of a layer that came with another image, from a file, serves."""
    cache = Store(tmp_path / "cache")
    open_image(Request(str(image)), Options(cache=cache, rules={}))
    found = open_image(
        Request(f"registry://{open_registry}/app:oci", cache=cache), Options(cache=cache, rules={})
    )
    assert all(found.verified(number) for number in range(len(LAYERS)))
    assert all(not blob._streamed for blob in map(attrgetter("blob"), found.contents))
