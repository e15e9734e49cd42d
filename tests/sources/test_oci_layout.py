"""OCI layouts in folders and archives, and the hybrid archives of Docker ≥ 25 and containerd (OCI image-spec, moby, containerd)."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import CorruptImageError
from tests.images import (
    archive,
    digest,
    image_config,
    oci_archive,
    oci_directory,
    oci_files,
)
from tests.sources.image_files import (
    BASE,
    CONFIG,
    INDEX,
    LAYER,
    LAYERS,
    MANIFEST,
    NAMES,
    TOP,
    Layout,
    codes,
    dump,
    layers_of,
    open_path,
    refuse,
    runs_on,
    save,
    tagged,
    unpack,
    unreadable,
)

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar"


@pytest.mark.parametrize("compress", [None, "gzip", "zstd"])
def test_a_layout_opens_as_folder_and_as_archive(tmp_path: Path, compress: str | None) -> None:
    """Every digest is known and verified."""
    folder = oci_directory(tmp_path / "layout", LAYERS, compress=compress)  # type: ignore[arg-type]  # one of its values
    file = save(tmp_path, oci_archive(LAYERS, compress=compress))  # type: ignore[arg-type]
    for path, kind in ((folder, "oci"), (file, "oci-archive")):
        opened = open_path(path)
        assert layers_of(opened) == NAMES
        assert opened.image.tags == ("docker.io/library/demo:latest",)
        assert opened.image.source_kind == kind
        assert [opened.verified(number) for number in range(2)] == [True, True]
        assert (opened.warnings, opened.damages()) == ([], [])
        assert opened.image.manifest_digest is not None
        assert open_path(f"{kind}://{path}").image.source_kind == kind


def test_media_types_are_never_trusted(tmp_path: Path) -> None:
    """skopeo declares plain tars as gzip; the content decides."""
    layout = Layout()
    manifest = {
        "config": layout.blob(CONFIG, image_config(LAYERS)),
        "layers": [layout.blob(LAYER + "+gzip", BASE), layout.blob("no/such", TOP)],
    }
    image = layout.blob(MANIFEST, dump(manifest))
    assert layers_of(open_path(save(tmp_path, layout.tar([image])))) == NAMES


# --- Markers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("marker", [None, b"", b"{", b"[]", b"{}", b'{"imageLayoutVersion":7}'])
def test_a_layout_needs_no_marker(tmp_path: Path, marker: bytes | None) -> None:
    """`index.json` with `blobs/` is enough; a warning says that the marker is missing."""
    files = oci_files(LAYERS)
    if marker is None:
        del files["oci-layout"]
    else:
        files["oci-layout"] = marker
    for path in (save(tmp_path, archive(files)), unpack(tmp_path / "layout", files)):
        opened = open_path(path)
        assert (layers_of(opened), codes(opened)) == (NAMES, ["layout-incomplete"])


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (b"", "index.json"),
        (b"[", "index.json"),
        (b"[]", "index.json"),
        (b"{}", "index.json"),
        (b'{"schemaVersion":2}', "index.json lists no images"),
        (b'{"schemaVersion":2,"manifests":null}', "index.json lists no images"),
        (b'{"schemaVersion":2,"manifests":{}}', "index.json lists no images"),
        (b'{"manifests":[]}', "index.json lists no images"),
        (b'{"manifests":[7,null,{},{"digest":"sha256:../../x"}]}', "index.json lists no images"),
    ],
)
def test_an_empty_index_is_reported(tmp_path: Path, index: bytes, words: str) -> None:
    """Broken JSON, an empty list, null, or invalid entries."""
    files = oci_files(LAYERS) | {"index.json": index}
    assert words in str(refuse(save(tmp_path, archive(files))))


def test_a_folder_without_an_index_is_reported(tmp_path: Path) -> None:
    files = oci_files(LAYERS)
    del files["index.json"]
    assert "without index.json" in str(refuse(unpack(tmp_path / "layout", files)))
    assert "no complete image" in str(refuse(save(tmp_path, archive(files))))


# --- Indexes --------------------------------------------------------------------------------------


def _nested(layout: Layout, depth: int) -> dict[str, Any]:
    descriptor = layout.manifest(LAYERS)
    for _ in range(depth):
        descriptor = layout.index([descriptor])
    return descriptor


def test_indexes_may_be_nested(tmp_path: Path) -> None:
    """containerd writes every image with an attestation this way; the limit is eight levels."""
    for depth in (1, 2, 8):
        layout = Layout()
        opened = open_path(save(tmp_path, layout.tar([_nested(layout, depth)])))
        assert layers_of(opened) == NAMES
    layout = Layout()
    refuse(save(tmp_path, layout.tar([_nested(layout, 9)])))


def test_attestations_are_not_images(tmp_path: Path) -> None:
    """Nor are signatures and other referrers, even if their blobs are missing."""
    layout = Layout()
    attestation = layout.manifest(
        [TOP],
        stored=False,
        **runs_on("unknown/unknown"),
        annotations={"vnd.docker.reference.type": "attestation-manifest"},
    )
    marked = layout.manifest([], annotations={"vnd.docker.reference.type": "attestation-manifest"})
    referrer = layout.manifest([BASE], annotations={"io.containerd.manifest.subject": "sha256:x"})
    image = layout.manifest(LAYERS, **runs_on("linux/amd64"))
    index = layout.index([attestation, image, marked], **tagged("demo:1"))
    opened = open_path(save(tmp_path, layout.tar([referrer, index])))
    assert (layers_of(opened), codes(opened), opened.image.alternatives) == (NAMES, [], ())
    only = layout.tar([referrer, layout.index([attestation])])
    assert "an attestation (attestation-manifest)" in str(refuse(save(tmp_path, only)))


def test_platforms_that_are_not_stored_are_left_out(tmp_path: Path) -> None:
    """Engines export complete indexes, but only the pulled images: a manifest may be stored without its layers."""
    layout = Layout()
    here = layout.manifest(LAYERS, config={"architecture": "s390x"}, **runs_on("linux/s390x"))
    hollow = layout.manifest([TOP], contents=False, **runs_on("linux/amd64"))
    gone = layout.manifest([BASE], stored=False, **runs_on("linux/arm64"))
    path = save(tmp_path, layout.tar([layout.index([hollow, gone, here], **tagged("demo:1"))]))
    opened = open_path(path)
    assert layers_of(opened) == NAMES
    assert str(opened.image.platform) == "linux/s390x"
    assert opened.image.alternatives == ()
    for absent in ("linux/amd64", "linux/arm64"):
        error = refuse(path, platform=absent)
        assert f"no image for platform {absent}" in str(error)
        assert error.hint == "it is listed but not stored here; available: demo:1 (linux/s390x)"
    assert "without storing" not in str(refuse(path, platform="linux/riscv64").hint)


def test_an_incomplete_image_is_reported(tmp_path: Path) -> None:
    """If there is no other image, the error names the missing part."""
    layout = Layout()
    gone = layout.manifest(LAYERS, stored=False)
    assert "is not in the layout" in str(refuse(save(tmp_path, layout.tar([gone]))))
    layout = Layout()
    hollow = layout.manifest(LAYERS)
    del layout.files["blobs/" + digest(TOP).replace(":", "/")]
    damage = unreadable(save(tmp_path, layout.tar([hollow])))
    assert damage == f"layer 1 cannot be read: its blob ({digest(TOP)[:19]}…) is not in the layout"
    layout = Layout()
    hollow = layout.manifest(LAYERS)
    del layout.files["blobs/" + digest(image_config(LAYERS)).replace(":", "/")]
    assert "the config" in str(refuse(save(tmp_path, layout.tar([hollow]))))


@pytest.mark.parametrize("media_type", [FOREIGN, NONDISTRIBUTABLE])
def test_a_foreign_layer_may_be_missing(tmp_path: Path, media_type: str) -> None:
    """The base of Windows images is not stored with them: the layer is unreadable, the rest is shown."""
    layout = Layout()
    manifest = {
        "config": layout.blob(CONFIG, image_config(LAYERS)),
        "layers": [layout.blob(media_type, BASE, stored=False), layout.blob(LAYER, TOP)],
    }
    image = layout.blob(MANIFEST, dump(manifest))
    for path in (
        save(tmp_path, layout.tar([image])),
        unpack(tmp_path / "layout", layout.finished_files([image])),
    ):
        opened = open_path(path)
        assert layers_of(opened) == [[], NAMES[1]]
        assert [opened.verified(number) for number in range(2)] == [None, True]
        assert codes(opened) == []
        (damage,) = opened.damages()
        assert damage.startswith("layer 0")
        assert "foreign layer" in damage
        with pytest.raises(CorruptImageError, match="foreign layer"):
            opened.raise_damage()


def test_a_stored_foreign_layer_is_a_layer(tmp_path: Path) -> None:
    """Some exporters keep foreign layers."""
    layout = Layout()
    manifest = {
        "config": layout.blob(CONFIG, image_config([BASE])),
        "layers": [layout.blob(NONDISTRIBUTABLE, BASE)],
    }
    opened = open_path(save(tmp_path, layout.tar([layout.blob(MANIFEST, dump(manifest))])))
    assert (layers_of(opened), opened.damages()) == ([NAMES[0]], [])


def test_one_image_by_several_names_is_one(tmp_path: Path) -> None:
    """Repeated entries of the index count once."""
    layout = Layout()
    image = layout.manifest(LAYERS)
    listed = [image | tagged("demo:1"), image | tagged("demo:2"), image | tagged("demo:1")]
    opened = open_path(save(tmp_path, layout.tar(listed)))
    assert opened.image.tags == ("demo:1", "demo:2")
    assert (codes(opened), opened.image.alternatives) == ([], ())


def test_the_full_name_is_preferred(tmp_path: Path) -> None:
    """`io.containerd.image.name` is preferred; else `ref.name`, a tag or a full name."""
    layout = Layout()
    reference = "org.opencontainers.image.ref.name"
    image = layout.manifest(LAYERS)
    for named, tags in (
        ({"io.containerd.image.name": "docker.io/a/b:1", reference: "1"}, ("docker.io/a/b:1",)),
        ({reference: "localhost/bb:l"}, ("localhost/bb:l",)),
        ({reference: "some text"}, ("some text",)),
        ({reference: 7, "io.containerd.image.name": ""}, ()),
        (None, ()),
    ):
        listed = image | {"annotations": named}
        assert open_path(save(tmp_path, layout.tar([listed]))).image.tags == tags


# --- Many -----------------------------------------------------------------------------------------


def test_a_folder_of_many_layers_needs_few_open_files(tmp_path: Path) -> None:
    """320 layers open in a process that may open 256 files."""
    from tests.images import file, layer_tar

    layers = [layer_tar([file(f"f{number}", b"x")]) for number in range(320)]
    folder = oci_directory(tmp_path / "layout", layers, compress=None)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        opened = open_path(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert layers_of(opened) == [[b"f%d" % number] for number in range(320)]


def test_many_names_and_shared_indexes_take_linear_time(tmp_path: Path) -> None:
    """Twenty thousand names of one image; hundreds of indexes that share hundreds of images."""
    started = time.process_time()
    layout = Layout()
    image = layout.manifest(LAYERS)
    names = [image | tagged(f"demo:{number}") for number in range(20_000)]
    assert len(open_path(save(tmp_path, layout.tar(names))).image.tags) == 20_000
    layout = Layout()
    images = [layout.manifest([BASE], config={"n": number}) for number in range(200)]
    indexes = [layout.index(images, annotations={"n": str(number)}) for number in range(200)]
    opened = open_path(save(tmp_path, layout.tar(indexes)))
    assert len(opened.image.alternatives) == 199
    assert time.process_time() - started < 8


def test_indexes_that_multiply_are_refused(tmp_path: Path) -> None:
    """Indexes that share entries could lead to billions of manifests."""
    layout = Layout()
    images = [layout.blob(MANIFEST, b"%d" % number) for number in range(1100)]
    shared = layout.index(images)
    more = [
        layout.blob(INDEX, dump({"manifests": [shared], "n": number})) for number in range(1000)
    ]
    started = time.process_time()
    assert "references more than" in str(refuse(save(tmp_path, layout.tar(more))))
    assert time.process_time() - started < 8
