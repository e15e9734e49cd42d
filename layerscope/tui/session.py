"""The image being explored, and the results so far."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from layerscope.analysis.headline import Role, headline
from layerscope.browse.marks import Marks
from layerscope.image.base import BaseGuess, guess_base, layers_of
from layerscope.image.dockerfile import Dockerfile
from layerscope.image.model import Image
from layerscope.opening.digests import state_of, verified
from layerscope.opening.opened import Opened
from layerscope.opening.options import Options
from layerscope.opening.remote import RemoteImage
from layerscope.sources.base import Request, SourceImage
from layerscope.tui.commands import first_key
from layerscope.tui.permissions import Permissions
from layerscope.tui.preferences import Preferences
from layerscope.words import DigestState

if TYPE_CHECKING:
    from layerscope.analysis.duplicates import CopyIndex, Duplicates
    from layerscope.analysis.findings.finding import Findings
    from layerscope.layers.index import LayerIndex
    from layerscope.tui.fixing import WrittenFixes


@dataclass(slots=True)
class Session:
    """An image being explored. Config and manifest are known first, then each layer once read, the rest once all are stacked."""

    remote: RemoteImage
    """The worker process that opens it."""
    source: SourceImage
    dockerfile: Dockerfile | None = None
    """The image's Dockerfile, if the user named it."""
    indexes: list[LayerIndex | None] = field(default_factory=list)
    opened: Opened | None = None
    duplicates: Duplicates | None = None
    """None until the search is complete."""
    copies: CopyIndex | None = None
    """Finds the duplicates of a path; set together with `duplicates`."""
    findings: Findings | None = None
    """None until the analysis is complete."""
    marks: Marks = field(default_factory=Marks)
    """Results of the analysis that filters can test, as far as available."""
    fixed: set[int] = field(default_factory=set)
    """Numbers of the findings marked as fixed."""
    written: WrittenFixes | None = None
    """Fixes that the Dockerfile already has."""
    worker_is_idle: bool = False
    """Whether the worker has done everything, so that the processor is free."""
    checked: dict[int, bool] = field(default_factory=dict)
    """Whether digests match, by layer; only for layers that are verified after everything else."""
    preferences: Preferences = field(default_factory=Preferences)
    """The user's preferences."""
    permissions: Permissions = field(default_factory=Permissions)
    """What the explorer may do to this machine."""
    secrets: int = 0
    """The number of secrets in the findings."""
    _stored_bytes: dict[int, tuple[LayerIndex, int]] = field(init=False, default_factory=dict)
    """The content bytes of each layer, with the index from which they were computed."""
    _avoidable: tuple[int, int, int] | None = field(init=False, default=None)
    """Number of steps of the base image, avoidable bytes, and those outside the base image."""
    picked: bool = False
    """Whether it was chosen in the picker, to which Esc returns."""
    base_guess: BaseGuess | None = field(init=False)
    """Estimated end of the base image."""
    base_steps: int = field(init=False)
    """Number of steps of the base image: estimated until the Dockerfile is read or the user changes it."""
    _dockerfile_base: int | None = field(init=False, default=None)
    """The same according to the Dockerfile; None if unknown."""
    _base_moved_by_user: bool = field(init=False, default=False)
    """Whether the user moved the end of the base image."""

    def __post_init__(self) -> None:
        self.set_source(self.source)

    def set_source(self, source: SourceImage) -> None:
        """Explore the image of `source`; an engine's export replaces the engine's description."""
        self.source = source
        self.indexes = [None] * len(source.blobs)
        self.base_guess = guess_base(self.image)
        self.base_steps = 0 if self.base_guess is None else self.base_guess.steps
        self._base_moved_by_user = False

    def set_beside(self, opened: Opened) -> None:
        """Set the image with the documents stored beside it, such as provenance."""
        self.opened = opened
        self.source = dataclasses.replace(self.source, image=opened.image)

    def set_stacked(self, opened: Opened) -> bool:
        """Set the image once all layers are stacked. Returns whether the Dockerfile moved the end of the base image."""
        self.opened = opened
        self.indexes = list(opened.indexes)
        self._dockerfile_base = (
            None if opened.dockerfile_lines is None else opened.dockerfile_lines.base_steps
        )
        before = self.base_steps
        if self._dockerfile_base is not None and not self._base_moved_by_user:
            self.base_steps = self._dockerfile_base
        return self.base_steps != before

    def key(self, command: str) -> str:
        """The first key of a command, as the user bound it."""
        return first_key(command, self.preferences.keys)

    @property
    def request(self) -> Request:
        """The request that the image answers."""
        return self.remote.request

    @property
    def options(self) -> Options:
        """How it is opened."""
        return self.remote.options

    @property
    def image(self) -> Image:
        """The config and the manifest."""
        return self.source.image

    @property
    def stored_so_far(self) -> int:
        """Content bytes of the layers read so far."""
        return sum(self.stored_bytes(layer) or 0 for layer in range(len(self.indexes)))

    def stored_bytes(self, layer: int) -> int | None:
        """Content bytes of a layer, computed once; None until it is read."""
        index = self.indexes[layer]
        if index is None:
            return None
        known = self._stored_bytes.get(layer)
        if known is None or known[0] is not index:
            known = self._stored_bytes[layer] = index, int(index.columns.stored.sum())
        return known[1]

    def sent_bytes(self, layer: int) -> int | None:
        """Bytes of a layer as a registry sends them; None if it comes from elsewhere."""
        return self.source.blobs[layer].size if self.image.source_kind == "registry" else None

    def verified(self, layer: int) -> bool | None:
        """Whether a layer's digests match; None if not known yet."""
        index = self.indexes[layer]
        known = None if index is None else verified(self.image.layers[layer], index)
        return self.checked.get(layer) if known is None else known

    @property
    def base_layers(self) -> int:
        """Number of layers of the base image."""
        return layers_of(self.image.steps, self.base_steps)

    @property
    def fixed_bytes(self) -> int:
        """Bytes saved by all findings marked as fixed."""
        return 0 if self.findings is None else self.findings.saving(self.fixed)

    def headline(self, *, short: bool = False) -> list[tuple[str, Role]]:
        """The headline figures known so far, given the current end of the base image."""
        stored = self.stored_so_far if self.opened is None else self.opened.accounting.stored
        findings = self.findings
        if findings is None:
            return headline(stored, short=short)
        if self._avoidable is None or self._avoidable[0] != self.base_steps:
            from layerscope.analysis.findings.grouping import is_base  # not before the first frame

            numbers = [
                number
                for number, finding in enumerate(findings.found)
                if not is_base(finding, self.base_steps)
            ]
            self._avoidable = self.base_steps, findings.saving(), findings.saving(numbers)
        return headline(stored, *self._avoidable[1:], self.secrets, short=short)

    def base_origin(self) -> str:
        """How the end of the base image was determined; not safe for a terminal."""
        guess = self.base_guess
        if self._dockerfile_base == self.base_steps:
            return "from the Dockerfile"
        if guess is not None and guess.steps == self.base_steps:
            return f"estimated: {guess.reason}"
        named = f"{guess.name}, " if guess is not None and guess.name else ""
        return f"{named}set by you"

    def move_base(self, by: int) -> bool:
        """Move the end of the base image by `by` steps; returns False if it cannot move."""
        self._base_moved_by_user = True
        moved = max(0, min(self.base_steps + by, len(self.image.steps)))
        changed = moved != self.base_steps
        self.base_steps = moved
        return changed

    def digest_state(self) -> DigestState:
        """The state of the digests of all layers."""
        if any(index is not None and index.broken is not None for index in self.indexes):
            return DigestState.DAMAGED
        return state_of(
            self.image.layers, [self.verified(layer) for layer in range(len(self.indexes))]
        )
