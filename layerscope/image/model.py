"""An image as described by its documents: config, steps and layers, without contents of files."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from layerscope.image.history import Step
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning


class ImageConfig(Struct, frozen=True):
    """Settings for containers of the image (OCI image-spec config.md)."""

    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    user: str | None = None
    working_dir: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()


class Layer(Struct, frozen=True):
    """A layer as described by manifest and config."""

    index: int
    step: int
    """Index of the step that stores it."""
    digest: str | None
    """Claimed digest of the stored blob; None if not claimed."""
    diff_id: str | None
    """Claimed digest of the uncompressed tar; None if not claimed."""
    chain_id: str | None
    media_type: str | None
    repeat_of: int | None
    """The first layer with the same blob; None if there is none."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the blob in the manifest."""


class Alternative(Struct, frozen=True):
    """Another image in the same place, or the same one for another platform."""

    reference: str | None
    platform: Platform | None


class Referrer(Struct, frozen=True):
    """Something in a registry that refers to an image: a signature, an SBOM."""

    name: str
    """A description with an article: "a signature"."""
    media_type: str
    digest: str


class Beside(Struct, frozen=True):
    """Artifacts stored beside an image: attestations and referrers. Documents are not parsed yet."""

    provenance: bytes | None = None
    """The provenance statement; None if there is none."""
    sboms: tuple[bytes, ...] = ()
    """SBOMs, or in-toto statements that hold them."""
    referrers: tuple[Referrer, ...] = ()


class Image(Struct, frozen=True):
    """One image, opened from one place."""

    reference: str
    """The reference given by the user."""
    tags: tuple[str, ...]
    id: str | None
    """Digest of the config; None without a config."""
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
    """Annotations of the manifest; empty in formats without them."""
    beside: Beside = field(default_factory=Beside)
    """Attestations and referrers."""

    @property
    def recorded_steps(self) -> int:
        """Number of history entries; substitutes for missing ones do not count."""
        return sum(step.recorded for step in self.steps)

    @property
    def title(self) -> str:
        """The name to show: the first tag, after the location if it is a bare tag, as in OCI layouts."""
        named = self.reference.partition("://")[2] or self.reference
        place = named.rstrip("/").rpartition("/")[2] or self.reference
        if not self.tags:
            return place
        tag = self.tags[0]
        return tag if ":" in tag or "/" in tag else f"{place}:{tag}"
