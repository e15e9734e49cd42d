"""Answers about a fleet. Sizes are content bytes, unless stated otherwise.

A size has two figures: `bytes` is the sum over all images. `once_bytes` counts each distinct layer once; for savings, only contents
that no image with the layer needs.
"""

from __future__ import annotations

import msgspec


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    pass


class FleetTotals(_Answer, frozen=True):
    """Figures of all images together."""

    images: int
    failed_images: int
    """Images without figures."""
    damaged_images: int
    """Images whose figures cover only a part."""
    layers: int
    """Layers of all images, each counted in each of its images."""
    distinct_layers: int
    stored_bytes: int
    stored_once_bytes: int
    wasted_bytes: int
    wasted_once_bytes: int
    avoidable_bytes: int
    avoidable_once_bytes: int
    blob_once_bytes: int
    """Bytes of the blobs of all distinct layers; of the tar where a blob is not compressed."""
    uncompressed_layers: int
    """Distinct layers counted by the bytes of their tars."""


class ImageShare(_Answer, frozen=True):
    """Shared and unique bytes of an image."""

    image: int
    shared_bytes: int
    """In layers that other images also have."""
    unique_bytes: int
    """In layers of this image only: reclaimable by removing it."""


class DistinctLayer(_Answer, frozen=True):
    """A layer, however many images have it."""

    digest: str
    """Its diff ID, else the digest of its blob."""
    bytes: int
    """Bytes of its blob in the first image that has it; of the tar if the blob is not compressed."""
    compressed: bool
    tar_bytes: int
    stored_bytes: int
    images: int
    total_bytes: int
    """Stored bytes of all images that have it."""
    base: bool
    """Whether it is part of a base image in every image that has it."""
    line: str
    """The step that made it, in the first image that has it."""


class LineSaving(_Answer, frozen=True):
    """Bytes that one rule would save in one Dockerfile line."""

    line: str
    images: int
    bytes: int
    once_bytes: int


class RuleAnswer(_Answer, frozen=True):
    """One rule over all images."""

    rule: str
    title: str
    severity: str
    """The highest severity of its findings."""
    images: int
    findings: int
    base_images: int
    """Images in which all of its findings are in the base image."""
    bytes: int
    once_bytes: int
    lines: list[LineSaving]


class LineAnswer(_Answer, frozen=True):
    """One Dockerfile line over all images."""

    line: str
    instruction: str | None
    images: int
    layers: int
    """Distinct layers that it made: more than one if its output differs, or the layers below do."""
    stored_bytes: int
    stored_once_bytes: int
    wasted_bytes: int
    wasted_once_bytes: int
    avoidable_bytes: int
    avoidable_once_bytes: int


class PackageVersion(_Answer, frozen=True):
    """A version of a package."""

    version: str
    images: int
    bytes: int


class PackageAnswer(_Answer, frozen=True):
    """A package over all images."""

    type: str
    name: str
    images: int
    bytes: int
    once_bytes: int
    """Counted once for each layer that stores most of it: the largest figure of any image."""
    versions: list[PackageVersion]


class BaseVersion(_Answer, frozen=True):
    """A version of a base image."""

    chain_id: str
    name: str | None
    """Its name, if an image records it."""
    created: str | None
    """When its last step was made."""
    layers: int
    stored_bytes: int
    images: list[int]
    """Numbers of the images built on it."""
    newest: bool
    """Whether it is the newest version of its base image; images on others are outdated."""
    unique_bytes: int
    """In layers that only these images have: reclaimable by removing all of them."""


class BaseAnswer(_Answer, frozen=True):
    """A base image with its versions, the newest first."""

    name: str | None
    """Its name without a tag, if an image records it."""
    line: str
    """Its first step that stores a layer."""
    images: int
    lagging_images: int
    versions: list[BaseVersion]


class RepositoryAnswer(_Answer, frozen=True):
    """The images of one repository."""

    name: str
    images: list[int]
    stored_bytes: int
    stored_once_bytes: int
    unique_bytes: int
    """In layers that no image of another repository has: reclaimable by removing all of them."""


class GrowthAnswer(_Answer, frozen=True):
    """The images that were made on one day."""

    date: str | None
    """As YYYY-MM-DD; None if it is unknown."""
    images: int
    stored_bytes: int
    """Bytes of these images."""
    added_bytes: int
    """Bytes of their layers that no earlier image has."""
    stored_once_bytes: int
    """Bytes of all images so far, each distinct layer once."""


class BuildDifference(_Answer, frozen=True):
    """The difference between builds of the same step, in numbers of paths; the largest figures of several pairs."""

    added: int
    removed: int
    modified: int
    """Paths with other contents or types."""
    metadata: int
    """Paths with the same content and other modes, owners or extended attributes."""
    times: int
    """Paths of which only the time differs."""
    attributes: list[str]
    """Attributes that differ, for the paths compared: mtime, mode, owner, xattrs, content, type, target, device."""
    paths: list[str]
    """Some of the paths, those that differ in more than their times first."""


class BuildAnswer(_Answer, frozen=True):
    """Layers with different digests that are builds of the same step: the build is not reproducible."""

    same_content: bool
    """Whether they have the same paths with the same contents; otherwise they were made by the same RUN on the same layers."""
    line: str
    """The step that made the first of them."""
    layers: list[str]
    """Digests of the layers, those of most images first."""
    images: int
    stored_bytes: int
    """Bytes of all these layers."""
    again_bytes: int
    """Bytes of all but the largest, which a reproducible build would not store."""
    differs: BuildDifference


class DuplicatesAnswer(_Answer, frozen=True):
    """Contents of at least 4,096 bytes that distinct layers store several times."""

    contents: int
    saved_bytes: int
    """Bytes of all copies but one."""
    largest: list[DuplicateAnswer]
    """Those that save most; the table `duplicates` has all."""


class DuplicateAnswer(_Answer, frozen=True):
    """One of these contents."""

    digest: str
    """First half of its SHA-256."""
    bytes: int
    copies: int
    layers: int
    images: int
    saved_bytes: int
    path: str | None
    """Its path in the first of these layers; None if unknown."""
    layer: str
    """The digest of that layer."""


class Answers(_Answer, frozen=True):
    """All answers. The order of each list is the one to show."""

    totals: FleetTotals
    shares: list[ImageShare]
    """In the order of the images; those without figures share nothing."""
    layers: list[DistinctLayer]
    """Those with most bytes in all images first."""
    rules: list[RuleAnswer]
    lines: list[LineAnswer]
    packages: list[PackageAnswer]
    bases: list[BaseAnswer]
    repositories: list[RepositoryAnswer]
    builds: list[BuildAnswer]
    duplicates: DuplicatesAnswer
    growth: list[GrowthAnswer]
