"""Listing images of stores, engines and folders, without reading layers."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from layerscope.errors import LayerscopeError, UnreachableError
from layerscope.image.digest import chain_ids
from layerscope.opening.open import open_image
from layerscope.sources import Request, docker_store, engine_listing, local
from layerscope.sources.endpoints import Endpoint
from layerscope.sources.folder import saved_images
from layerscope.sources.listing import SourceListing, list_images
from layerscope.sources.sharing import sharing
from layerscope.sources.store_image import StoreImage, StoreLayer
from tests.images import archive, digest, docker_archive, file, layer_tar, oci_files, write
from tests.sources.fake_engine import IMAGE_ID, serving
from tests.sources.image_files import BASE, LAYERS, TOP, Layout, dump, listing, unpack
from tests.sources.stores import docker_store as store_of
from tests.sources.stores import podman_store
from tests.sources.test_containerd import NAME
from tests.sources.test_containerd import store as containerd_store

OTHER = layer_tar([file("other", b"55555")])
CHAINS = chain_ids([digest(layer) for layer in LAYERS])


def listed(root: Path) -> dict[str, SourceListing]:
    """The answers of the stores in a folder, by source."""
    request = Request("", store_root=root)
    return {answer.source.name: answer for answer in list_images(request)}


def images_of(root: Path, name: str) -> Sequence[StoreImage]:
    """The images of one source; each opens by its reference."""
    answer = listed(root)[name]
    assert answer.refusal is None
    for image in answer.images:
        assert open_image(Request(image.reference, store_root=root)).image.tags == tuple(image.tags)
    return answer.images


def test_a_classic_docker_store_lists_its_images(tmp_path: Path) -> None:
    """With the sizes that the engine recorded, by chain ID."""
    image_id = store_of(tmp_path, LAYERS)
    (image,) = images_of(tmp_path, "docker-store")
    assert (image.id, image.tags, image.location) == (image_id, ["demo:latest"], str(tmp_path))
    assert (str(image.platform), image.created) == ("linux/amd64", "2024-01-01T00:00:00Z")
    assert image.size == len(BASE) + len(TOP)
    assert image.layers is not None
    assert [layer.chain_id for layer in image.layers] == CHAINS
    assert [layer.key for layer in image.layers] == CHAINS


def test_a_podman_store_lists_its_images(tmp_path: Path) -> None:
    """Layers have the IDs of the store."""
    image_id = podman_store(tmp_path, LAYERS)
    (image,) = images_of(tmp_path, "containers-storage")
    assert (image.id, image.tags) == (image_id, ["localhost/demo:latest"])
    assert image.size == len(BASE) + len(TOP)
    assert str(image.platform) == "linux/amd64"
    assert image.layers is not None
    assert [layer.diff_id for layer in image.layers] == [digest(layer) for layer in LAYERS]


def test_containerd_lists_its_images(tmp_path: Path) -> None:
    """Sizes are those of the blobs; an image without blobs is listed, too."""
    layout = Layout()
    gone = layout.manifest([OTHER], stored=False, contents=False)
    containerd_store(
        tmp_path, layout, {"moby": {NAME: layout.manifest(LAYERS), "gone:1": gone}, "x": {}}
    )
    answer = listed(tmp_path)["containerd"]
    images = {image.tags[0]: image for image in answer.images}
    assert images[NAME].size == len(BASE) + len(TOP)
    assert images["gone:1"].size is None
    assert images["gone:1"].layers is None
    opened = open_image(Request(images[NAME].reference, store_root=tmp_path))
    assert opened.image.tags == (NAME,)


def test_a_config_never_leads_out_of_the_store(tmp_path: Path) -> None:
    """Invalid diff IDs name no files."""
    store_of(tmp_path, LAYERS)
    folder = tmp_path / "image/overlay2/imagedb/content/sha256"
    (config,) = folder.iterdir()
    fields = json.loads(config.read_bytes())
    fields["rootfs"]["diff_ids"][0] = "../../../../etc"
    config.write_bytes(dump(fields))
    (image,) = listed(tmp_path)["docker-store"].images
    assert not image.layers


def test_build_steps_are_distinguished_from_dangling_images(tmp_path: Path) -> None:
    """A nameless image with a child is an intermediate build step."""
    child = store_of(tmp_path, LAYERS)
    (tmp_path / "image/overlay2/repositories.json").rename(tmp_path / "kept")
    parent = store_of(tmp_path, [BASE], names=[])
    (tmp_path / "kept").rename(tmp_path / "image/overlay2/repositories.json")
    metadata = tmp_path / "image/overlay2/imagedb/metadata/sha256"
    write(metadata / child / "parent", f"sha256:{parent}".encode())
    found = {image.id: image for image in images_of(tmp_path, "docker-store")}
    assert found[parent].intermediate
    assert not found[child].intermediate


def test_an_engine_lists_its_images(tmp_path: Path) -> None:
    """All engines that answer are asked; sizes are those they report."""
    socket = tmp_path / "engine.sock"
    with serving(socket) as engine:
        engine.images[0] |= {"Size": 1234, "Created": 1_704_067_200}
        engine.images.append({"Id": "sha256:" + "a" * 64, "RepoTags": ["<none>:<none>"]})
        places = [Endpoint(f"unix://{tmp_path}/none.sock", "x"), Endpoint(engine.url, "y")]
        first, second = engine_listing.list_images("docker", lambda: places, Request(""))
    assert first.reference == f"docker://{IMAGE_ID}"
    assert (first.size, str(first.platform), first.tags) == (1234, "linux/amd64", ["localhost/demo:latest"])  # fmt: skip
    assert first.layers is not None
    assert [layer.chain_id for layer in first.layers] == CHAINS
    assert second.dangling
    with pytest.raises(UnreachableError):
        engine_listing.list_images("docker", lambda: places, Request(""))
    with pytest.raises(UnreachableError, match="no engine socket"):
        engine_listing.list_images("docker", list, Request(""))


def test_an_engine_that_does_not_answer_in_time_is_unreachable() -> None:
    """Other sources answer in time, and an unexpected error is reported by its source."""
    silence = threading.Event()

    def silent(_: Request) -> Sequence[StoreImage]:
        silence.wait(30)
        return []

    def broken(_: Request) -> Sequence[StoreImage]:
        raise RuntimeError("why")

    def locked(_: Request) -> Sequence[StoreImage]:
        raise PermissionError(13, "no", "/locked")

    image = StoreImage("x://a", "a", "x")
    sources = [
        listing("silent", silent),
        listing("broken", broken),
        listing("locked", locked),
        listing("good", lambda _: [image]),
    ]
    answers = {
        one.source.name: one for one in list_images(Request(""), sources=sources, patience=0.3)
    }
    silence.set()
    assert answers["good"].images == [image]
    messages = {name: one.refusal.message for name, one in answers.items() if one.refusal}
    assert messages["silent"].startswith("no answer within")
    assert messages["broken"] == "RuntimeError: why"
    assert messages["locked"] == "/locked: permission denied"


def test_a_folder_detects_images_by_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Archives, compressed ones and layouts; not other tars, small files or documents."""
    monkeypatch.chdir(tmp_path)
    saved = docker_archive(LAYERS, tags=("demo:1", "demo:2"))
    write(tmp_path / "image.txt", saved)
    write(tmp_path / "packed", gzip.compress(saved, 0))
    unpack(tmp_path / "layout", oci_files(LAYERS))
    write(tmp_path / "deep.tar", archive({"./save/" + name: data for name, data in oci_files(LAYERS).items()}))  # fmt: skip
    write(tmp_path / "rootfs.tar", BASE)
    write(tmp_path / "log.gz", gzip.compress(b"line\n" * 5000, 0))
    write(tmp_path / "small.tar", b"x")
    write(tmp_path / "text.tar", b"manifest.json\n" * 500)
    unpack(tmp_path / "project", {"manifest.json": b"{}", "package.json": b"{}"})
    (tmp_path / "gone").symlink_to("nowhere")
    found = {image.location: image for image in saved_images(Path())}
    assert set(found) == {"image.txt", "packed", "layout", "deep.tar"}
    plain = found["image.txt"]
    assert (plain.tags, plain.size, plain.source) == (["demo:1", "demo:2"], len(saved), "docker-archive")  # fmt: skip
    assert str(plain.platform) == "linux/amd64"
    assert plain.created == "2024-01-01T00:00:00Z"
    assert 0 < (found["layout"].size or 0) < len(BASE) + len(TOP)  # compressed
    for image in found.values():
        assert open_image(Request(image.reference)).image.layers
    assert list(saved_images(Path(), lambda: True)) == []
    assert list(saved_images(tmp_path / "nothing")) == []


