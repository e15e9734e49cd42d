"""Manifests of OCI layouts that are no image, or no image that can be shown: each is called by its name."""

from __future__ import annotations

from pathlib import Path

from tests.images import (
    image_config,
)
from tests.sources.places import (
    BASE,
    CONFIG,
    LAYER,
    LAYERS,
    MANIFEST,
    NAMES,
    Layout,
    codes,
    dump,
    layers_of,
    open_path,
    refuse,
    save,
)


def test_a_manifest_that_is_an_index_too_is_refused(tmp_path: Path) -> None:
    """Tools would see different images in it."""
    for key in ("manifests", "Manifests"):
        layout = Layout()
        document = {"config": layout.blob(CONFIG, image_config([BASE])), "layers": [], key: []}
        tar = layout.tar([layout.blob(MANIFEST, dump(document))])
        assert "index and an image at once" in str(refuse(save(tmp_path, tar)))


def test_schema_1_is_told(tmp_path: Path) -> None:
    """It names no diff IDs, and no tool writes it any more."""
    layout = Layout()
    old = {"schemaVersion": 1, "fsLayers": [], "history": []}
    for image in (
        layout.blob(MANIFEST, dump(old)),
        layout.blob("application/vnd.docker.distribution.manifest.v1+prettyjws", b"{}"),
    ):
        assert "schema 1" in str(refuse(save(tmp_path, layout.tar([image]))))


def test_an_artifact_is_called_by_its_type(tmp_path: Path) -> None:
    """A chart, a signature, a list of software: no image, but what is it?"""
    layout = Layout()
    empty = layout.blob("application/vnd.oci.empty.v1+json", b"{}")
    chart = layout.blob("application/vnd.cncf.helm.config.v1+json", b'{"name":"chart"}')
    data = layout.blob("text/plain", b"hello, world\n" * 100)
    for config, artifact_type, shown in (
        (empty, "application/vnd.example", "application/vnd.example"),
        (chart, None, "application/vnd.cncf.helm.config.v1+json"),
    ):
        for layers in ([data], []):
            document = {"config": config, "layers": layers, "artifactType": artifact_type}
            image = layout.blob(MANIFEST, dump(document))
            assert f"artifact of type {shown}" in str(refuse(save(tmp_path, layout.tar([image]))))
    blobs = layout.blob(MANIFEST, dump({"artifactType": "application/x", "blobs": []}))
    assert "type application/x" in str(refuse(save(tmp_path, layout.tar([blobs]))))


def test_an_artifact_of_tars_opens(tmp_path: Path) -> None:
    """Its layers can be shown; a warning says that the config is none."""
    layout = Layout()
    document = {
        "config": layout.blob("application/vnd.example", b"{}"),
        "layers": [layout.blob(LAYER, layer) for layer in LAYERS],
    }
    opened = open_path(save(tmp_path, layout.tar([layout.blob(MANIFEST, dump(document))])))
    assert layers_of(opened) == NAMES
    assert "config-type" in codes(opened)


def test_an_encrypted_layer_is_told(tmp_path: Path) -> None:
    """There is nothing to show without its key."""
    layout = Layout()
    document = {
        "config": layout.blob(CONFIG, image_config([BASE])),
        "layers": [layout.blob(LAYER + "+encrypted", BASE)],
    }
    error = refuse(save(tmp_path, layout.tar([layout.blob(MANIFEST, dump(document))])))
    assert "layer 0 is encrypted" in str(error)
    assert "--decryption-key" in str(error.hint)
