"""Options for opening an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from layerscope.analysis.dockerfile_lines import DockerfileLines
    from layerscope.image.dockerfile import Dockerfile
    from layerscope.image.history import Step
    from layerscope.layers.blob import Blob
    from layerscope.layers.store import Store
    from layerscope.settings import RuleChoice


class Options(Struct, frozen=True):
    """Options for opening an image."""

    verify: bool = False
    """Also hash layers that otherwise need not be read, whatever their size."""
    verify_small: bool = True
    """Hash such layers if they are small in total."""
    duplicates: bool = True
    """Search for duplicate files."""
    rules: Mapping[str, RuleChoice] | None = None
    """Rule settings for findings; None for no findings."""
    inventory: bool = False
    """Also look for packages in programs and archives; needs `rules`."""
    dockerfile: Dockerfile | None = None
    """The image's Dockerfile: it determines the end of the base image and the lines of the steps."""
    base_steps: int | None = None
    """Number of steps in the base image, if set by the user; None to use the Dockerfile or an estimate."""
    tables: bool = False
    """Use a registry layer's table of contents as its index, without fetching the layer, where its digest vouches for the table."""
    compare: bool = True
    """Where such tables have no digests: read contents of files that replaced one of the same size."""
    headers_only: bool = False
    """Fetch no layer from a registry: layers without such a table stay unknown."""
    cache: Store | None = None
    """The cache to read and write; None for no cache."""

    def hash_all(self, blobs: Sequence[Blob]) -> bool:
        """Whether plain layers are hashed, too."""
        from layerscope.layers.reading import are_small

        return self.verify or (self.verify_small and are_small(blobs))

    def lines_of(self, steps: Sequence[Step]) -> DockerfileLines | None:
        """The Dockerfile lines of the steps; None without a Dockerfile."""
        if self.dockerfile is None:
            return None
        from layerscope.analysis.dockerfile_lines import DockerfileLines

        return DockerfileLines.of(self.dockerfile, steps)