def test_a_name_with_a_scheme_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference of a file with such a name starts with `./`."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "docker:x", docker_archive(LAYERS))
    (image,) = saved_images(Path())
    assert image.reference == "./docker:x"


def test_listing_a_folder_reads_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scan of an archive stops after `HEADERS` members."""
    members = {f"file{number}": b"" for number in range(30)} | {"manifest.json": b"[]"}
    write(tmp_path / "many.tar", archive(members))
    monkeypatch.setattr("layerscope.sources.folder.HEADERS", 10)
    monkeypatch.setattr(local, "find_in_file", lambda *_: pytest.fail("it was read whole"))
    assert list(saved_images(tmp_path)) == []


def image(name: str, *layers: tuple[str, int | None], tagged: bool = True) -> StoreImage:
    """An image of a store."""
    found = [StoreLayer(key, size) for key, size in layers]
    return StoreImage(f"x://{name}", name, "x", [name] if tagged else [], layers=found)


def test_unique_bytes_are_in_layers_of_one_image() -> None:
    """A layer counts once per image, however often the image lists it."""
    images = [
        image("a", ("base", 100), ("a", 10), ("a", 10)),
        image("b", ("base", 100), ("mid", 50), ("b", 1)),
        image("c", ("base", 100), ("mid", 50), tagged=False),
        image("d", ("lost", None)),
        image("e", ("junk", 7), tagged=False),
    ]
    found = sharing(images)
    assert [(share.shared, share.unique) for share in found.shares] == [
        (100, 10), (150, 1), (150, 0), (None, None), (0, 7),
    ]  # fmt: skip
    assert (found.stored, found.shared, found.dangling) == (168, 150, 7)
    assert [(one.layer.key, one.images) for one in found.layers] == [("base", 3), ("mid", 2)]


def test_an_empty_list_shares_nothing() -> None:
    found = sharing([])
    assert (found.stored, found.layers, found.shares) == (0, [], [])


def test_a_missing_store_is_reported(tmp_path: Path) -> None:
    answers = listed(tmp_path)
    assert set(answers) == {"containers-storage", "docker-store", "containerd"}
    assert all(isinstance(answer.refusal, LayerscopeError) for answer in answers.values())
    with pytest.raises(UnreachableError):
        docker_store.list_images(Request("", store_root=tmp_path))
