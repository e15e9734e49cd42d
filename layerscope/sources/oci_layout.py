"""OCI image layouts: `index.json`, nested indexes, manifests and blobs (OCI image-spec image-layout.md, image-index.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct

from layerscope.errors import CorruptImageError, LayerscopeError, NotAnImageError
from layerscope.image.config import parse_config
from layerscope.image.documents import (
    DocumentError,
    Lenient,
    decode_object,
)
from layerscope.image.platform import Platform, platform_in_document
from layerscope.image.warnings import ImageWarning
from layerscope.limits import Limits
from layerscope.sources.artifacts import (
    Artifact,
    artifact_of_descriptor,
    artifact_of_type,
    may_be_manifest,
    not_an_image,
)
from layerscope.sources.attestations import read_beside, subject_of
from layerscope.sources.base import Candidate, ImageParts, artifact_candidate
from layerscope.sources.descriptions import Description, candidates_to_offer, merge_by_image
from layerscope.sources.docker_archive import read_document
from layerscope.sources.members import Members
from layerscope.sources.oci_blobs import OciBlobs
from layerscope.sources.oci_descriptor import Descriptor
from layerscope.sources.oci_image import read_image
from layerscope.sources.oci_node import Node, node_of

INDEX = "index.json"
LAYOUT = "oci-layout"
MAX_NESTING = 8
"""Maximum depth of nested indexes; the specification has no limit."""
MAX_REACHED = 1_000_000
"""Maximum number of manifests reachable from an index, counted once per path and name: indexes may share entries."""

MAX_ARTIFACTS = 10_000
"""Maximum number of artifacts kept, for errors that name their type."""


class _Image(Struct):
    """An image manifest with all of its names."""

    descriptor: Descriptor
    manifest: dict[str, Any]
    groups: list[int]
    top: str
    """Digest of its entry in the top-level index."""
    tags: dict[str, None]
    artifact: Artifact | None
    """The artifact, if it is not an image."""


class OciLayout:
    """An OCI layout in a directory or a tar."""

    def __init__(self, members: Members, limits: Limits) -> None:
        self.warnings: list[ImageWarning] = []
        self.absent: list[Platform] = []
        """Platforms that an index lists without their images being stored."""
        self.artifacts: list[Candidate] = []
        """Entries that are not images."""
        self.other_configs: set[str] = set()
        """Config digests of manifests that are not images."""
        self.unread: list[Candidate] = []
        """Entries of `index.json` whose manifest cannot be read."""
        self._members = members
        self._blobs = OciBlobs(members, limits)
        self._limits = limits
        self._nodes: dict[str, Node] = {}
        self._platforms: dict[str, Platform | None] = {}
        """The platform of each config, by digest."""
        self._known_diff_ids: dict[str, Sequence[str | None]] = {}
        """The diff IDs of each config, by digest."""
        self._reached = 0
        self._artifacts: dict[Artifact, None] = {}
        self._attestations: dict[str, Descriptor] = {}
        """The attestation manifest of each image, by the image's digest."""

    def candidates(self) -> list[Candidate]:
        """All stored images, in index order. Raises `LayerscopeError` if there are none."""
        candidates, absent, warnings = candidates_to_offer(
            merge_by_image(self.descriptions()), self.unread
        )
        self.absent += absent
        self.warnings += warnings
        return candidates

    def descriptions(self) -> list[Description]:
        """All images of the index in order, merged by digest; without images, artifacts that may open as one.

        Raises `LayerscopeError` if there are neither.
        """
        index = self._members.find(INDEX)
        if index is None:
            raise NotAnImageError(f"{INDEX} is missing")
        self._check_layout()
        top = decode_object(read_document(index, self._limits), INDEX, self._limits)
        images: dict[str, _Image] = {}
        groups: dict[object, int] = {}
        unnamed: dict[Platform | None, int] = {}
        for descriptor, tags in self._top_level(top):
            group = groups.setdefault(self._group(descriptor, tags, unnamed), len(groups))
            for leaf in self._leaves(descriptor, set(), 0, tags):
                self._add(images, leaf, tags, group, descriptor.digest)
        if not images:
            raise self._no_image_error()
        plain = [image for image in images.values() if image.artifact is None]
        if plain:
            for image in images.values():
                if image.artifact is not None:
                    self._note_artifact(image.artifact, image.tags, image.descriptor.digest)
        return [self._description(image) for image in plain or images.values()]

    def _check_layout(self) -> None:
        """Warn if `oci-layout` is missing or unreadable; images open without it."""
        blob = self._members.find(LAYOUT)
        try:
            if blob is not None and Lenient(
                decode_object(read_document(blob, self._limits), LAYOUT, self._limits), LAYOUT
            ).text("imageLayoutVersion"):
                return
        except LayerscopeError:
            pass
        self.warnings.append(
            ImageWarning(
                "layout-incomplete",
                None,
                f"{LAYOUT} is missing or unreadable; treated as an OCI layout",
            )
        )

    def _top_level(self, top: dict[str, Any]) -> list[tuple[Descriptor, dict[str, None]]]:
        """The entries of the top-level index: one descriptor per digest, with its names in order."""
        tops: dict[str, tuple[Descriptor, dict[str, None]]] = {}
        for value in Lenient(top, INDEX).items("manifests"):
            descriptor = Descriptor.read(value)
            self._note_attestations(descriptor)
            if descriptor is None:
                continue
            if (artifact := artifact_of_descriptor(descriptor)) is not None:
                self._note_artifact(artifact, descriptor.tags(), descriptor.digest)
                continue
            _, tags = tops.setdefault(descriptor.digest, (descriptor, {}))
            tags.update(dict.fromkeys(descriptor.tags()))
        return list(tops.values())

    def _group(
        self, descriptor: Descriptor, tags: dict[str, None], unnamed: dict[Platform | None, int]
    ) -> object:
        """A key that is equal for descriptors of one image for several platforms.

        It is the name; without names, the index, or one for all manifests if their platforms all differ.
        """
        if tags:
            return tuple(tags)
        node = self._node(descriptor)
        if node.manifest is None or node.artifact is not None:
            return descriptor.digest
        platform = self._platform(descriptor, node.manifest)
        unnamed[platform] = unnamed.get(platform, 0) + 1
        return unnamed[platform]

    def _leaves(
        self, descriptor: Descriptor, seen: set[str], depth: int, tags: dict[str, None]
    ) -> Iterator[Descriptor]:
        """The manifests reachable from a descriptor that may be images; those not in the layout are left out."""
        if depth > MAX_NESTING or descriptor.digest in seen:
            return
        seen.add(descriptor.digest)
        self._reached += 1 + len(tags)
        if self._reached > MAX_REACHED:
            raise CorruptImageError(f"{INDEX} references more than {MAX_REACHED:,} manifests")
        node = self._node(descriptor)
        if node.manifest is not None:
            yield descriptor
        elif node.artifact is not None:
            self._note_artifact(node.artifact, tags, descriptor.digest)
        elif node.problem is not None:
            if descriptor.platform is not None:
                self.absent.append(descriptor.platform)
            if not depth:
                self.unread.append(_unreadable_entry(descriptor, tags, node.problem))
        for child in node.children:
            yield from self._leaves(child, seen, depth + 1, tags)

    def _node(self, descriptor: Descriptor) -> Node:
        """The content of a descriptor, read once."""
        node = self._nodes.get(descriptor.digest)
        if node is None:
            try:
                node = self._read(descriptor)
            except LayerscopeError as error:
                node = Node(problem=error)
                if not may_be_manifest(descriptor.media_type):
                    node = Node(artifact=artifact_of_type(descriptor.media_type))
            self._nodes[descriptor.digest] = node
        return node

    def _read(self, descriptor: Descriptor) -> Node:
        node = node_of(self._blobs.document(descriptor), descriptor)
        self._note_attestations(*node.listed)
        for digest, artifact in node.artifacts.items():
            self._note_artifact(artifact, (), digest)
        if node.artifact is not None and node.config is not None:
            self.other_configs.add(node.config.digest)
        return node

    def _add(
        self,
        images: dict[str, _Image],
        leaf: Descriptor,
        tags: dict[str, None],
        group: int,
        top: str,
    ) -> None:
        """Add a manifest as an image, or its names to an image that is already known."""
        known = images.get(leaf.digest)
        if known is not None:
            known.tags.update(tags)
            if group not in known.groups:
                known.groups.append(group)
        elif (manifest := self._node(leaf).manifest) is not None:
            artifact = self._node(leaf).artifact
            images[leaf.digest] = _Image(leaf, manifest, [group], top, dict(tags), artifact)

    def _description(self, image: _Image) -> Description:
        def load() -> ImageParts:
            beside = read_beside(self._blobs, self._attestations.get(leaf.digest))
            return read_image(self._blobs, leaf, image.manifest, beside, image.artifact)

        leaf = image.descriptor
        config = Descriptor.read(image.manifest.get("config"))
        digests = [leaf.digest, *([config.digest] if config else []), image.top]
        values = Lenient(image.manifest, "manifest").items("layers")
        layers = [Descriptor.read(value) for value in values]
        return Description(
            Candidate(
                list(image.tags),
                self._platform(leaf, image.manifest),
                load,
                digests,
                tuple(image.groups),
                is_image=image.artifact is None,
            ),
            config.digest if config else None,
            config is not None and self._blobs.has_blob(config),
            [None if layer is None else layer.digest for layer in layers],
            [layer is None or layer.is_foreign or self._blobs.has_blob(layer) for layer in layers],
            lambda: self._diff_ids(config),
            nested=image.top != leaf.digest,
        )

    def _diff_ids(self, config: Descriptor | None) -> Sequence[str | None]:
        """The diff IDs of a config, read once."""
        if config is None:
            return ()
        if config.digest not in self._known_diff_ids:
            listed: Sequence[str | None] = ()
            with suppress(LayerscopeError):
                data = self._blobs.read(config, "the config")
                listed = parse_config(data, "the config", self._limits).diff_ids
            self._known_diff_ids[config.digest] = listed
        return self._known_diff_ids[config.digest]

    def _note_artifact(self, artifact: Artifact, tags: Iterable[str], digest: str) -> None:
        self._artifacts.setdefault(artifact)
        if len(self.artifacts) < MAX_ARTIFACTS:
            self.artifacts.append(artifact_candidate(artifact, list(tags), [digest]))

    def _platform(self, descriptor: Descriptor, manifest: dict[str, Any]) -> Platform | None:
        """The platform of an image: from the descriptor, else from the config; the OS version from either."""
        config, listed_platform = Descriptor.read(manifest.get("config")), descriptor.platform
        if config is None or (
            listed_platform is not None
            and (listed_platform.os == "linux" or listed_platform.os_version)
        ):
            return listed_platform  # Linux has no versions, so the config is not needed
        stated = self._config_platform(config)
        if listed_platform is None or stated is None:
            return listed_platform or stated
        return listed_platform.with_version(stated)

    def _config_platform(self, config: Descriptor) -> Platform | None:
        """The platform of a config, read once."""
        if config.digest not in self._platforms:
            try:
                stated = platform_in_document(Lenient(self._blobs.document(config), "config"))
            except LayerscopeError:
                stated = None
            self._platforms[config.digest] = stated
        return self._platforms[config.digest]

    def _note_attestations(self, *descriptors: Descriptor | None) -> None:
        for descriptor in descriptors:
            subject = None if descriptor is None else subject_of(descriptor)
            if descriptor is not None and subject is not None:
                self._attestations.setdefault(subject, descriptor)

    def _no_image_error(self) -> LayerscopeError:
        """The error for a layout without images."""
        problems = (node.problem for node in self._nodes.values() if node.problem is not None)
        first = next(problems, None)
        if first is not None:
            return first
        if self._artifacts:
            return not_an_image(self._artifacts)
        return NotAnImageError(f"{INDEX} lists no images")


def _unreadable_entry(
    descriptor: Descriptor, tags: Iterable[str], problem: LayerscopeError
) -> Candidate:
    """A candidate for an entry of `index.json` whose manifest cannot be read."""

    def load() -> ImageParts:
        raise problem

    return Candidate(list(tags), descriptor.platform, load, [descriptor.digest])


def looks_like_index(data: bytes, limits: Limits) -> bool:
    """Whether `index.json` belongs to a layout, not to a web page."""
    try:
        document = decode_object(data, INDEX, limits)
    except DocumentError:
        return False
    return document.get("schemaVersion") == 2 or isinstance(document.get("manifests"), list)
