"""Reads image manifests: layers and config (OCI image-spec manifest.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layerscope.errors import CorruptImageError
from layerscope.image.digest import sha256
from layerscope.image.documents import Lenient
from layerscope.image.model import Beside
from layerscope.image.warnings import ImageWarning
from layerscope.layers.blob import Blob, MissingBlob
from layerscope.sources.artifacts import Artifact
from layerscope.sources.base import ImageParts, LayerPart, shortened
from layerscope.sources.oci_blobs import NOT_IN_LAYOUT, OciBlobs
from layerscope.sources.oci_descriptor import Descriptor, annotations_of


def read_image(
    blobs: OciBlobs,
    leaf: Descriptor,
    manifest: dict[str, Any],
    beside: Beside,
    artifact: Artifact | None,
) -> ImageParts:
    """The image of a manifest with the descriptor `leaf`; `artifact` is set if its types are not those of an image. Raises `LayerscopeError`."""
    warnings = []
    data = blobs.read(leaf, "the manifest")
    if leaf.digest.startswith("sha256:") and sha256(data) != leaf.digest:
        warnings.append(
            ImageWarning("digest-mismatch", None, "the manifest does not match its digest")
        )
    config = Descriptor.read(manifest.get("config"))
    if config is None:
        raise CorruptImageError("the manifest has no config")
    fields = Lenient(manifest, "manifest")
    layers, sizes = read_layers(fields, "the manifest", blobs.find, NOT_IN_LAYOUT)
    data = blobs.read(config, "the config")
    return ImageParts(
        layers,
        data,
        leaf.digest,
        config.digest,
        artifact,
        warnings=[*warnings, *sizes],
        annotations=annotations_of(fields),
        beside=beside,
    )


def read_layers(
    manifest: Lenient,
    name: str,
    find: Callable[[Descriptor, str], Blob | None],
    missing_reason: str,
) -> tuple[list[LayerPart], list[ImageWarning]]:
    """The layers of a manifest, called `name` in errors, and warnings about their sizes. Raises `LayerscopeError`.

    `find` returns the blob of a layer from its descriptor and its name in errors. If it is missing, reading the layer fails with
    `missing_reason`.
    """
    layers, warnings = [], []
    for number, value in enumerate(manifest.items("layers")):
        layer = Descriptor.read(value)
        if layer is None:
            raise CorruptImageError(f"layer {number} has no digest in {name}")
        blob = _readable(layer, find(layer, f"layer {number}"), missing_reason)
        if not isinstance(blob, MissingBlob):
            warnings += layer.size_warning(blob.size, number)
        layers.append(LayerPart(blob, layer.digest, layer.media_type or None, layer.texts()))
    return layers, warnings


def _readable(layer: Descriptor, blob: Blob | None, missing_reason: str) -> Blob:
    """The blob of a layer; a `MissingBlob` with the reason if it certainly cannot be read."""
    if layer.is_encrypted:
        reason = f"it is encrypted ({shortened(layer.media_type, 200)}): skopeo copy --decryption-key decrypts it"
        return MissingBlob(layer.digest, reason)
    if blob is not None:
        return blob
    if layer.is_foreign:
        return MissingBlob(layer.digest, "a foreign layer, which is not stored with the image")
    return MissingBlob(layer.digest, f"its blob ({layer.digest[:19]}…) {missing_reason}")
