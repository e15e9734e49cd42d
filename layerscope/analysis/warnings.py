"""All that is odd about an image: what its source says, what its layers show, what the stack of them adds."""

from __future__ import annotations

from collections.abc import Sequence

from layerscope.analysis.toc_warnings import toc_warnings
from layerscope.filesystem.model import Filesystem
from layerscope.image.model import Image
from layerscope.image.warnings import ImageWarning
from layerscope.layers.index import LayerIndex
from layerscope.limits import Limits

_SAID = {
    "entry-repeated": ("entry names", "entries name", "a path that the layer lists before"),
    "entry-type-unknown": ("entry has", "entries have", "an unknown type: shown without content"),
    "link-across-layers": (
        "hard link points",
        "hard links point",
        "to a lower layer: most engines fail to extract that",
    ),
    "link-broken": ("hard link has", "hard links have", "no target"),
    "link-forward": (
        "hard link comes",
        "hard links come",
        "before the target, and thus to nothing",
    ),
    "name-outside-root": ("name leads", "names lead", "out of the root, where nothing is put"),
    "parent-replaced": (
        "path lies",
        "paths lie",
        "under what is no directory, which a directory replaces",
    ),
    "whiteout-invalid": ("whiteout names", "whiteouts name", "nothing, and removes nothing"),
}
"""Words for the warnings that entries draw: for one, for several, and what is odd."""


def collect_warnings(
    image: Image, indexes: Sequence[LayerIndex], filesystem: Filesystem, limits: Limits
) -> list[ImageWarning]:
    """All warnings: of the image, then of each layer."""
    warnings = list(image.warnings)
    known = {warning.layer for warning in warnings if warning.code == "digest-mismatch"}
    for number, (layer, index) in enumerate(zip(image.layers, indexes, strict=True)):
        if (
            index.blob_digest
            and layer.digest
            and layer.digest.startswith("sha256:")
            and index.blob_digest != layer.digest
            and number not in known
        ):
            warnings.append(
                ImageWarning("digest-mismatch", number, "the blob is not what its digest says")
            )
        if (
            index.diff_id
            and layer.diff_id
            and layer.diff_id.startswith("sha256:")
            and index.diff_id != layer.diff_id
        ):
            warnings.append(
                ImageWarning("diff-id-mismatch", number, "the tar is not what its diff ID says")
            )
        if index.compressed_bytes and index.tar_bytes > limits.ratio * index.compressed_bytes:
            warnings.append(
                ImageWarning(
                    "compression-ratio",
                    number,
                    f"{index.compressed_bytes:,} bytes unpack to {index.tar_bytes:,}",
                )
            )
        if index.trailing:
            warnings.append(
                ImageWarning(
                    "trailing-data",
                    number,
                    f"{index.trailing:,} bytes that are not zero follow the end of the archive",
                )
            )
        warnings += toc_warnings(layer, index)
        counts = {**index.oddities}
        for code, count in filesystem.oddities[number].items():
            counts[code] = counts.get(code, 0) + count
        warnings += (
            ImageWarning(code, number, f"{count:,} {_SAID[code][count != 1]} {_SAID[code][2]}")
            for code, count in sorted(counts.items())
            if count
        )
    return warnings
