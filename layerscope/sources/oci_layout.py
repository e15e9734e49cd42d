"""OCI image layouts: `index.json`, nested indexes, manifests and blobs (OCI image-spec image-layout.md, image-index.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from layerscope.errors import CorruptImageError, LayerscopeError, NotAnImageError
from layerscope.image.documents import (
    DocumentError,
    Lenient,
    decode_object,
    insensitive,
)
from layerscope.image.platform import Platform, stated_platform
from layerscope.image.warnings import ImageWarning
from layerscope.limits import Limits
from layerscope.sources.attestations import provenance_of, subject_of
from layerscope.sources.base import Candidate, ImageParts
from layerscope.sources.docker_archive import read_document
from layerscope.sources.members import Members
from layerscope.sources.oci_blobs import OciBlobs
from layerscope.sources.oci_descriptor import Descriptor
from layerscope.sources.oci_image import read_image

INDEX = "index.json"
LAYOUT = "oci-layout"
MAX_NESTING = 8
"""Indexes inside indexes; the specification names no bound."""
MAX_NAMED = 1_000_000
"""Manifests that an index leads to, each counted once for every way and name: indexes may share what they list."""

SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+"


@dataclass(slots=True)
class _Node:
    """What the manifest of one digest turned out to be: an index, an image, or a problem."""

    children: list[Descriptor] = field(default_factory=list)
    manifest: dict[str, Any] | None = None
    problem: LayerscopeError | None = None


@dataclass(slots=True)
class _Image:
    """An image manifest, by all the names that lead to it."""

    descriptor: Descriptor
    manifest: dict[str, Any]
    groups: list[int]
    top: str
    """Digest of what the top-level index names."""
    tags: dict[str, None]


class OciLayout:
    """An OCI layout in a directory or a tar."""

    def __init__(self, members: Members, limits: Limits) -> None:
        self.warnings: list[ImageWarning] = []
        self.absent: list[Platform] = []
        """Platforms that an index names without their images being stored."""
        self._members = members
        self._blobs = OciBlobs(members, limits)
        self._limits = limits
        self._nodes: dict[str, _Node] = {}
        self._platforms: dict[str, Platform | None] = {}
        """What each config states, by digest."""
        self._named = 0
        self._attestations: dict[str, Descriptor] = {}
        """The attestation manifest of each image, by the image's digest."""

    def candidates(self) -> list[Candidate]:
        """All images that are stored, in the order of the index, with those of equal digest merged.

        Raises `LayerscopeError` if the index names none that could be opened.
        """
        index = self._members.find(INDEX)
        if index is None:
            raise NotAnImageError(f"{INDEX} is missing")
        self._check_layout()
        top = decode_object(read_document(index, self._limits), INDEX, self._limits)
        images: dict[str, _Image] = {}
        groups: dict[object, int] = {}
        unnamed: dict[Platform | None, int] = {}
        for descriptor, tags in self._tops(top):
            group = groups.setdefault(self._group(descriptor, tags, unnamed), len(groups))
            for leaf in self._leaves(descriptor, set(), 0, len(tags)):
                self._add(images, leaf, tags, group, descriptor.digest)
        whole = [image for image in images.values() if self._is_whole(image.manifest)]
        if not images:
            raise self._nothing(top)
        if whole:
            self.absent += self._platforms_but(images, whole)
        return [self._candidate(image) for image in whole or images.values()]

    def manifest_digests(self) -> dict[str, str]:
        """The manifest of each config, by digest: what hybrid archives keep beside `manifest.json`."""
        digests = {}
        try:
            for candidate in self.candidates():
                manifest, config = candidate.digests[0], candidate.digests[1:2]
                if config:
                    digests[config[0]] = manifest
        except LayerscopeError:
            return digests
        return digests

    def _check_layout(self) -> None:
        """`oci-layout` should be there and readable; images open without it."""
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
                f"{LAYOUT} is missing or unreadable: read as an OCI layout all the same",
            )
        )

    def _tops(self, top: dict[str, Any]) -> list[tuple[Descriptor, dict[str, None]]]:
        """What the top-level index names: one descriptor a digest, with its names in order."""
        tops: dict[str, tuple[Descriptor, dict[str, None]]] = {}
        for value in Lenient(top, INDEX).items("manifests"):
            descriptor = Descriptor.read(value)
            self._note_attestations(descriptor)
            if descriptor is not None and descriptor.is_image:
                _, tags = tops.setdefault(descriptor.digest, (descriptor, {}))
                tags.update(dict.fromkeys(descriptor.tags()))
        return list(tops.values())

    def _group(
        self, descriptor: Descriptor, tags: dict[str, None], unnamed: dict[Platform | None, int]
    ) -> object:
        """What is equal for descriptors that name one image, for several platforms.

        Those of one name do; without names, an index does, and manifests that are all for different platforms.
        """
        if tags:
            return tuple(tags)
        node = self._node(descriptor)
        if node.manifest is None:
            return descriptor.digest
        platform = self._platform(descriptor, node.manifest)
        unnamed[platform] = unnamed.get(platform, 0) + 1
        return unnamed[platform]

    def _leaves(
        self, descriptor: Descriptor, seen: set[str], depth: int, names: int
    ) -> Iterator[Descriptor]:
        """The image manifests that a descriptor leads to; what is not in the layout is left out."""
        if depth > MAX_NESTING or descriptor.digest in seen:
            return
        seen.add(descriptor.digest)
        self._named += 1 + names
        if self._named > MAX_NAMED:
            raise CorruptImageError(
                f"{INDEX} leads to more than {MAX_NAMED:,} manifests: this looks hostile"
            )
        node = self._node(descriptor)
        if node.manifest is not None:
            yield descriptor
        elif node.problem is not None and descriptor.platform is not None:
            self.absent.append(descriptor.platform)
        for child in node.children:
            yield from self._leaves(child, seen, depth + 1, names)

    def _node(self, descriptor: Descriptor) -> _Node:
        """What a descriptor names, read once."""
        node = self._nodes.get(descriptor.digest)
        if node is None:
            try:
                node = self._read(descriptor)
            except LayerscopeError as error:
                node = _Node(problem=error)
            self._nodes[descriptor.digest] = node
        return node

    def _read(self, descriptor: Descriptor) -> _Node:
        document = insensitive(self._blobs.document(descriptor))
        manifests, layers = document.get("manifests"), document.get("layers")
        short = descriptor.digest[:19]
        if manifests is not None and (layers is not None or document.get("config") is not None):
            raise CorruptImageError(f"manifest {short} is an index and an image at once")
        if manifests is not None:
            values = manifests if isinstance(manifests, list) else []
            children = [child for value in values if (child := Descriptor.read(value))]
            self._note_attestations(*children)
            return _Node([child for child in children if child.is_image])
        if document.get("schemaversion") == 1 or descriptor.media_type.startswith(SCHEMA_1):
            raise NotAnImageError(
                "the manifest is of the obsolete schema 1, which names no diff IDs",
                hint="pull or convert the image with a current tool",
            )
        if isinstance(document.get("config"), dict):
            return _Node(manifest=document)
        kinds = (document.get("artifacttype"), document.get("mediatype"), descriptor.media_type)
        kind = next((kind for kind in kinds if kind), "unknown")
        raise NotAnImageError(f"manifest {short} is no image (type {kind})")

    def _add(
        self,
        images: dict[str, _Image],
        leaf: Descriptor,
        tags: dict[str, None],
        group: int,
        top: str,
    ) -> None:
        """Take a manifest as an image, or its further names if it is one already."""
        known = images.get(leaf.digest)
        if known is not None:
            known.tags.update(tags)
            if group not in known.groups:
                known.groups.append(group)
        elif (manifest := self._node(leaf).manifest) is not None:
            images[leaf.digest] = _Image(leaf, manifest, [group], top, dict(tags))

    def _candidate(self, image: _Image) -> Candidate:
        def load() -> ImageParts:
            provenance = self._provenance(image.descriptor.digest)
            return read_image(self._blobs, image.descriptor, image.manifest, provenance)

        config = Descriptor.read(image.manifest.get("config"))
        digests = [image.descriptor.digest, *([config.digest] if config else []), image.top]
        platform = self._platform(image.descriptor, image.manifest)
        return Candidate(list(image.tags), platform, load, digests, tuple(image.groups))

    def _is_whole(self, manifest: dict[str, Any]) -> bool:
        """Whether all of an image is stored: engines export indexes with images that they never pulled."""
        values = (manifest.get("config"), *Lenient(manifest, "manifest").items("layers"))
        return all(
            descriptor is None or descriptor.is_foreign or self._blobs.is_there(descriptor)
            for descriptor in map(Descriptor.read, values)
        )

    def _platforms_but(self, images: dict[str, _Image], whole: list[_Image]) -> list[Platform]:
        """Platforms of the images that are not whole."""
        kept = {image.descriptor.digest for image in whole}
        platforms = (
            self._platform(image.descriptor, image.manifest)
            for digest, image in images.items()
            if digest not in kept
        )
        return [platform for platform in platforms if platform is not None]

    def _platform(self, descriptor: Descriptor, manifest: dict[str, Any]) -> Platform | None:
        """The platform of an image: what the descriptor says, else what the config states; the version of either."""
        config, said = Descriptor.read(manifest.get("config")), descriptor.platform
        if config is None or (said is not None and (said.os == "linux" or said.os_version)):
            return said  # Linux has no versions: then no config is read
        stated = self._stated(config)
        if said is None or stated is None:
            return said or stated
        return said.with_version(stated)

    def _stated(self, config: Descriptor) -> Platform | None:
        """The platform that a config states, read once."""
        if config.digest not in self._platforms:
            try:
                stated = stated_platform(Lenient(self._blobs.document(config), "config"))
            except LayerscopeError:
                stated = None
            self._platforms[config.digest] = stated
        return self._platforms[config.digest]

    def _note_attestations(self, *descriptors: Descriptor | None) -> None:
        for descriptor in descriptors:
            subject = None if descriptor is None else subject_of(descriptor)
            if descriptor is not None and subject is not None:
                self._attestations.setdefault(subject, descriptor)

    def _provenance(self, digest: str) -> bytes | None:
        """The statement of how an image was built; None where there is none that can be read."""
        attestation = self._attestations.get(digest)
        if attestation is None:
            return None
        try:
            statement = provenance_of(insensitive(self._blobs.document(attestation)))
            blob = None if statement is None else self._blobs.find(statement, "")
            return None if blob is None else read_document(blob, self._limits)
        except LayerscopeError:
            return None

    def _nothing(self, top: dict[str, Any]) -> LayerscopeError:
        """Why there is no image."""
        problems = (node.problem for node in self._nodes.values() if node.problem is not None)
        first = next(problems, None)
        if first is not None:
            return first
        if not insensitive(top).get("manifests"):
            return NotAnImageError(f"{INDEX} lists no images")
        return NotAnImageError(
            f"{INDEX} lists no images, only attestations or things that refer to one"
        )


def looks_like_index(data: bytes, limits: Limits) -> bool:
    """Whether `index.json` is that of a layout, and no web page's."""
    try:
        document = decode_object(data, INDEX, limits)
    except DocumentError:
        return False
    return document.get("schemaVersion") == 2 or isinstance(document.get("manifests"), list)
