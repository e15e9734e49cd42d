"""Warnings about an image, from its source, its layers and their stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscope.filesystem.model import Filesystem
from layerscope.image.model import Image, Layer
from layerscope.image.warnings import ImageWarning
from layerscope.layers.index import LayerIndex
from layerscope.layers.toc.claims import claims_toc, is_as_claimed
from layerscope.limits import Limits
from layerscope.words import Extent

_TOC_UNUSABLE = "toc-unusable"
_TOC_MISMATCH = "toc-mismatch"

_PHRASES = {
    "entry-repeated": ("entry repeats", "entries repeat", "an earlier path of the same layer"),
    "entry-type-unknown": ("entry has", "entries have", "an unknown type: shown without content"),
    "link-across-layers": (
        "hard link points",
        "hard links point",
        "to a lower layer: most engines cannot extract this",
    ),
    "link-broken": ("hard link has", "hard links have", "no target"),
    "link-forward": (
        "hard link comes",
        "hard links come",
        "before the target: the link is broken",
    ),
    "name-outside-root": ("name points", "names point", "outside the root: resolved inside it"),
    "parent-replaced": (
        "path is",
        "paths are",
        "below a path that is not a directory: replaced by a directory",
    ),
    "whiteout-invalid": ("whiteout has", "whiteouts have", "no valid name: ignored"),
}
"""Texts of warnings about entries, by code: subject and verb for one entry, for several, and the rest."""


def collect_warnings(
    image: Image, indexes: Sequence[LayerIndex], filesystem: Filesystem, limits: Limits
) -> list[ImageWarning]:
    """All warnings: of the image, then of each layer."""
    warnings = [*image.warnings, *_unread_warnings(image, indexes)]
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
                ImageWarning("digest-mismatch", number, "the blob does not match its digest")
            )
        if (
            index.diff_id
            and layer.diff_id
            and layer.diff_id.startswith("sha256:")
            and index.diff_id != layer.diff_id
        ):
            warnings.append(
                ImageWarning("diff-id-mismatch", number, "the layer does not match its diff ID")
            )
        if index.compressed_bytes and index.tar_bytes > limits.ratio * index.compressed_bytes:
            warnings.append(
                ImageWarning(
                    "compression-ratio",
                    number,
                    f"{index.compressed_bytes:,} bytes decompress to {index.tar_bytes:,}",
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
        warnings += _toc_warnings(layer, index)
        counts = {**index.oddities}
        for code, count in filesystem.oddities[number].items():
            counts[code] = counts.get(code, 0) + count
        warnings += (
            ImageWarning(
                code, number, f"{count:,} {_PHRASES[code][count != 1]} {_PHRASES[code][2]}"
            )
            for code, count in sorted(counts.items())
            if count
        )
    return warnings


def _unread_warnings(image: Image, indexes: Sequence[LayerIndex]) -> Iterator[ImageWarning]:
    """Warnings about layers that were not read."""
    if all(index.extent is Extent.READ for index in indexes):
        return
    yield ImageWarning(
        "headers-only",
        None,
        "no layer was fetched: figures come from tables of contents, and findings and packages were not searched for; leave out --headers-only to get them",
    )
    for number, (layer, index) in enumerate(zip(image.layers, indexes, strict=True)):
        if index.extent is Extent.UNKNOWN:
            claimed = claims_toc(layer.annotations)
            why = (
                "its table of contents cannot be used" if claimed else "it has no table of contents"
            )
            yield ImageWarning(
                "layer-unknown",
                number,
                f"its files and sizes are unknown: {why}; leave out --headers-only to fetch the layer",
            )


def _toc_warnings(layer: Layer, index: LayerIndex) -> list[ImageWarning]:
    """At most one warning: engines that trust a wrong table of contents see other files than the tar contains."""
    check = index.toc
    if index.compressed_bytes is None or index.broken is not None:
        return []
    if check is None:
        if not claims_toc(layer.annotations):
            return []
        message = "the manifest announces a table of contents, but the layer does not end with one"
        return [ImageWarning(_TOC_UNUSABLE, layer.index, message)]
    if check.elsewhere:
        return []
    name = f"the {check.kind} table of contents"
    if check.problem is not None:
        return [ImageWarning(_TOC_UNUSABLE, layer.index, f"{name} is not used: {check.problem}")]
    if not is_as_claimed(check, layer.annotations):
        message = f"{name} is not used: it does not match its digest in the manifest"
        return [ImageWarning(_TOC_UNUSABLE, layer.index, message)]
    if check.differing:
        count = check.differing
        paths = f"{count:,} path{'s' if count != 1 else ''}"
        message = f"{name} disagrees with the tar, which is used, for {paths}: {check.example} {check.what}"
        return [ImageWarning(_TOC_MISMATCH, layer.index, message)]
    return []
