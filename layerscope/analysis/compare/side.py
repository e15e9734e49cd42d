"""What must be known of each of two images that are compared: an opened image has all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from layerscope.analysis.accounting import Accounting
from layerscope.filesystem.model import Filesystem
from layerscope.image.model import Image
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import LayerIndex

if TYPE_CHECKING:
    from layerscope.analysis.findings.finding import Findings


class Side(Protocol):
    """One of two images."""

    @property
    def image(self) -> Image:
        """The image as its documents describe it."""

    @property
    def indexes(self) -> Sequence[LayerIndex]:
        """Its layers, bottom first."""

    @property
    def contents(self) -> Sequence[LayerContents]:
        """A way to the contents of each layer."""

    @property
    def filesystem(self) -> Filesystem:
        """The layers, stacked."""

    @property
    def accounting(self) -> Accounting:
        """Where the bytes went."""

    @property
    def findings(self) -> Findings | None:
        """What rules and the books of package managers say; None if nobody has looked."""
