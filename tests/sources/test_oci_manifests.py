"""Manifests in OCI layouts that are not images, or cannot be shown: the error names the kind."""

from __future__ import annotations

from pathlib import Path

from tests.images import (
    image_config,
)
from tests.sources.image_files import (
    BASE,
    CONFIG,
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
    save,
    unreadable,
)


def test_a_manifest_that_is_an_index_too_is_refused(tmp_path: Path) -> None:
    """Tools would disagree about its image."""
    for key in ("manifests", "Manifests"):
        layout = Layout()
        document = {"config": layout.blob(CONFIG, image_config([BASE])), "layers": [], key: []}
        tar = layout.tar([layout.blob(MANIFEST, dump(document))])
        assert "both an index and an image" in str(refuse(save(tmp_path, tar)))


def test_schema_1_is_reported(tmp_path: Path) -> None:
    """It has no diff IDs."""
    layout = Layout()
    old = {"schemaVersion": 1, "fsLayers": [], "history": []}
    for image in (
        layout.blob(MANIFEST, dump(old)),
        layout.blob("application/vnd.docker.distribution.manifest.v1+prettyjws", b"{}"),
    ):
        assert "schema 1" in str(refuse(save(tmp_path, layout.tar([image]))))


def test_an_encrypted_layer_cannot_be_read(tmp_path: Path) -> None:
    """Steps and other layers are shown."""
    layout = Layout()
    document = {
        "config": layout.blob(CONFIG, image_config(LAYERS)),
        "layers": [layout.blob(LAYER + "+encrypted", BASE), layout.blob(LAYER, TOP)],
    }
    path = save(tmp_path, layout.tar([layout.blob(MANIFEST, dump(document))]))
    opened = open_path(path)
    assert (layers_of(opened), codes(opened)) == ([[], NAMES[1]], [])
    assert [step.arguments for step in opened.image.steps] == ["layer0 /", "layer1 /"]
    damage = unreadable(path)
    assert damage.startswith("layer 0 cannot be read: it is encrypted")
    assert "--decryption-key" in damage
