"""containerd's content store (containerd, core/metadata and plugins/content/local)."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.errors import (
    ImageNotFoundError,
    LayerscopeError,
    UnreachableError,
)
from layerscope.opening.open import Opened, open_image
from layerscope.sources import Request
from tests.images import digest, write
from tests.sources.bolt_file import BoltFile, Values
from tests.sources.image_files import LAYERS, NAMES, Layout, dump, layers_of, runs_on

NAME = "docker.io/library/demo:latest"


def store(root: Path, layout: Layout, images: dict[str, dict[str, dict[str, object]]]) -> Path:
    """A store with the blobs of a layout, and images by namespace and name."""
    content = root / "io.containerd.content.v1.content"
    content.mkdir(parents=True)
    for name, data in layout.files.items():
        write(content / name, data)
    namespaces: Values = {
        namespace.encode(): {
            b"images": {
                name.encode(): {
                    b"target": {
                        b"digest": str(descriptor["digest"]).encode(),
                        b"mediatype": str(descriptor["mediaType"]).encode(),
                    }
                }
                for name, descriptor in named.items()
            }
        }
        for namespace, named in images.items()
    }
    write(root / "io.containerd.metadata.v1.bolt/meta.db", BoltFile({b"v1": namespaces}).data)
    return root


def open_stored(root: Path, reference: str = "demo", **how: object) -> Opened:
    """Open an image of a store by its scheme."""
    return open_image(Request(f"containerd://{reference}", store_root=root, **how))  # type: ignore[arg-type]  # a test's own


@pytest.mark.parametrize("reference", ["demo", NAME, "TARGET", "ID"])
def test_an_image_opens_by_its_names(tmp_path: Path, reference: str) -> None:
    """It has all of its names in the namespace."""
    layout = Layout()
    image = layout.manifest(LAYERS)
    store(tmp_path, layout, {"moby": {NAME: image, "docker.io/library/demo:2": image}})
    target = str(image["digest"])
    opened = open_stored(tmp_path, reference.replace("TARGET", target).replace("ID", target[7:20]))
    assert layers_of(opened) == NAMES
    assert sorted(opened.image.tags) == ["docker.io/library/demo:2", NAME]
    assert opened.image.manifest_digest == target
    assert (opened.image.source_kind, opened.image.location) == ("containerd", str(tmp_path))


def test_the_store_inside_dockers_data_folder_is_found(tmp_path: Path) -> None:
    layout = Layout()
    store(tmp_path / "containerd/daemon", layout, {"moby": {NAME: layout.manifest(LAYERS)}})
    assert layers_of(open_stored(tmp_path)) == NAMES


def test_namespaces_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's is first; CONTAINERD_NAMESPACE limits the search to one."""
    layout = Layout()
    first, other = layout.manifest(LAYERS), layout.manifest(LAYERS[:1])
    store(tmp_path, layout, {"aaa": {NAME: other}, "moby": {NAME: first}, "k8s.io": {}})
    assert len(open_stored(tmp_path).indexes) == 2
    monkeypatch.setenv("CONTAINERD_NAMESPACE", "aaa")
    assert len(open_stored(tmp_path).indexes) == 1
    monkeypatch.setenv("CONTAINERD_NAMESPACE", "nothing")
    with pytest.raises(ImageNotFoundError):
        open_stored(tmp_path)


def test_platforms_that_are_stored_can_be_chosen(tmp_path: Path) -> None:
    layout = Layout()
    platforms = ["linux/amd64", "linux/arm64"]
    manifests = [
        layout.manifest(LAYERS[: number + 1], **runs_on(platform))
        for number, platform in enumerate(platforms)
    ]
    store(tmp_path, layout, {"default": {NAME: layout.index(manifests)}})
    opened = open_stored(tmp_path)
    assert (
        len({opened.image.platform, *(other.platform for other in opened.image.alternatives)}) == 2
    )


def test_missing_blobs_are_explained(tmp_path: Path) -> None:
    """containerd may drop layers once they are unpacked."""
    layout = Layout()
    image = layout.manifest(LAYERS)
    del layout.files["blobs/" + digest(LAYERS[1]).replace(":", "/")]
    store(tmp_path, layout, {"k8s.io": {NAME: image}})
    (damage,) = open_stored(tmp_path).damages()
    assert "is not in containerd's store" in damage
    assert "ctr content fetch" in damage


def test_missing_and_unreachable_stores_are_distinguished(tmp_path: Path) -> None:
    """A missing image, a damaged database and a missing store are different errors."""
    layout = Layout()
    store(tmp_path, layout, {"moby": {"docker.io/library/flask:3": layout.manifest(LAYERS)}})
    with pytest.raises(ImageNotFoundError) as missing:
        open_stored(tmp_path, "flask:4")
    assert missing.value.hint == "did you mean flask:3?"
    write(tmp_path / "io.containerd.metadata.v1.bolt/meta.db", dump("no database"))
    with pytest.raises(LayerscopeError, match="is damaged"):
        open_stored(tmp_path)
    (tmp_path / "io.containerd.metadata.v1.bolt/meta.db").unlink()
    with pytest.raises(UnreachableError):
        open_stored(tmp_path)
    with pytest.raises(UnreachableError):
        open_stored(tmp_path / "nothing")
