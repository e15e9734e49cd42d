"""skopeo's `dir:` folders: a registry manifest and its blobs by bare digest (containers/image, directory transport)."""

from __future__ import annotations

from typing import Any

from layerscope.errors import CorruptImageError
from layerscope.image.documents import Lenient, decode_object, lowercase_keys
from layerscope.layers.blob import Blob
from layerscope.limits import Limits
from layerscope.sources.artifacts import (
    Artifact,
    artifact_of_descriptor,
    artifact_of_manifest,
    not_an_image,
)
from layerscope.sources.base import Candidate, FoundImages, ImageParts, artifact_candidate
from layerscope.sources.docker_archive import MANIFEST, read_document
from layerscope.sources.members import Members
from layerscope.sources.oci_descriptor import Descriptor, annotations_of
from layerscope.sources.oci_image import read_layers

VERSION = "version"
_NOT_IN_DIRECTORY = "is not in the directory"


def is_containers_dir(members: Members) -> bool:
    """Whether a directory has a `version` file, as skopeo writes it."""
    version = members.find(VERSION)
    return version is not None and version.pread(64, 0).startswith(b"Directory Transport Version:")


def find(members: Members, limits: Limits) -> FoundImages:
    """The image of such a folder, for each platform whose manifest is stored. Raises `LayerscopeError`."""
    top = _document(members, MANIFEST, limits)
    listed = [Descriptor.read(value) for value in Lenient(top, MANIFEST).items("manifests")]
    named: list[tuple[str, Descriptor | None]] = [(MANIFEST, None)] if not listed else []
    artifacts: list[Artifact] = []
    for descriptor in listed:
        if descriptor is None:
            continue
        if (artifact := artifact_of_descriptor(descriptor)) is not None:
            artifacts.append(artifact)
        elif members.find(name := f"{descriptor.digest.partition(':')[2]}.{MANIFEST}") is not None:
            named.append((name, descriptor))
    images: list[Candidate] = []
    others: list[Candidate] = []
    for name, descriptor in named:
        artifact = artifact_of_manifest(
            lowercase_keys(_document(members, name, limits)), descriptor
        )
        if artifact is not None and artifact.name is not None:
            artifacts.append(artifact)
            continue
        candidate = _candidate(members, name, descriptor, artifact, limits)
        (images if artifact is None else others).append(candidate)
    if not images and not others:
        if artifacts:
            raise not_an_image(artifacts)
        raise CorruptImageError("none of the manifests in the manifest list is present")
    return FoundImages("dir", images or others, artifacts=list(map(artifact_candidate, artifacts)))


def _candidate(
    members: Members,
    name: str,
    descriptor: Descriptor | None,
    artifact: Artifact | None,
    limits: Limits,
) -> Candidate:
    def load() -> ImageParts:
        return _load(members, name, artifact, limits)

    is_image = artifact is None
    if descriptor is None:
        return Candidate([], None, load, is_image=is_image)
    return Candidate([], descriptor.platform, load, [descriptor.digest], is_image=is_image)


def _load(members: Members, name: str, artifact: Artifact | None, limits: Limits) -> ImageParts:
    fields = Lenient(_document(members, name, limits), name)
    config = Descriptor.read(fields.mapping("config"))
    if config is None:
        raise CorruptImageError(f"{name} has no config or layers")
    layers, warnings = read_layers(
        fields, name, lambda layer, _: _find(members, layer), _NOT_IN_DIRECTORY
    )
    blob = _find(members, config)
    if blob is None:
        raise CorruptImageError(
            f"the config ({config.digest[:19]}…) {_NOT_IN_DIRECTORY}",
            hint="the copy is incomplete; copy the image again",
        )
    return ImageParts(
        layers,
        read_document(blob, limits),
        None,
        config.digest,
        artifact,
        warnings=warnings,
        annotations=annotations_of(fields),
    )


def _find(members: Members, descriptor: Descriptor) -> Blob | None:
    return members.find(descriptor.digest.partition(":")[2])


def _document(members: Members, name: str, limits: Limits) -> dict[str, Any]:
    blob = members.find(name)
    if blob is None:
        raise CorruptImageError(f"{name} is missing")
    return decode_object(read_document(blob, limits), name, limits)
