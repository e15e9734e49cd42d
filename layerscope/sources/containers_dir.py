"""skopeo's `dir:` folders: a registry manifest and its blobs by bare digest (containers/image, directory transport)."""

from __future__ import annotations

from typing import Any

from layerscope.errors import CorruptImageError
from layerscope.image.documents import Lenient, decode_object
from layerscope.layers.blob import Blob, MissingBlob
from layerscope.limits import Limits
from layerscope.sources.base import Candidate, ImageParts
from layerscope.sources.docker_archive import MANIFEST, read_document
from layerscope.sources.members import Members
from layerscope.sources.oci_descriptor import CONFIG_TYPES, Descriptor, annotations_of
from layerscope.sources.oci_image import read_layers

VERSION = "version"


def is_containers_dir(members: Members) -> bool:
    """Whether a directory is one: by the file that says its version."""
    version = members.find(VERSION)
    return version is not None and version.pread(64, 0).startswith(b"Directory Transport Version:")


def candidates(members: Members, limits: Limits) -> list[Candidate]:
    """The one image of such a folder, for each platform whose manifest is there."""
    fields = Lenient(_document(members, MANIFEST, limits), MANIFEST)
    listed = [Descriptor.read(value) for value in fields.items("manifests")]
    if not listed:
        return [_candidate(members, MANIFEST, None, limits)]
    found = []
    for descriptor in listed:
        if descriptor is not None and descriptor.is_image:
            name = f"{descriptor.digest.partition(':')[2]}.manifest.json"
            if members.find(name) is not None:
                found.append(_candidate(members, name, descriptor, limits))
    if not found:
        raise CorruptImageError("the manifest list names no manifest that is there")
    return found


def _candidate(
    members: Members, name: str, descriptor: Descriptor | None, limits: Limits
) -> Candidate:
    def load() -> ImageParts:
        return _load(members, name, limits)

    if descriptor is None:
        return Candidate([], None, load)
    return Candidate([], descriptor.platform, load, [descriptor.digest])


def _load(members: Members, name: str, limits: Limits) -> ImageParts:
    fields = Lenient(_document(members, name, limits), name)
    config = Descriptor.read(fields.mapping("config"))
    if config is None:
        raise CorruptImageError(f"{name} names no config and layers")
    layers, warnings = read_layers(
        fields, name, lambda layer, number: _blob(members, layer, f"layer {number}")
    )
    artifact = None if config.media_type in ("", *CONFIG_TYPES) else config.media_type
    data = read_document(_blob(members, config, "the config"), limits)
    return ImageParts(
        layers,
        data,
        None,
        config.digest,
        artifact,
        warnings=warnings,
        annotations=annotations_of(fields),
    )


def _document(members: Members, name: str, limits: Limits) -> dict[str, Any]:
    blob = members.find(name)
    if blob is None:
        raise CorruptImageError(f"{name} is missing")
    return decode_object(read_document(blob, limits), name, limits)


def _blob(members: Members, descriptor: Descriptor, role: str) -> Blob:
    blob = members.find(descriptor.digest.partition(":")[2])
    if blob is None and descriptor.is_foreign:
        return MissingBlob(descriptor.digest, "a foreign layer, which is not stored with the image")
    if blob is None:
        raise CorruptImageError(
            f"{role} ({descriptor.digest[:19]}…) is not in the directory",
            hint="the copy is incomplete: copy the image again",
        )
    return blob
