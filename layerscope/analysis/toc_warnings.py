"""What there is to say about the table of contents that a layer ends with."""

from __future__ import annotations

from layerscope.image.model import Layer
from layerscope.image.warnings import ImageWarning
from layerscope.layers.index import LayerIndex
from layerscope.layers.toc.claims import claims_toc, is_as_claimed

UNUSABLE = "toc-unusable"
MISMATCH = "toc-mismatch"


def toc_warnings(layer: Layer, index: LayerIndex) -> list[ImageWarning]:
    """The warning that a layer's table draws, if it does: engines that believe it see other files than the tar holds."""
    check = index.toc
    if index.compressed_bytes is None or index.broken is not None:
        return []
    if check is None:
        if not claims_toc(layer.annotations):
            return []
        said = "the manifest announces a table of contents, but the layer does not end with one"
        return [ImageWarning(UNUSABLE, layer.index, said)]
    if check.elsewhere:
        return []
    name = f"the {check.kind} table of contents"
    if check.problem is not None:
        return [ImageWarning(UNUSABLE, layer.index, f"{name} is not used: {check.problem}")]
    if not is_as_claimed(check, layer.annotations):
        said = f"{name} is not used: it does not match its digest in the manifest"
        return [ImageWarning(UNUSABLE, layer.index, said)]
    if check.differing:
        count = check.differing
        paths = f"{count:,} path{'s' if count != 1 else ''}"
        said = f"{name} disagrees with the tar, which is used, for {paths}: {check.example} {check.what}"
        return [ImageWarning(MISMATCH, layer.index, said)]
    return []
