"""How an image is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layerscope.image.dockerfile import Dockerfile
from layerscope.layers.blob import Blob
from layerscope.layers.reading import are_small
from layerscope.layers.store import Store
from layerscope.settings import RuleChoice


@dataclass(frozen=True, slots=True)
class Options:
    """How an image is opened."""

    verify: bool = False
    """Hash layers whose bytes would not be read otherwise, however large."""
    verify_small: bool = True
    """Hash them if they are small together."""
    duplicates: bool = True
    """Look for files of equal content."""
    rules: Mapping[str, RuleChoice] | None = None
    """Look for what to fix, with these choices of rules; None for no findings."""
    names: bool = True
    """Keep the paths of each layer's index, so that they can be stacked again; without them a large image takes less memory."""
    dockerfile: Dockerfile | None = None
    """What the image was built from: it tells where the base image ends, and on which lines the steps are written."""
    base_steps: int | None = None
    """How many first steps are the base image's, where the user says so; else the Dockerfile tells, or it is a guess."""
    cache: Store | None = None
    """Where to look for what is known of the layers already, and to keep what is learned."""

    def hash_all(self, blobs: Sequence[Blob]) -> bool:
        """Whether plain layers are read through, too."""
        return self.verify or (self.verify_small and are_small(blobs))
