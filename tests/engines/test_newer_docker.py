"""A newer Docker than the installed one, from a root filesystem.

`LAYERSCOPE_TEST_DOCKER_ROOT` names that folder: a root filesystem with `dockerd` and `containerd`, such as
`mmdebstrap --variant=minbase --include=docker.io,containerd,ca-certificates,iptables sid DIR` creates. The engine runs in its own
mount namespace; its images are in the folder of the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from layerscope.errors import LayerscopeError
from layerscope.image.platform import Platform
from layerscope.opening.open import open_image
from layerscope.sources import Request
from tests.engines.conftest import Daemon, Daemons, need, run
from tests.engines.sample import LAYERS, TAG, report_of
from tests.images import digest
from tests.sources.exchanges import SEVERAL, archives, layers_of

ROOT = os.environ.get("LAYERSCOPE_TEST_DOCKER_ROOT")
pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(ROOT is None, reason="LAYERSCOPE_TEST_DOCKER_ROOT is not set"),
]
_ENTER = """
set -e
mount --bind "$0" "$0"
for each in proc sys dev; do mount --rbind /$each "$0/$each"; done
mkdir -p "$0/mnt"
mount --bind "$1" "$0/mnt"
root=$0
shift
exec chroot "$root" dockerd "$@"
"""


@pytest.fixture(scope="session", params=["overlay2", "containerd"])
def newer(request: pytest.FixtureRequest, daemons: Daemons, archive: Path) -> Daemon:
    """A newer Docker with one of its stores, with the sample image and, in containerd's, one for two platforms."""
    need("unshare", "docker")
    folder = daemons.folder / f"n-{request.param}"
    folder.mkdir()
    host = f"unix://{folder}/docker.sock"
    containerd = request.param == "containerd"
    (folder / "daemon.json").write_text(
        json.dumps({"features": {"containerd-snapshotter": containerd}})
    )
    driver = [] if containerd else [f"--storage-driver={request.param}"]

    def ready() -> bool:
        asked = subprocess.run(["docker", "-H", host, "version"], capture_output=True, check=False)
        return asked.returncode == 0

    daemons.start(
        "unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, str(ROOT), folder,
        "--config-file=/mnt/daemon.json", "--iptables=false", "--ip6tables=false", "--bridge=none",
        "--ip-forward=false", "--ip-masq=false", "--group=root", "--data-root=/mnt/root",
        "--exec-root=/mnt/exec", "--pidfile=/mnt/pid", "-H", "unix:///mnt/docker.sock", *driver,
        ready=ready, name=f"newer-{request.param}",
    )  # fmt: skip
    run("docker", "-H", host, "load", "-q", "-i", archive)
    if containerd:
        several = folder / "several.tar"
        several.write_bytes(archives()[1])
        run("docker", "-H", host, "load", "-q", "-i", several)
    return Daemon(folder / "docker.sock", folder / "root")


@pytest.fixture
def engine(newer: Daemon, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """The newer Docker, named by DOCKER_HOST."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{newer.socket}")
    return newer


def keeps_blobs(daemon: Daemon) -> bool:
    """Whether it uses the containerd store."""
    return (daemon.root / "containerd" / "daemon" / "io.containerd.content.v1.content").exists()


def test_an_export_equals_the_saved_archive(engine: Daemon, archive: Path) -> None:
    """Through its API, and from its store."""
    expected = report_of(str(archive))
    assert report_of(f"docker://{TAG}") == expected
    scheme = "containerd" if keeps_blobs(engine) else "docker-store"
    assert report_of(f"{scheme}://{TAG}", engine.root) == expected


def test_each_platform_opens(engine: Daemon) -> None:
    """From the engine and from its store, which also lists the other one."""
    if not keeps_blobs(engine):
        pytest.skip("the classic store holds one platform of a name")
    for scheme, root in (("docker", None), ("containerd", engine.root)):
        for shown, other in (("amd64", "arm64"), ("arm64", "amd64")):
            platform = Platform("linux", shown)
            request = Request(f"{scheme}://{SEVERAL}", platform=platform, store_root=root)
            opened = open_image(request)
            built = [digest(layer) for layer in layers_of(shown)]
            assert [layer.diff_id for layer in opened.image.layers] == built
            others = [alternative.platform for alternative in opened.image.alternatives]
            if root is not None:
                assert others == [Platform("linux", other)]


def test_an_export_that_breaks_off_is_reported(engine: Daemon, tmp_path: Path) -> None:
    """A blob is missing, which the engine notices only after its answer has started."""
    if not keeps_blobs(engine):
        pytest.skip("the classic store keeps no blobs")
    folder = engine.root / "containerd/daemon/io.containerd.content.v1.content/blobs/sha256"
    layer = digest(layers_of("amd64")[0]).removeprefix("sha256:")
    (folder / layer).rename(tmp_path / layer)
    try:
        with pytest.raises(LayerscopeError, match=r"could not export the image: .*not found"):
            open_image(Request(f"docker://{SEVERAL}", platform=Platform("linux", "amd64")))
    finally:
        (tmp_path / layer).rename(folder / layer)


def test_an_unpacked_layer_without_its_blob_is_explained(engine: Daemon, archive: Path) -> None:
    """This happens after a pull of an image that shares layers with a loaded one; docker save lacks the layer, too."""
    if not keeps_blobs(engine):
        pytest.skip("the classic store packs layers again")
    need("ctr")
    address = engine.socket.parent / "exec" / "containerd" / "containerd.sock"
    run("ctr", "-a", address, "-n", "moby", "content", "rm", digest(LAYERS[1]))
    try:
        (damage,) = open_image(Request(f"docker://{TAG}")).damages()
        assert "is not in the engine's export: the engine has only the unpacked layer" in damage
    finally:
        run("docker", "-H", f"unix://{engine.socket}", "load", "-q", "-i", archive)
