"""`--pull` with real engines and a real registry on this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from layerscope.errors import ImageNotFoundError, LayerscopeError, UnreachableError
from layerscope.image.platform import Platform
from layerscope.opening.open import open_image
from layerscope.sources import Request, open_source
from tests.engines.conftest import Daemon, Daemons, need, run
from tests.engines.sample import report_of
from tests.images import digest
from tests.sources.exchanges import archives, layers_of

pytestmark = pytest.mark.engine


@pytest.fixture(scope="session")
def registry(daemons: Daemons, archive: Path, registry_address: str) -> str:
    """The address of a registry with the sample image and one for two platforms."""
    need("docker-registry", "skopeo")
    config = daemons.folder / "registry.yml"
    config.write_text(
        json.dumps(
            {
                "version": 0.1,
                "log": {"level": "error"},
                "storage": {"filesystem": {"rootdirectory": str(daemons.folder / "registry")}},
                "http": {"addr": registry_address},
            }
        )
    )
    host, _, port = registry_address.partition(":")

    def ready() -> bool:
        asked = subprocess.run(
            ["bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}"], capture_output=True, check=False
        )
        return asked.returncode == 0

    daemons.start("docker-registry", "serve", config, ready=ready, name="registry")
    several = daemons.folder / "several.tar"
    several.write_bytes(archives()[1])
    copy = ("skopeo", "copy", "-q", "--all", "--insecure-policy", "--dest-tls-verify=false")
    run(*copy, f"docker-archive:{archive}", f"docker://{registry_address}/flask:latest")
    run(*copy, f"oci-archive:{several}", f"docker://{registry_address}/several:1")
    return registry_address


@pytest.fixture(params=["docker", "podman"])
def puller(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    registry_address: str,
) -> Iterator[str]:
    """The scheme of the only reachable engine; pulled images are removed afterwards."""
    docker = request.param == "docker"
    daemon: Daemon = request.getfixturevalue("docker_engine" if docker else "podman_service")
    ours, other = ("DOCKER_HOST", "CONTAINER_HOST")[:: 1 if docker else -1]
    monkeypatch.setenv(other, f"unix://{tmp_path}/none")
    monkeypatch.setenv(ours, f"unix://{daemon.socket}")
    yield str(request.param)
    host = f"unix://{daemon.socket}"
    names = [f"{registry_address}/{name}" for name in ("flask:latest", "several:1")]
    subprocess.run(
        ["docker", "-H", host, "rmi", "-f", *names], capture_output=True, check=False, timeout=60
    )


def test_a_name_is_pulled_and_opened(puller: str, registry: str, archive: Path) -> None:
    """By the reachable engine, and only with `pull`."""
    with pytest.raises(ImageNotFoundError, match="image not found locally"):
        open_source(Request(f"{registry}/flask"))
    opened = open_image(Request(f"{registry}/flask", pull=True))
    assert opened.image.source_kind == puller
    assert f"{registry}/flask:latest" in opened.image.tags
    assert report_of(f"{registry}/flask") == report_of(str(archive))


def test_another_platform_is_pulled(puller: str, registry: str) -> None:
    arm = Platform.parse("linux/arm64")
    opened = open_image(Request(f"{puller}://{registry}/several:1", pull=True, platform=arm))
    assert opened.image.platform == arm
    built = [digest(layer) for layer in layers_of("arm64")]
    assert [layer.diff_id for layer in opened.image.layers] == built


@pytest.mark.parametrize(
    ("name", "platform", "problem"),
    [
        ("nosuch", None, "could not pull it"),
        ("several:1", "linux/s390x", "s390x"),
        ("A B", None, "invalid reference format"),
    ],
)
def test_a_failed_pull_is_reported(
    puller: str, registry: str, name: str, platform: str | None, problem: str
) -> None:
    """In one line with the engine's message; the exit code is 3."""
    wanted = None if platform is None else Platform.parse(platform)
    request = Request(f"{puller}://{registry}/{name}", pull=True, platform=wanted)
    with pytest.raises(LayerscopeError, match=problem) as caught:
        open_source(request)
    assert caught.value.exit_code == 3
    assert "\n" not in caught.value.message


def test_an_unreachable_registry_is_reported(puller: str) -> None:
    """The error is that of the engine."""
    with pytest.raises(LayerscopeError, match="refused") as caught:
        open_source(Request(f"{puller}://127.0.0.1:1/flask", pull=True))
    assert caught.value.exit_code == 3


def test_a_pull_without_an_engine_is_an_error(
    registry: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error lists the engines tried, the hint what to start."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(UnreachableError, match=r"docker: .*; podman: ") as caught:
        open_source(Request(f"{registry}/flask", pull=True))
    assert "start Docker" in str(caught.value.hint)
