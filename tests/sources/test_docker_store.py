"""Docker's classic store (moby, daemon/internal)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from layerscope.errors import ImageNotFoundError, LayerscopeError, UnreachableError
from layerscope.opening.open import Opened, open_image
from layerscope.sources import Request, docker_store
from tests.images import write
from tests.sources.image_files import BASE, LAYERS, NAMES, dump, layers_of
from tests.sources.stores import docker_store as store_of


def open_stored(root: Path, reference: str = "demo") -> Opened:
    """Open an image of a store by its scheme."""
    return open_image(Request(f"docker-store://{reference}", store_root=root))


@pytest.mark.parametrize("driver", ["overlay2", "vfs", "fuse-overlayfs"])
@pytest.mark.parametrize("reference", ["demo", "docker.io/library/demo:latest", "ID"])
def test_an_image_opens_by_its_names(tmp_path: Path, driver: str, reference: str) -> None:
    """With each driver."""
    image_id = store_of(tmp_path, LAYERS, driver=driver)
    opened = open_stored(tmp_path, reference.replace("ID", image_id[:8]))
    assert layers_of(opened) == NAMES
    assert opened.image.id == f"sha256:{image_id}"
    assert opened.image.tags == ("demo:latest",)
    assert opened.image.source_kind == "docker-store"
    assert opened.image.location == str(tmp_path)
    assert [opened.verified(number) for number in range(2)] == [True, True]


def test_a_layer_listed_twice_is_stored_twice(tmp_path: Path) -> None:
    """The chain IDs differ, but the second layer is recognised as a repeat."""
    store_of(tmp_path, [BASE, BASE])
    assert open_stored(tmp_path).image.layers[1].repeat_of == 0


def test_an_unknown_driver_shows_all_but_contents(tmp_path: Path) -> None:
    """Headers are stored independently of the driver."""
    store_of(tmp_path, LAYERS, driver="devicemapper")
    opened = open_stored(tmp_path)
    assert layers_of(opened) == NAMES
    assert {warning.code for warning in opened.warnings} == {"contents-unreadable"}


def test_a_lost_layer_is_reported(tmp_path: Path) -> None:
    store_of(tmp_path, LAYERS)
    for folder in (tmp_path / "image/overlay2/layerdb/sha256").iterdir():
        shutil.rmtree(folder)
    with pytest.raises(LayerscopeError, match="is missing from the store"):
        open_stored(tmp_path)


def test_a_cache_id_never_leads_out_of_the_store(tmp_path: Path) -> None:
    store_of(tmp_path, [BASE])
    (folder,) = (tmp_path / "image/overlay2/layerdb/sha256").iterdir()
    (folder / "cache-id").write_bytes(b"../../../etc")
    with pytest.raises(LayerscopeError, match="has no cache ID"):
        open_stored(tmp_path)


def test_missing_and_unreachable_stores_are_distinguished(tmp_path: Path) -> None:
    """A store without the image suggests names."""
    store_of(tmp_path, LAYERS, names=["flask:3"])
    with pytest.raises(ImageNotFoundError) as missing:
        open_stored(tmp_path, "flask")
    assert missing.value.hint == "did you mean flask:3?"
    with pytest.raises(UnreachableError):
        open_stored(tmp_path / "nothing")
    with pytest.raises(UnreachableError, match="classic"):
        open_stored(write(tmp_path / "other" / "file", b"").parent)


def test_the_data_folder_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """daemon.json names it; for users other than root, the rootless engine's comes first."""
    conf = write(tmp_path / "daemon.json", dump({"data-root": "/big/docker"}))
    monkeypatch.setattr(docker_store, "ROOTFUL_CONF", conf)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert docker_store.roots({}) == [Path("/big/docker")]
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": "/data"}
    assert docker_store.roots(environment) == [Path("/data/docker"), Path("/big/docker")]
    conf.write_bytes(b"{")
    assert docker_store.roots(environment)[1] == Path("/var/lib/docker")
