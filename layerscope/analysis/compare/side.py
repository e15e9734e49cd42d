"""The data of an image that comparisons use; an opened image provides it."""

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
        """The contents of each layer."""

    @property
    def filesystem(self) -> Filesystem:
        """The layers, stacked."""

    @property
    def accounting(self) -> Accounting:
        """The accounting."""

    @property
    def findings(self) -> Findings | None:
        """Findings and packages; None if they were not searched for."""
