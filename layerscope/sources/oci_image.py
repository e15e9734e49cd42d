"""What an image manifest says of its layers and its config (OCI image-spec manifest.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layerscope.errors import CorruptImageError
from layerscope.image.digest import sha256
from layerscope.image.documents import Lenient
from layerscope.image.warnings import ImageWarning
from layerscope.layers.blob import Blob, MissingBlob
from layerscope.sources.base import ImageParts, LayerPart
from layerscope.sources.oci_blobs import OciBlobs
from layerscope.sources.oci_descriptor import CONFIG_TYPES, Descriptor, annotations_of


def read_image(
    blobs: OciBlobs, leaf: Descriptor, manifest: dict[str, Any], provenance: bytes | None
) -> ImageParts:
    """The image of a manifest, whose descriptor is `leaf`. Raises `LayerscopeError`."""
    warnings = []
    data = blobs.read(leaf, "the manifest")
    if leaf.digest.startswith("sha256:") and sha256(data) != leaf.digest:
        warnings.append(
            ImageWarning("digest-mismatch", None, "the manifest is not what its digest says")
        )
    config = Descriptor.read(manifest.get("config"))
    if config is None:
        raise CorruptImageError("the manifest names no config")
    layers, sizes = read_layers(Lenient(manifest, "manifest"), "the manifest", blobs.layer)
    artifact = (
        None
        if config.media_type in ("", *CONFIG_TYPES)
        else str(manifest.get("artifacttype") or config.media_type)
    )
    data = blobs.read(config, "the config")
    return ImageParts(
        layers,
        data,
        leaf.digest,
        config.digest,
        artifact,
        warnings=[*warnings, *sizes],
        annotations=annotations_of(Lenient(manifest, "manifest")),
        provenance=provenance,
    )


def read_layers(
    manifest: Lenient, name: str, blob_of: Callable[[Descriptor, int], Blob]
) -> tuple[list[LayerPart], list[ImageWarning]]:
    """The layers of a manifest, which errors call `name`, and what is odd about their sizes. Raises `LayerscopeError`."""
    layers, warnings = [], []
    for number, value in enumerate(manifest.items("layers")):
        layer = Descriptor.read(value)
        if layer is None:
            raise CorruptImageError(f"layer {number} has no digest in {name}")
        blob = blob_of(layer, number)
        if not isinstance(blob, MissingBlob):
            warnings += layer.size_warning(blob.size, number)
        layers.append(LayerPart(blob, layer.digest, layer.media_type or None, layer.texts()))
    return layers, warnings
