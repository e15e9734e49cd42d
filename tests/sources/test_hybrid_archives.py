"""Hybrid archives of Docker ≥ 25 and containerd: a manifest.json beside an OCI layout, which may disagree (moby, containerd)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.images import (
    archive,
    digest,
    docker_files,
    image_config,
    oci_files,
)
from tests.sources.image_files import (
    BASE,
    LAYER,
    LAYERS,
    NAMES,
    TOP,
    codes,
    dump,
    layers_of,
    open_path,
    refuse,
    save,
    unpack,
    warning_message,
)


def _hybrid(
    oci: dict[str, bytes], *, sources: bool, repositories: bool, layers: tuple[bytes, ...] = LAYERS
) -> dict[str, bytes]:
    """An archive as Docker ≥ 25 writes it: a manifest.json of `layers` beside an OCI layout, with shared blobs."""
    config = image_config(layers)
    files = dict(oci)
    for blob in (config, *layers):
        files["blobs/" + digest(blob).replace(":", "/")] = blob
    item: dict[str, Any] = {
        "Config": "blobs/" + digest(config).replace(":", "/"),
        "RepoTags": ["demo:docker"],
        "Layers": ["blobs/" + digest(layer).replace(":", "/") for layer in layers],
    }
    if sources:
        item["LayerSources"] = {
            digest(layer): {"mediaType": LAYER, "digest": digest(layer), "size": len(layer)}
            for layer in layers
        }
    if repositories:
        files["repositories"] = dump({"demo": {"docker": digest(layers[-1])[7:]}})
    return files | {"manifest.json": dump([item])}


def _oci(files: dict[str, bytes], change: Callable[[dict[str, Any]], None]) -> dict[str, bytes]:
    """The files of an OCI layout of one image with its manifest changed."""
    index = json.loads(files["index.json"])
    name = "blobs/" + index["manifests"][0]["digest"].replace(":", "/")
    manifest = json.loads(files[name])
    change(manifest)
    changed = dump(manifest)
    index["manifests"][0] |= {"digest": digest(changed), "size": len(changed)}
    rest = {key: data for key, data in files.items() if key != name}
    blob = "blobs/" + digest(changed).replace(":", "/")
    return rest | {blob: changed, "index.json": dump(index)}


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "no layers": lambda manifest: manifest.update(layers=[]),
    "null": lambda manifest: manifest.update(layers=None),
    "one layer": lambda manifest: manifest["layers"].pop(),
    "in another order": lambda manifest: manifest["layers"].reverse(),
    "absent blobs": lambda manifest: [
        layer.update(digest=digest(layer["digest"].encode())) for layer in manifest["layers"]
    ],
    "one absent blob": lambda manifest: manifest["layers"][1].update(digest=digest(b"gone")),
}


@pytest.mark.parametrize("wrong", list(WRONG))
@pytest.mark.parametrize("sources", [True, False])
def test_the_description_with_all_layers_is_used(tmp_path: Path, wrong: str, sources: bool) -> None:
    """Docker 25.0 wrote OCI manifests without layers, or with layers in any order (moby#47065, moby#47150)."""
    files = _hybrid(oci_files(LAYERS, compress=None), sources=sources, repositories=sources)
    files = _oci(files, lambda manifest: void(WRONG[wrong](manifest)))
    for path in (save(tmp_path, archive(files)), unpack(tmp_path / "image", files)):
        opened = open_path(path)
        assert (layers_of(opened), opened.damages(), codes(opened)) == (NAMES, [], [])
        assert opened.image.alternatives == ()
        assert opened.image.tags == ("demo:docker", "docker.io/library/demo:latest")
        assert opened.image.source_kind == ("dir" if path.is_dir() else "docker-archive")
    forced = open_path(f"oci-archive://{tmp_path / 'image.tar'}")
    assert forced.damages() or set(codes(forced)) == {"diff-id-mismatch"}


def void(_: object) -> None:
    """Discard the value of an expression."""


def test_a_complete_oci_manifest_comes_first(tmp_path: Path) -> None:
    """It has media types and annotations; names come from both descriptions."""
    right = oci_files(LAYERS, compress=None)
    for sources in (True, False):
        opened = open_path(
            save(tmp_path, archive(_hybrid(right, sources=sources, repositories=sources)))
        )
        assert (layers_of(opened), opened.image.alternatives) == (NAMES, ())
        assert opened.image.source_kind == "oci-archive"
        assert opened.image.tags == ("demo:docker", "docker.io/library/demo:latest")
        alone = open_path(save(tmp_path, archive(right), "alone.tar"))
        assert opened.image.manifest_digest == alone.image.manifest_digest
        assert opened.image.layers[0].media_type == LAYER


def test_both_halves_name_images(tmp_path: Path) -> None:
    """The index has one image, manifest.json another: both can be selected."""
    files = _hybrid(oci_files(LAYERS), sources=False, repositories=False, layers=(TOP,))
    path = save(tmp_path, archive(files))
    opened = open_path(path)
    assert (layers_of(opened), opened.image.source_kind) == (NAMES, "oci-archive")
    assert [other.reference for other in opened.image.alternatives] == ["demo:docker"]
    assert codes(opened) == ["several-images"]
    config = digest(image_config([TOP]))
    for wanted in ("demo:docker", "@1", config, config[7:20]):
        opened = open_path(path, image=wanted)
        assert (layers_of(opened), codes(opened)) == ([NAMES[1]], []), wanted
        assert opened.image.source_kind == "docker-archive"
    for wanted in ("demo:latest", "@0"):
        assert layers_of(open_path(path, image=wanted)) == NAMES
    assert layers_of(open_path(path, platform="linux/amd64")) == NAMES


@pytest.mark.parametrize("lost", ["index.json", "manifest.json"])
def test_an_image_whose_config_is_lost_is_a_warning(tmp_path: Path, lost: str) -> None:
    """If another image opens; it is no alternative."""
    both = _hybrid(oci_files(LAYERS), sources=False, repositories=False, layers=(TOP,))
    config = image_config(LAYERS if lost == "index.json" else [TOP])
    del both["blobs/" + digest(config).replace(":", "/")]
    opened = open_path(save(tmp_path, archive(both)))
    assert layers_of(opened) == ([NAMES[1]] if lost == "index.json" else NAMES)
    assert (opened.image.alternatives, codes(opened)) == ((), ["layout-incomplete"])
    name = "demo:latest" if lost == "index.json" else "demo:docker"
    assert name in warning_message(opened, "layout-incomplete")


def test_an_image_that_neither_description_completes_is_damaged(tmp_path: Path) -> None:
    """Each layer is taken from the description that has it."""
    files = _hybrid(oci_files(LAYERS), sources=False, repositories=False)
    packed = [name for name in oci_files(LAYERS) if files[name][:2] == b"\x1f\x8b"]
    plain = ["blobs/" + digest(layer).replace(":", "/") for layer in LAYERS]
    first = next(name for name in packed if gzip.decompress(files[name]) == BASE)
    lacking = {name: data for name, data in files.items() if name not in (first, plain[1])}
    opened = open_path(save(tmp_path, archive(lacking)))
    assert (layers_of(opened), opened.damages()) == (NAMES, [])
    lacking = {name: data for name, data in files.items() if name not in (*packed, plain[1])}
    opened = open_path(save(tmp_path, archive(lacking)))
    assert layers_of(opened) == [NAMES[0], []]
    assert opened.damages()[0].startswith("layer 1 cannot be read")


@pytest.mark.parametrize(
    "index", [b'{"schemaVersion":2,"manifests":null}', b"{", b'{"schemaVersion":2,"manifests":[]}']
)
def test_the_better_half_of_a_hybrid_archive_is_read(tmp_path: Path, index: bytes) -> None:
    """The other half is an index without images, or a manifest.json with missing files."""
    files = _hybrid(oci_files(LAYERS), sources=False, repositories=False)
    opened = open_path(save(tmp_path, archive(files | {"index.json": index})))
    assert (layers_of(opened), opened.image.source_kind) == (NAMES, "docker-archive")
    for manifest in (b"[", b"[]", dump([{"Config": "nowhere", "Layers": []}])):
        opened = open_path(save(tmp_path, archive(files | {"manifest.json": manifest})))
        assert (layers_of(opened), opened.image.source_kind) == (NAMES, "oci-archive")


def test_a_scheme_forces_one_half_of_a_hybrid_archive(tmp_path: Path) -> None:
    for sources in (True, False):
        files = _hybrid(oci_files([TOP]), sources=sources, repositories=sources)
        path = save(tmp_path, archive(files))
        assert layers_of(open_path(f"docker-archive://{path}")) == NAMES
        assert layers_of(open_path(f"oci-archive://{path}")) == [NAMES[1]]
    assert "not oci-archive" in str(
        refuse(f"oci-archive://{save(tmp_path, archive(docker_files(LAYERS)))}")
    )
