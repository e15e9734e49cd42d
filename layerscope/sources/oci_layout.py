"""OCI image layouts: `index.json`, nested indexes, manifests and blobs (OCI image-spec image-layout.md, image-index.md)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from layerscope.errors import CorruptImageError, LayerscopeError, NotAnImageError
from layerscope.image.digest import is_digest, sha256
from layerscope.image.documents import DocumentError, Lenient, decode_object
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning
from layerscope.layers.blob import Blob, MemoryBlob
from layerscope.limits import Limits
from layerscope.sources.base import Candidate, ImageParts, LayerPart
from layerscope.sources.docker_archive import read_document
from layerscope.sources.members import Members

INDEX = "index.json"
LAYOUT = "oci-layout"
MAX_NESTING = 8
"""Indexes inside indexes; the specification names no bound."""

REFERENCE_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
REFERENCE_TYPE = "vnd.docker.reference.type"
SUBJECT = "io.containerd.manifest.subject"

CONFIG_TYPES = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+"


@dataclass(frozen=True, slots=True)
class _Descriptor:
    """A descriptor (OCI image-spec descriptor.md)."""

    digest: str
    media_type: str
    size: int | None
    annotations: dict[str, Any]
    platform: Platform | None
    data: str | None

    @classmethod
    def read(cls, value: object) -> _Descriptor | None:
        """None for what has no digest that may name a blob."""
        fields = Lenient(value, "descriptor")
        digest = fields.text("digest")
        if digest is None or not is_digest(digest):
            return None
        platform = fields.child("platform")
        os, architecture = platform.text("os"), platform.text("architecture")
        return cls(
            digest=digest,
            media_type=fields.text("mediaType") or "",
            size=fields.number("size"),
            annotations=fields.mapping("annotations"),
            platform=Platform.of(os or "", architecture or "", platform.text("variant") or "")
            if architecture
            else None,
            data=fields.text("data"),
        )

    @property
    def is_image(self) -> bool:
        """False for attestations, signatures and other things that refer to an image."""
        unknown = self.platform is not None and self.platform.os == "unknown"
        return not (
            unknown or self.annotations.get(REFERENCE_TYPE) or self.annotations.get(SUBJECT)
        )

    def tags(self) -> list[str]:
        """Names that the top-level index gives it, the full one first."""
        full, name = self.annotations.get(CONTAINERD_NAME), self.annotations.get(REFERENCE_NAME)
        if isinstance(full, str) and full:
            return [full]
        return [name] if isinstance(name, str) and name else []


class OciLayout:
    """An OCI layout in a directory or a tar."""

    def __init__(self, members: Members, limits: Limits) -> None:
        self._members = members
        self._limits = limits
        self.warnings: list[ImageWarning] = []
        self._problems: list[LayerscopeError] = []

    def candidates(self) -> list[Candidate]:
        """All images, in the order of the index, with those of equal digest merged.

        Raises `LayerscopeError` if the index names none that could be opened.
        """
        index = self._members.find(INDEX)
        if index is None:
            raise NotAnImageError(f"{INDEX} is missing")
        self._check_layout()
        top = decode_object(read_document(index, self._limits), INDEX, self._limits)
        merged: dict[str, Candidate] = {}
        groups: dict[object, int] = {}
        for value in Lenient(top, INDEX).items("manifests"):
            descriptor = _Descriptor.read(value)
            if descriptor is None or not descriptor.is_image:
                continue
            tags = descriptor.tags()
            group = groups.setdefault(tuple(tags) if tags else "unnamed", len(groups))
            for leaf, manifest in self._leaves(descriptor, set(), 0):
                self._add(merged, leaf, manifest, tags, group, descriptor.digest)
        if not merged:
            self._nothing(top)
        return list(merged.values())

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

    def _leaves(
        self, descriptor: _Descriptor, seen: set[str], depth: int
    ) -> Iterator[tuple[_Descriptor, dict[str, Any]]]:
        """The image manifests that a descriptor leads to; what is not in the layout is left out."""
        if depth > MAX_NESTING or descriptor.digest in seen:
            return
        seen.add(descriptor.digest)
        try:
            document = self._document(descriptor)
        except LayerscopeError as error:
            self._problems.append(error)
            return
        manifests, layers = document.get("manifests"), document.get("layers")
        if manifests is not None and (layers is not None or document.get("config") is not None):
            self._problems.append(
                CorruptImageError(
                    f"manifest {descriptor.digest[:19]} is an index and an image at once"
                )
            )
        elif manifests is not None:
            for value in manifests if isinstance(manifests, list) else ():
                child = _Descriptor.read(value)
                if child is not None and child.is_image:
                    yield from self._leaves(child, seen, depth + 1)
        elif document.get("schemaVersion") == 1 or descriptor.media_type.startswith(SCHEMA_1):
            self._problems.append(
                NotAnImageError(
                    "the manifest is of the obsolete schema 1, which names no diff IDs",
                    hint="pull or convert the image with a current tool",
                )
            )
        elif isinstance(document.get("config"), dict):
            yield descriptor, document
        else:
            kind = (
                document.get("artifactType")
                or document.get("mediaType")
                or descriptor.media_type
                or "unknown"
            )
            self._problems.append(
                NotAnImageError(f"manifest {descriptor.digest[:19]} is no image (type {kind})")
            )

    def _add(
        self,
        merged: dict[str, Candidate],
        leaf: _Descriptor,
        manifest: dict[str, Any],
        tags: list[str],
        group: int,
        top: str,
    ) -> None:
        """Take a manifest as a candidate, or its further names if it is one already."""
        known = merged.get(leaf.digest)
        if known is not None:
            merged[leaf.digest] = Candidate(
                [*known.tags, *(tag for tag in tags if tag not in known.tags)],
                known.platform,
                known.load,
                known.digests,
                known.group,
            )
            return

        def load() -> ImageParts:
            return self._load(leaf, manifest)

        config = _Descriptor.read(manifest.get("config"))
        digests = [leaf.digest, *([config.digest] if config else []), top]
        merged[leaf.digest] = Candidate(
            tags, leaf.platform or self._config_platform(config), load, digests, group
        )

    def _config_platform(self, config: _Descriptor | None) -> Platform | None:
        """The platform that a small config states, where the descriptor does not."""
        if config is None:
            return None
        try:
            fields = Lenient(self._document(config), "config")
        except LayerscopeError:
            return None
        os, architecture = fields.text("os"), fields.text("architecture")
        return (
            Platform.of(os or "", architecture, fields.text("variant") or "")
            if architecture
            else None
        )

    def _load(self, leaf: _Descriptor, manifest: dict[str, Any]) -> ImageParts:
        warnings = []
        blob = self._blob(leaf, "the manifest")
        if (
            leaf.digest.startswith("sha256:")
            and sha256(read_document(blob, self._limits)) != leaf.digest
        ):
            warnings.append(
                ImageWarning("digest-mismatch", None, "the manifest is not what its digest says")
            )
        config = _Descriptor.read(manifest.get("config"))
        if config is None:
            raise CorruptImageError("the manifest names no config")
        layers = []
        for number, value in enumerate(Lenient(manifest, "manifest").items("layers")):
            layer = _Descriptor.read(value)
            if layer is None:
                raise CorruptImageError(f"layer {number} has no digest in the manifest")
            layers.append(
                LayerPart(
                    self._blob(layer, f"layer {number}"), layer.digest, layer.media_type or None
                )
            )
        artifact = (
            None
            if config.media_type in ("", *CONFIG_TYPES)
            else str(manifest.get("artifactType") or config.media_type)
        )
        data = read_document(self._blob(config, "the config"), self._limits)
        return ImageParts(layers, data, leaf.digest, config.digest, artifact, warnings=warnings)

    def _document(self, descriptor: _Descriptor) -> dict[str, Any]:
        name = f"blob {descriptor.digest[:19]}"
        return decode_object(
            read_document(self._blob(descriptor, name), self._limits), name, self._limits
        )

    def _blob(self, descriptor: _Descriptor, role: str) -> Blob:
        """The blob of a descriptor: in the layout, or inline."""
        algorithm, _, encoded = descriptor.digest.partition(":")
        blob = self._members.find(f"blobs/{algorithm}/{encoded}")
        if blob is not None:
            return blob
        if descriptor.data is not None:
            try:
                data = base64.b64decode(descriptor.data, validate=True)
            except (binascii.Error, ValueError):
                data = b""
            if data and (
                not descriptor.digest.startswith("sha256:") or sha256(data) == descriptor.digest
            ):
                return MemoryBlob(role, data)
        raise CorruptImageError(
            f"{role} ({descriptor.digest[:19]}…) is not in the layout",
            hint="the layout is incomplete: copy the image again, with all platforms that it names",
        )

    def _nothing(self, top: dict[str, Any]) -> None:
        """Say why there is no image."""
        if self._problems:
            raise self._problems[0]
        if not top.get("manifests"):
            raise NotAnImageError(f"{INDEX} lists no images")
        raise NotAnImageError(
            f"{INDEX} lists no images, only attestations or things that refer to one"
        )


def looks_like_index(data: bytes, limits: Limits) -> bool:
    """Whether `index.json` is that of a layout, and no web page's."""
    try:
        document = decode_object(data, INDEX, limits)
    except DocumentError:
        return False
    return document.get("schemaVersion") == 2 or isinstance(document.get("manifests"), list)
