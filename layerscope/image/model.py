"""An image as its documents describe it: config, steps and layers, without any content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from layerscope.image.history import Step
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What a container of the image starts with (OCI image-spec config.md)."""

    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    user: str | None = None
    working_dir: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as manifest and config claim it."""

    index: int
    step: int
    """Index of the step that stores it."""
    digest: str | None
    """Claimed digest of the blob as stored; None where nothing is claimed."""
    diff_id: str | None
    """Claimed digest of the uncompressed tar; None where nothing is claimed."""
    chain_id: str | None
    media_type: str | None
    repeat_of: int | None
    """The first layer that is the same blob, None if there is none."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """What the manifest says of the blob besides."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another image in the same place, or the same one for another platform."""

    reference: str | None
    platform: Platform | None


@dataclass(frozen=True, slots=True)
class Image:
    """One image, opened from one place."""

    reference: str
    """What the user asked for."""
    tags: tuple[str, ...]
    id: str | None
    """Digest of the config; None for what has no config."""
    manifest_digest: str | None
    created: str | None
    platform: Platform
    source_kind: str
    location: str
    config: ImageConfig
    steps: tuple[Step, ...]
    layers: tuple[Layer, ...]
    alternatives: tuple[Alternative, ...]
    warnings: tuple[ImageWarning, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)
    """What the manifest says besides; empty where a format has no place for it."""
    provenance: bytes | None = field(default=None, repr=False)
    """The raw statement of how it was built, as yet unread; None where none is stored with it."""

    @property
    def recorded_steps(self) -> int:
        """History entries that the image records; steps made up for layers without one do not count."""
        return sum(step.recorded for step in self.steps)

    @property
    def title(self) -> str:
        """The name to show: the first tag; with the place before it where that is a bare tag, as layouts have it."""
        named = self.reference.partition("://")[2] or self.reference
        place = named.rstrip("/").rpartition("/")[2] or self.reference
        if not self.tags:
            return place
        tag = self.tags[0]
        return tag if ":" in tag or "/" in tag else f"{place}:{tag}"
