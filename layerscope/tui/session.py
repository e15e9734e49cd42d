"""What the explorer knows of the image so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from layerscope.analysis.duplicates import Copies, Duplicate
from layerscope.image.base import BaseGuess, guess_base, layers_of
from layerscope.image.dockerfile import Dockerfile
from layerscope.image.model import Image
from layerscope.layers.index import LayerIndex
from layerscope.opening.cache_lookup import Recalled
from layerscope.opening.digests import state_of, verified
from layerscope.opening.open import Opened, Options
from layerscope.sources import Request, SourceImage
from layerscope.tui.commands import first_key
from layerscope.tui.preferences import Preferences
from layerscope.words import DigestState

if TYPE_CHECKING:
    from layerscope.analysis.findings.finding import Findings


@dataclass(slots=True)
class Session:
    """An image being explored: its documents at once, its layers as they are read, the rest when all are stacked."""

    request: Request
    source: SourceImage
    options: Options
    dockerfile: Dockerfile | None = None
    """What the image was built from, if the user named it."""
    indexes: list[LayerIndex | None] = field(default_factory=list)
    opened: Opened | None = None
    duplicates: Sequence[Duplicate] | None = None
    """None until they were looked for."""
    copies: Copies | None = None
    """Finds the duplicates of a path; there when `duplicates` is."""
    findings: Findings | None = None
    """None until all else is known."""
    fixed: set[int] = field(default_factory=set)
    """Findings that are taken as fixed, by their numbers."""
    checked: dict[int, bool] = field(default_factory=dict)
    """Layers whose digests were checked after all else, and whether they are right."""
    preferences: Preferences = field(default_factory=Preferences)
    """How the user wants to see things."""
    prefetch: Callable[[], Recalled | None] | None = None
    """Returns the cache entry of the image, if it is being read already."""
    base_guess: BaseGuess | None = field(init=False)
    """Where the base image was guessed to end."""
    base_steps: int = field(init=False)
    """How many first steps are taken to be the base image's: the guess, until the user moves it."""

    def __post_init__(self) -> None:
        self.take(self.source)

    def take(self, source: SourceImage) -> None:
        """Explore the image as `source` has it: what an engine said of it before its export gives way to the export."""
        self.source = source
        self.indexes = [None] * len(source.blobs)
        self.base_guess = guess_base(self.image)
        self.base_steps = 0 if self.base_guess is None else self.base_guess.steps

    def key(self, command: str) -> str:
        """The first key of a command, as the user bound it."""
        return first_key(command, self.preferences.keys)

    @property
    def image(self) -> Image:
        """The image's documents."""
        return self.source.image

    @property
    def stored_so_far(self) -> int:
        """Content bytes of the layers that were read, in bytes."""
        return sum(int(index.columns.stored.sum()) for index in self.indexes if index is not None)

    def verified(self, layer: int) -> bool | None:
        """Whether a layer's bytes hash to what is claimed; None if that is not known yet."""
        index = self.indexes[layer]
        known = None if index is None else verified(self.image.layers[layer], index)
        return self.checked.get(layer) if known is None else known

    @property
    def base_layers(self) -> int:
        """How many first layers are the base image's."""
        return layers_of(self.image.steps, self.base_steps)

    @property
    def fixed_bytes(self) -> int:
        """Content bytes that the fixes taken as done save together."""
        return 0 if self.findings is None else self.findings.saving(self.fixed)

    def base_word(self) -> str:
        """Why the base image is taken to end where it does; not yet safe for a terminal."""
        guess = self.base_guess
        if guess is not None and guess.steps == self.base_steps:
            return f"estimated: {guess.reason}"
        named = f"{guess.name}, " if guess is not None and guess.name else ""
        return f"{named}set by you"

    def move_base(self, by: int) -> bool:
        """Let the base image end `by` steps later; False if it cannot."""
        moved = max(0, min(self.base_steps + by, len(self.image.steps)))
        changed = moved != self.base_steps
        self.base_steps = moved
        return changed

    def digest_state(self) -> DigestState:
        """What is known about the digests of all layers."""
        if any(index is not None and index.broken is not None for index in self.indexes):
            return DigestState.DAMAGED
        return state_of(
            self.image.layers, [self.verified(layer) for layer in range(len(self.indexes))]
        )
