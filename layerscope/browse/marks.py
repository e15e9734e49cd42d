"""Results of the analysis about versions and paths, as plain masks for the filter language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from layerscope.browse.package_files import PackageFiles
    from layerscope.filesystem.selector import Mask


class Marks(Struct, frozen=True):
    """Masks over the versions of a filesystem. Each is None until it is known."""

    wasted: Mask | None = None
    """Versions whose content the final image does not show."""
    duplicate: Mask | None = None
    """Files of the final image with the same content as files at other paths."""
    secret: Mask | None = None
    """Files that findings about secrets name."""
    package: PackageFiles | None = None
    off: Mapping[str, str] = field(default_factory=dict)
    """For each mark that is switched off, by name: what switched it off, and how to switch it on."""


AVAILABLE_ONCE = {
    "wasted": "all layers are read",
    "duplicate": "duplicates are known",
    "secret": "findings are known",
    "package": "findings are known",
}
"""The end of the sentence "… is available once …" for each mark."""
