"""Locations of stores: reported by engines, from the command line of a socket's process, and the usual ones."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from layerscope.errors import UnreachableError
from layerscope.limits import Limits
from layerscope.opening.open import open_image
from layerscope.sources import Request, containerd_roots, docker_store, endpoints, open_source
from layerscope.sources.containerd_roots import process_root, roots
from layerscope.sources.engine_roots import reported_roots
from layerscope.sources.listing import list_images
from tests.images import write
from tests.sources.fake_engine import FakeEngine, serving
from tests.sources.image_files import LAYERS, Layout, dump
from tests.sources.stores import docker_store as store_of
from tests.sources.test_containerd import NAME
from tests.sources.test_containerd import store as containerd_store

CONTAINERD_DRIVER = [["driver-type", "io.containerd.snapshotter.v1"]]


@pytest.fixture(autouse=True)
def _no_usual_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may have stores."""
    monkeypatch.setattr(docker_store, "ROOTFUL", tmp_path / "usual-docker")
    monkeypatch.setattr(docker_store, "ROOTFUL_CONF", tmp_path / "daemon.json")
    monkeypatch.setattr(containerd_roots, "ROOTFUL", tmp_path / "usual-containerd")
    monkeypatch.setattr(containerd_roots, "K3S", tmp_path / "k3s")
    monkeypatch.setattr(containerd_roots, "CONFIG", tmp_path / "config.toml")
    monkeypatch.setattr(containerd_roots, "ADDRESS", str(tmp_path / "usual.sock"))
    monkeypatch.setattr(endpoints, "DOCKER_SOCKET", str(tmp_path / "usual-docker.sock"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """An engine of this machine that DOCKER_HOST names, and that has its data in `reported`."""
    with tempfile.TemporaryDirectory(prefix="ls-") as folder, serving(Path(folder) / "s") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        engine.info = {
            "DockerRootDir": str(tmp_path / "reported"), "Name": socket.gethostname(),
        }  # fmt: skip
        yield engine


def content_store(root: Path) -> Path:
    """A store of containerd with one image."""
    layout = Layout()
    return containerd_store(root, layout, {"default": {NAME: layout.manifest(LAYERS)}})


class TestDocker:
    """Docker's own store."""

    def test_the_engine_reports_its_folder(self, tmp_path: Path, engine: FakeEngine) -> None:
        """No other folder is searched if the user named the engine."""
        store_of(tmp_path / "usual-docker", LAYERS, names=["other:1"])
        store_of(tmp_path / "reported", LAYERS)
        opened = open_image(Request("docker-store://demo"))
        assert opened.image.location == str(tmp_path / "reported")
        answers = {answer.source.name: answer for answer in list_images(Request(""))}
        (image,) = answers["docker-store"].images
        assert image.location == str(tmp_path / "reported")
        engine.info["DockerRootDir"] = str(tmp_path / "gone")
        with pytest.raises(UnreachableError) as caught:
            open_source(Request("docker-store://other"))
        assert (
            f"no classic Docker store found in {tmp_path}/gone ({engine.url}, DOCKER_HOST)"
            in str(caught.value)
        )
        assert "--store-root" in str(caught.value.hint)

    def test_a_context_counts_like_a_variable(
        self, tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A context of the Docker command line."""
        monkeypatch.delenv("DOCKER_HOST")
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "d"))
        monkeypatch.setenv("DOCKER_CONTEXT", "mine")
        digest = hashlib.sha256(b"mine").hexdigest()
        meta = {"Name": "mine", "Endpoints": {"docker": {"Host": engine.url}}}
        write(tmp_path / f"d/contexts/meta/{digest}/meta.json", dump(meta))
        store_of(tmp_path / "reported", LAYERS)
        assert open_image(Request("docker-store://demo")).image.location == str(tmp_path / "reported")  # fmt: skip

    @pytest.mark.parametrize("elsewhere", [True, False])
    def test_usual_folders_are_searched_without_a_choice(
        self, tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
    ) -> None:
        """Also if the engine is in a virtual machine, whose folders are elsewhere."""
        if elsewhere:
            engine.info["Name"] = "a-virtual-machine"
        else:
            monkeypatch.delenv("DOCKER_HOST")
            (tmp_path / "usual-docker.sock").symlink_to(engine.url.removeprefix("unix://"))
        store_of(tmp_path / "usual-docker", LAYERS)
        assert open_image(Request("docker-store://demo")).image.location == str(tmp_path / "usual-docker")  # fmt: skip
        with pytest.raises(UnreachableError) as caught:
            open_source(Request("containerd://demo"))
        for folder in ("reported/containerd/daemon", "usual-docker/containerd/daemon", "usual-containerd", "k3s"):  # fmt: skip
            assert str(tmp_path / folder) in str(caught.value)

    @pytest.mark.parametrize(
        "url", ["tcp://127.0.0.1:1", "ssh://far", "unix:///nonexistent/docker.sock"]
    )
    def test_remote_engines_are_not_asked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        """The store of this machine is read without them."""
        if "unix" not in url:
            monkeypatch.setattr("layerscope.sources.engine_roots.Client", None)
        monkeypatch.setenv("DOCKER_HOST", url)
        store_of(tmp_path / "usual-docker", LAYERS)
        assert open_image(Request("docker-store://demo")).image.tags == ("demo:latest",)

    def test_an_engine_with_containerds_store_says_so(
        self, tmp_path: Path, engine: FakeEngine
    ) -> None:
        """The hint names containerd://, which finds its images."""
        engine.info["DriverStatus"] = CONTAINERD_DRIVER
        content_store(tmp_path / "reported/containerd/daemon")
        with pytest.raises(UnreachableError, match="no classic Docker store") as caught:
            open_source(Request("docker-store://demo"))
        assert "containerd://" in str(caught.value.hint)
        opened = open_image(Request("containerd://demo"))
        assert opened.image.location == str(tmp_path / "reported/containerd/daemon")

    @pytest.mark.parametrize(
        "info",
        [
            {}, {"DockerRootDir": 3}, {"DockerRootDir": "here"}, {"DockerRootDir": ""}, {"DockerRootDir": "/a\0b"},
            {"DockerRootDir": None, "DriverStatus": [1]},
        ],
    )  # fmt: skip
    def test_an_invalid_folder_is_ignored(
        self, engine: FakeEngine, info: dict[str, object]
    ) -> None:
        engine.info = info
        assert list(reported_roots(Limits())) == []

    def test_a_folder_that_may_not_be_read_is_named(
        self, tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The hint says what to do."""

        scan = os.scandir

        def forbidden(path: Path) -> object:
            if path == tmp_path / "reported":
                raise PermissionError(13, "Permission denied", str(path))
            return scan(path)

        assert engine.info
        monkeypatch.setattr("layerscope.sources.store_files.os.scandir", forbidden)
        with pytest.raises(UnreachableError, match="reported: permission denied") as caught:
            open_source(Request("docker-store://demo"))
        assert "sudo" in str(caught.value.hint)


LISTEN = """
import socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts a process that listens on a socket; returns the socket's address."""
    folder = tempfile.TemporaryDirectory(prefix="ls-")
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object, program: str = "containerd") -> str:
        address = f"{folder.name}/{len(running)}"
        script = write(Path(folder.name) / "listen.py", LISTEN.encode())
        process = subprocess.Popen(
            [f"/usr/bin/{program}", script, address, *map(str, arguments)],
            executable=sys.executable, env={"PYTHONHOME": sys.base_prefix}, cwd=tmp_path,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return address

    yield start
    for process in running:
        process.communicate()
    folder.cleanup()


class TestContainerd:
    """The process that listens on the socket leads to the data folder."""

    @pytest.mark.parametrize(
        ("arguments", "folder"),
        [
            (["--root", "/a/b"], "/a/b"),
            (["--root=/a/b", "--state", "/c"], "/a/b"),
            (["-root", "/a/b", "--address", "/s"], "/a/b"),
            (["--root", "below"], "{}/below"),
            (["--config", "{}/own.toml"], "/from/own"),
            (["--config={}/own.toml", "--root", "/a"], "/a"),
            (["--config", "own.toml"], "/from/own"),
            (["--config", "{}/imports.toml"], "/from/own"),
            (["--config", "{}/no-root.toml"], "{}/usual-containerd"),
            (["--config", "{}/gone.toml"], "{}/usual-containerd"),
            (["--config", "{}/broken.toml"], "{}/usual-containerd"),
        ],
    )
    def test_the_folder_comes_from_command_line_or_configuration(
        self,
        tmp_path: Path,
        listening: Callable[..., str],
        arguments: list[str],
        folder: str,
    ) -> None:
        """Flags are parsed as in Go."""
        write(tmp_path / "own.toml", b'version = 2\nroot = "/from/own"\n')
        write(tmp_path / "imports.toml", b'root = "/x"\nimports = ["gone.toml", "ow*.toml"]\n')
        write(tmp_path / "no-root.toml", b'root = ""\nimports = ["no-root.toml"]\n')
        write(tmp_path / "broken.toml", b"root = ")
        address = listening(*(word.format(tmp_path) for word in arguments))
        expected = Path(folder.format(tmp_path))
        assert process_root(address) == expected
        found = roots(None, {"CONTAINERD_ADDRESS": f"unix://{address}"})
        assert (found.paths, found.note) == ([expected], None)

    def test_the_default_configuration_is_read_without_flags(
        self, tmp_path: Path, listening: Callable[..., str]
    ) -> None:
        address = listening("--log-level", "info")
        assert process_root(address) == tmp_path / "usual-containerd"
        write(tmp_path / "config.toml", b'root = "/from/default"\n')
        assert process_root(address) == Path("/from/default")

    def test_an_image_is_found_by_the_address(
        self, tmp_path: Path, listening: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No other folder is searched."""
        content_store(tmp_path / "usual-containerd")
        monkeypatch.setenv("CONTAINERD_ADDRESS", listening("--root", content_store(tmp_path / "x")))
        assert open_image(Request("containerd://demo")).image.location == str(tmp_path / "x")
        monkeypatch.setenv("CONTAINERD_ADDRESS", listening("--root", tmp_path / "nothing"))
        with pytest.raises(UnreachableError, match=f"no containerd store found in {tmp_path}/nothing$") as caught:  # fmt: skip
            open_source(Request("containerd://demo"))
        assert "--store-root" in str(caught.value.hint)

    def test_well_known_sockets_belong_to_well_known_folders(self, tmp_path: Path) -> None:
        """Even if nothing listens there."""
        config = b'root = "/from/default"\n[grpc]\naddress = "/my/containerd.sock"\n'
        write(tmp_path / "config.toml", config)
        known = {
            "/run/k3s/containerd/containerd.sock": tmp_path / "k3s",
            "/var/run/docker/containerd/containerd.sock": tmp_path
            / "usual-docker/containerd/daemon",
            str(tmp_path / "usual.sock"): Path("/from/default"),
            "/my/containerd.sock": Path("/from/default"),
        }
        found = {address: roots(None, {"CONTAINERD_ADDRESS": address}).paths for address in known}
        assert found == {address: [folder] for address, folder in known.items()}

    @pytest.mark.parametrize("kind", ["nothing", "another program", "no socket"])
    def test_an_unknown_folder_is_reported(
        self,
        tmp_path: Path,
        listening: Callable[..., str],
        monkeypatch: pytest.MonkeyPatch,
        kind: str,
    ) -> None:
        """The error lists the folders that were searched, and the hint names --store-root."""
        address = {
            "nothing": lambda: f"{tmp_path}/gone.sock",
            "another program": lambda: listening("--root", "/x", program="socat"),
            "no socket": lambda: str(write(tmp_path / "file", b"")),
        }[kind]()
        monkeypatch.setenv("CONTAINERD_ADDRESS", address)
        with pytest.raises(UnreachableError) as caught:
            open_source(Request("containerd://demo"))
        assert f"CONTAINERD_ADDRESS is {address}: " in str(caught.value)
        assert f"no containerd store found in {tmp_path}/usual-docker/containerd/daemon, " in str(
            caught.value
        )
        assert str(tmp_path / "usual-containerd") in str(caught.value)
        assert "--store-root" in str(caught.value.hint)

    def test_docker_reports_the_address_of_its_containerd(
        self, tmp_path: Path, engine: FakeEngine, listening: Callable[..., str]
    ) -> None:
        """It is not always Docker's own."""
        engine.info["DriverStatus"] = CONTAINERD_DRIVER
        engine.info["Containerd"] = {"Address": listening("--root", content_store(tmp_path / "x"))}
        assert open_image(Request("containerd://demo")).image.location == str(tmp_path / "x")


def test_store_root_overrides_everything(tmp_path: Path, engine: FakeEngine) -> None:
    """No engine is asked."""
    store_of(tmp_path / "mine", LAYERS)
    opened = open_image(Request("docker-store://demo", store_root=tmp_path / "mine"))
    assert opened.image.location == os.fspath(tmp_path / "mine")
    assert engine.asked == []
