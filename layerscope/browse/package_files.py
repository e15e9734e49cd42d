"""The files of installed packages, for the filter language."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.filesystem.components import ComponentTexts, is_glob
from layerscope.layers.strings import StringTable


class PackageFiles(Struct, frozen=True, dict=True):
    """The files of installed packages."""

    names: Sequence[str]
    """Name of each package."""
    counts: NDArray[np.int64]
    """Number of files of each package."""
    paths: NDArray[np.int32]
    """Paths of all files, package by package."""

    def of(self, name: str) -> NDArray[np.int32]:
        """Paths of the files of all packages with a name, or whose name matches a glob; ignores case."""
        folded = name.casefold()
        texts = self._texts
        selected = (
            texts.matching(folded)
            if is_glob(folded)
            else texts.equal(folded.encode(errors="surrogatepass"))
        )
        return self.paths[np.repeat(selected[:-1], self.counts)]

    @cached_property
    def _texts(self) -> ComponentTexts:
        names = [name.casefold().encode(errors="surrogatepass") for name in self.names]
        return ComponentTexts(StringTable.of(names))
