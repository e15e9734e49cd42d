"""An opened image with all results."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from layerscope.errors import ContentsNotSavedError, CorruptImageError
from layerscope.layers.blob import MissingBlob, UnsavedBlob
from layerscope.layers.file_identity import CHANGED
from layerscope.opening.digests import claims_of, verified
from layerscope.progress import Progress, check
from layerscope.words import Extent

if TYPE_CHECKING:
    from layerscope.analysis.accounting import Accounting
    from layerscope.analysis.dockerfile_lines import DockerfileLines
    from layerscope.analysis.duplicates import Duplicates
    from layerscope.analysis.findings.finding import Findings
    from layerscope.analysis.packages.model import Inventory
    from layerscope.filesystem.model import Filesystem
    from layerscope.image.model import Image
    from layerscope.image.warnings import ImageWarning
    from layerscope.layers.contents import LayerContents
    from layerscope.layers.index import LayerIndex


class Opened(Struct, frozen=True):
    """An opened image with all results."""

    image: Image
    indexes: Sequence[LayerIndex]
    contents: Sequence[LayerContents]
    filesystem: Filesystem
    accounting: Accounting
    duplicates: Duplicates | None
    """None if they were not searched for."""
    warnings: Sequence[ImageWarning]
    damage: str | None
    """Damage of the archive as a whole."""
    findings: Findings | None = None
    """None if the rules did not run."""
    inventory: Inventory | None = None
    """None if it was not taken."""
    dockerfile_lines: DockerfileLines | None = None
    """The Dockerfile lines of the steps; None without a Dockerfile."""

    @property
    def unknown_layers(self) -> list[int]:
        """Numbers of the layers whose tar and table of contents were both not read."""
        return [n for n, index in enumerate(self.indexes) if index.extent is Extent.UNKNOWN]

    @property
    def has_contents(self) -> bool:
        """Whether the contents of files can be read; false for a file from `layerscope save`."""
        return not any(isinstance(layer.blob, UnsavedBlob) for layer in self.contents)

    def require_contents(self) -> None:
        """Raise `ContentsNotSavedError` if the contents of files were not saved."""
        for layer in self.contents:
            if isinstance(layer.blob, UnsavedBlob):
                raise ContentsNotSavedError(layer.blob.file)

    @property
    def fully_read(self) -> bool:
        """Whether all layers were read, as far as they can be."""
        return all(index.extent is Extent.READ for index in self.indexes)

    @property
    def compressed_bytes(self) -> int | None:
        """Compressed bytes of all layers; None unless every layer with entries is compressed and can be read."""
        layer_sizes = [
            index.compressed_bytes
            for index in self.indexes
            if len(index)
            or index.compressed_bytes is not None
            or index.broken is not None
            or index.extent is Extent.UNKNOWN
        ]
        sizes = [size for size in layer_sizes if size is not None]
        return sum(sizes) if sizes and len(sizes) == len(layer_sizes) else None

    def verified(self, layer: int) -> bool | None:
        """Whether a layer matches its claimed digests; None if not checked."""
        return verified(self.image.layers[layer], self.indexes[layer])

    def damages(self) -> list[str]:
        """A sentence for each damaged part."""
        broken = []
        for number, (index, layer) in enumerate(zip(self.indexes, self.contents, strict=True)):
            if isinstance(layer.blob, MissingBlob):
                broken.append(f"layer {number} cannot be read: {layer.blob.why}")
            elif index.broken is not None:
                place = f"at byte {index.broken.offset:,} of its tar"
                broken.append(f"layer {number} is damaged {place}: {index.broken.message}")
        overwritten = any(layer.blob.overwritten for layer in self.contents)
        changed = [CHANGED] if overwritten else []
        return broken or ([self.damage] if self.damage else []) or changed

    def raise_damage(self) -> None:
        """Raise `CorruptImageError` if a part is damaged."""
        damages = self.damages()
        if damages:
            others = f" (and {len(damages) - 1} more)" if len(damages) > 1 else ""
            raise CorruptImageError(
                f"{self.image.reference}: {damages[0]}{others}",
                hint="the figures cover what could be read; --ignore-errors accepts them",
            )


def check_digests(opened: Opened, progress: Progress) -> Iterator[tuple[int, bool]]:
    """Hash plain layers that were not hashed yet; yields each layer's number, and whether it matches its claims."""
    unchecked = [
        (layer.index, claims_of(layer))
        for layer in opened.image.layers
        if opened.verified(layer.index) is None
        and opened.contents[layer.index].seekable
        and opened.contents[layer.index].blob.size
    ]
    unchecked = [(number, claims) for number, claims in unchecked if claims]
    progress.stage(
        "Checking digests", sum(opened.contents[number].blob.size for number, _ in unchecked)
    )
    for number, claims in unchecked:
        hasher = hashlib.sha256()
        for piece in opened.contents[number].blob.chunks():
            check(progress)
            hasher.update(piece)
            progress.advance(len(piece))
        yield number, claims == {f"sha256:{hasher.hexdigest()}"}


def file_name(reference: str) -> str:
    """The last part of a reference, for short titles."""
    return Path(reference).name or reference
