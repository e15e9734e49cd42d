"""What the analysis knows of versions and paths, as plain masks for the filter language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.components import ComponentTexts, is_glob
from layerscope.layers.strings import StringTable

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PackageFiles:
    """The files of installed packages."""

    names: Sequence[str]
    """Name of each package."""
    counts: NDArray[np.int64]
    """Number of files of each package."""
    paths: NDArray[np.int32]
    """Paths of all files, package by package."""

    def of(self, name: str) -> NDArray[np.int32]:
        """Paths of the files of all packages with a name, or whose name matches a glob; ignores case."""
        wanted = name.casefold()
        texts = self._texts
        chosen = (
            texts.matching(wanted)
            if is_glob(wanted)
            else texts.equal(wanted.encode(errors="surrogatepass"))
        )
        return self.paths[np.repeat(chosen[:-1], self.counts)]

    @cached_property
    def _texts(self) -> ComponentTexts:
        names = [name.casefold().encode(errors="surrogatepass") for name in self.names]
        return ComponentTexts(StringTable.of(names))


@dataclass(frozen=True, slots=True)
class Marks:
    """Each is None until it is known. Masks are over the versions of a filesystem."""

    wasted: Mask | None = None
    """Versions whose content the final image does not show."""
    duplicate: Mask | None = None
    """Files of the final image whose content it has at other paths, too."""
    secret: Mask | None = None
    """Files that findings about secrets name."""
    package: PackageFiles | None = None
    off: Mapping[str, str] = field(default_factory=dict)
    """By the name of each that never becomes known: what switched it off, and how to have it."""


WAITS = {
    "wasted": "all layers are read",
    "duplicate": "duplicates are known",
    "secret": "findings are known",
    "package": "findings are known",
}
"""When each of them is available."""
