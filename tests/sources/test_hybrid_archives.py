"""Hybrid archives of Docker ≥ 25 and containerd: a manifest.json beside an OCI layout, which may disagree (moby, containerd)."""

from __future__ import annotations

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
from tests.sources.places import (
    BASE,
    LAYER,
    LAYERS,
    NAMES,
    TOP,
    dump,
    layers_of,
    open_path,
    refuse,
    save,
)


def _hybrid(
    oci: dict[str, bytes], *, sources: bool, repositories: bool, layers: tuple[bytes, ...] = LAYERS
) -> dict[str, bytes]:
    """What Docker ≥ 25 writes: a manifest.json of `layers` beside an OCI layout, over the same blobs."""
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


def test_the_classic_store_is_read_by_its_manifest(tmp_path: Path) -> None:
    """Told by `LayerSources` or `repositories`: its OCI half was wrong in several releases, and lacks images still."""
    wrong = oci_files([TOP], compress=None)
    for sources, repositories in ((True, False), (False, True), (True, True)):
        files = _hybrid(wrong, sources=sources, repositories=repositories)
        opened = open_path(save(tmp_path, archive(files)))
        assert (layers_of(opened), opened.image.tags) == (NAMES, ("demo:docker",))
        assert opened.image.source_kind == "docker-archive"
        assert all(opened.verified(number) for number in range(2))


def test_the_classic_store_has_manifest_digests_where_its_halves_agree(tmp_path: Path) -> None:
    """Of the OCI manifest with the same config."""
    right = oci_files(LAYERS, compress=None)
    files = _hybrid(right, sources=True, repositories=True)
    opened = open_path(save(tmp_path, archive(files)))
    assert (
        opened.image.manifest_digest
        == open_path(save(tmp_path, archive(right))).image.manifest_digest
    )
    assert opened.image.layers[0].digest == digest(BASE)
    assert opened.image.layers[0].media_type == LAYER


def test_the_containerd_store_is_read_by_its_index(tmp_path: Path) -> None:
    """It knows platforms and attestations; its manifest.json names one image a tag."""
    files = _hybrid(oci_files(LAYERS), sources=False, repositories=False, layers=(TOP,))
    opened = open_path(save(tmp_path, archive(files)))
    assert (layers_of(opened), opened.image.source_kind) == (NAMES, "oci-archive")


@pytest.mark.parametrize(
    "index", [b'{"schemaVersion":2,"manifests":null}', b"{", b'{"schemaVersion":2,"manifests":[]}']
)
def test_the_better_half_of_a_hybrid_archive_is_read(tmp_path: Path, index: bytes) -> None:
    """An index that names nothing, or a manifest.json of files that are not there."""
    files = _hybrid(oci_files(LAYERS), sources=False, repositories=False)
    opened = open_path(save(tmp_path, archive(files | {"index.json": index})))
    assert (layers_of(opened), opened.image.source_kind) == (NAMES, "docker-archive")
    for manifest in (b"[", b"[]", dump([{"Config": "nowhere", "Layers": []}])):
        opened = open_path(save(tmp_path, archive(files | {"manifest.json": manifest})))
        assert (layers_of(opened), opened.image.source_kind) == (NAMES, "oci-archive")


def test_a_scheme_forces_one_half_of_a_hybrid_archive(tmp_path: Path) -> None:
    """Either can be asked for."""
    for sources in (True, False):
        files = _hybrid(oci_files([TOP]), sources=sources, repositories=sources)
        path = save(tmp_path, archive(files))
        assert layers_of(open_path(f"docker-archive://{path}")) == NAMES
        assert layers_of(open_path(f"oci-archive://{path}")) == [NAMES[1]]
    assert "not oci-archive" in str(
        refuse(f"oci-archive://{save(tmp_path, archive(docker_files(LAYERS)))}")
    )
