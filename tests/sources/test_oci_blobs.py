"""Blobs of OCI layouts: found only by digest, never outside the layout, and verified."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.images import (
    archive,
    digest,
    image_config,
    oci_directory,
    oci_files,
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
    unpack,
    unreadable,
    warning_message,
)


def test_a_blob_may_be_inline_in_its_descriptor(tmp_path: Path) -> None:
    """If it matches the digest; this applies to config, manifest and layers."""

    def inline(descriptor: dict[str, Any], data: bytes) -> dict[str, Any]:
        return descriptor | {"data": base64.b64encode(data).decode()}

    layout = Layout()
    config = image_config(LAYERS)
    document = dump(
        {
            "config": inline(layout.blob(CONFIG, config, stored=False), config),
            "layers": [inline(layout.blob(LAYER, layer, stored=False), layer) for layer in LAYERS],
        }
    )
    image = inline(layout.blob(MANIFEST, document, stored=False), document)
    opened = open_path(save(tmp_path, layout.tar([image])))
    assert layers_of(opened) == NAMES
    for wrong in ("!", "AAAA", base64.b64encode(document + b" ").decode(), 7):
        tar = Layout().tar([image | {"data": wrong}])
        assert "is not in the layout" in str(refuse(save(tmp_path, tar)))


def test_blobs_may_have_other_digests_than_sha256(tmp_path: Path) -> None:
    """A sha512 blob is read, without verification."""
    layout = Layout()
    name = "sha512:" + hashlib.sha512(BASE).hexdigest()
    layout.files["blobs/" + name.replace(":", "/")] = BASE
    manifest = {
        "config": layout.blob(CONFIG, image_config([BASE])),
        "layers": [{"mediaType": LAYER, "digest": name, "size": len(BASE)}],
    }
    opened = open_path(save(tmp_path, layout.tar([layout.blob(MANIFEST, dump(manifest))])))
    assert (layers_of(opened), codes(opened)) == ([NAMES[0]], [])


@pytest.mark.parametrize(
    "name",
    [
        "sha256:../../secret",
        "../../secret",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha256/" + "a" * 64,
        "md5:" + "a" * 32,
        "sha256:" + "a" * 64 + "\n",
        "",
        None,
        7,
    ],
)
def test_an_invalid_digest_names_nothing(tmp_path: Path, name: object) -> None:
    """It never becomes a path, in a manifest, a config or a layer."""
    (tmp_path / "secret").write_bytes(BASE)
    layout = Layout()
    bad = {"mediaType": LAYER, "digest": name, "size": 1}
    good = layout.blob(CONFIG, image_config([BASE]))
    for place, manifest in (
        ("layer 0", {"config": good, "layers": [bad]}),
        ("config", {"config": bad, "layers": []}),
    ):
        image = layout.blob(MANIFEST, dump(manifest))
        assert place in str(refuse(unpack(tmp_path / "layout", layout.finished_files([image]))))
    refuse(unpack(tmp_path / "layout", layout.finished_files([bad])))


def test_links_that_lead_out_of_a_layout_are_not_followed(tmp_path: Path) -> None:
    """Neither for a blob nor for the folder of blobs; links inside are followed."""
    secret = tmp_path / "secret"
    secret.write_bytes(BASE)
    layout = oci_directory(tmp_path / "layout", LAYERS, compress=None)
    blob = layout / "blobs" / digest(BASE).replace(":", "/")
    kept = blob.rename(blob.with_name("kept"))
    blob.symlink_to("kept")
    assert layers_of(open_path(layout)) == NAMES
    blob.unlink()
    for target in (secret, Path("../../../secret")):
        blob.symlink_to(target)
        assert "points outside the directory" in str(refuse(layout))
        blob.unlink()
    kept.rename(blob)
    (layout / "blobs").rename(tmp_path / "blobs")
    (layout / "blobs").symlink_to(tmp_path / "blobs")
    assert "points outside the directory" in str(refuse(layout))


def test_only_files_are_blobs(tmp_path: Path) -> None:
    """Folders, pipes and symlink loops are not, and nothing blocks on them."""
    import os

    layout = oci_directory(tmp_path / "layout", LAYERS, compress=None)
    blob = layout / "blobs" / digest(BASE).replace(":", "/")
    blob.unlink()
    blob.mkdir()
    assert "layer 0" in unreadable(layout)
    blob.rmdir()
    os.mkfifo(blob)
    assert "layer 0" in unreadable(layout)
    blob.unlink()
    blob.symlink_to(blob.name)
    assert "cannot be read" in str(refuse(layout))


def test_a_digest_mismatch_is_a_warning(tmp_path: Path) -> None:
    """For layer, config and manifest: the image opens, and nothing counts as verified."""
    files = oci_files(LAYERS, compress=None)
    layer = "blobs/" + digest(TOP).replace(":", "/")
    opened = open_path(save(tmp_path, archive(files | {layer: BASE})))
    assert layers_of(opened) == [NAMES[0], NAMES[0]]
    assert codes(opened) == ["diff-id-mismatch", "digest-mismatch"]
    assert opened.verified(1) is False
    for name in files:
        if b'"rootfs"' in files[name] or b'"config":' in files[name][:20]:
            changed = files | {name: files[name] + b" "}
            assert codes(open_path(save(tmp_path, archive(changed)))) == ["digest-mismatch"]


def test_a_blob_of_another_size_is_a_warning(tmp_path: Path) -> None:
    """It shows that a layer was cut without hashing it; once per layer."""
    files = oci_files(LAYERS, compress=None)
    layer = "blobs/" + digest(TOP).replace(":", "/")
    opened = open_path(save(tmp_path, archive(files | {layer: TOP[:1024]})))
    assert codes(opened) == ["diff-id-mismatch", "digest-mismatch"]
    assert (
        warning_message(opened, "digest-mismatch")
        == "size mismatch: the blob has 1,024 bytes, the manifest says 3,072"
    )
