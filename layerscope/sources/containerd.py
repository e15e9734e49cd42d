"""containerd's content store, read directly: blobs by digest, as in an OCI layout, and names from its database.

Source: containerd, core/metadata/buckets.go and plugins/content/local. The default of Docker from version 29.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from layerscope.errors import LayerscopeError, UnreachableError
from layerscope.files import read_file
from layerscope.image.digest import is_digest
from layerscope.image.platform import Platform
from layerscope.layers.blob import Blob, MemoryBlob
from layerscope.limits import Limits
from layerscope.sources.artifacts import ArtifactError
from layerscope.sources.base import FoundImages, Request
from layerscope.sources.bbolt import Bolt, BoltError, Bucket
from layerscope.sources.containerd_roots import roots
from layerscope.sources.members import DirectoryMembers
from layerscope.sources.missing_blobs import explain_missing_blobs, explaining_missing_blobs
from layerscope.sources.oci_descriptor import CONTAINERD_NAME
from layerscope.sources.oci_layout import INDEX, LAYOUT, OciLayout
from layerscope.sources.references import NamedImage, NotInStoreError, pick_image
from layerscope.sources.store_files import (
    NoStoreError,
    StoreChangedError,
    check_access,
    no_store_error,
    with_retries,
)
from layerscope.sources.store_image import StoreImage, StoreLayer, config_details, total_size

KIND = "containerd"
NAMESPACES = ("moby", "k8s.io", "default")
"""Namespaces of Docker, Kubernetes and ctr, searched first."""
MAX_DATABASE = 1 << 30
"""Maximum size of a database in bytes; on nodes of large clusters it has some ten million."""
_CONTENT, _DATABASE = "io.containerd.content.v1.content", "io.containerd.metadata.v1.bolt/meta.db"
_HINT = "containerd's store is owned by root: run sudo layerscope …"
_WHAT, _PLACE = "containerd store", "containerd's store"
_UNPACKED = (
    "containerd has only the unpacked layer: fetch it with ctr content fetch; "
    "discard_unpacked_layers = false keeps it"
)
_BLOB = re.compile(r"blobs/([a-z0-9]+)/([0-9a-f]{32,128})")


class _StoredImage(NamedImage, frozen=True):
    """An image of a namespace with all of its names."""

    namespace: str = ""
    target: Mapping[str, Any] | None = None
    """Its descriptor: digest and media type."""


class ContentMembers:
    """The content store presented as an OCI layout with one image."""

    def __init__(self, content: Path, image: _StoredImage) -> None:
        self._blobs = DirectoryMembers(content)
        target = dict(image.target or {})
        named = [target | {"annotations": {CONTAINERD_NAME: name}} for name in image.names]
        index = {"schemaVersion": 2, "manifests": named or [target]}
        self._documents = {
            INDEX: MemoryBlob(INDEX, json.dumps(index).encode()),
            LAYOUT: MemoryBlob(LAYOUT, b'{"imageLayoutVersion": "1.0.0"}'),
        }

    def names(self) -> Iterable[str]:
        return self._documents

    def find(self, name: str) -> Blob | None:
        return self._documents.get(name) or (
            self._blobs.find(name) if _BLOB.fullmatch(name) else None
        )


def find(request: Request, reference: str, kinds: Sequence[str] = ()) -> FoundImages:  # noqa: ARG001
    """The image of that name in containerd's store. Raises `UnreachableError`, `NotInStoreError`."""
    names: list[str] = []
    for root, namespaces in _stores(request):
        for images in namespaces:
            try:
                return _find_image(root, pick_image(reference, images), request.limits)
            except NotInStoreError as error:
                names += error.names
    raise NotInStoreError("no such image", names)


def list_images(request: Request) -> list[StoreImage]:
    """All images of the first readable store; sizes are those of the stored blobs. Raises `UnreachableError`."""
    root, namespaces = next(_stores(request))
    stored = [image for images in namespaces for image in images]
    distinct = {image.id: image for image in reversed(stored)}
    images = [_store_image(root, image, request.limits) for image in reversed(distinct.values())]
    return [image for image in images if image is not None]


def _store_image(root: Path, image: _StoredImage, limits: Limits) -> StoreImage | None:
    """An image with the layers of all stored platforms, described by this machine's platform or else the first.

    None for an artifact.
    """
    named = StoreImage(
        f"{KIND}://sha256:{image.id}", image.id, KIND, image.names, location=str(root)
    )
    try:
        candidates = _find_image(root, image, limits).candidates
    except ArtifactError:
        return None
    except (LayerscopeError, OSError):
        return named  # its blobs are gone
    if not any(candidate.is_image for candidate in candidates):
        return None
    layers: dict[str, StoreLayer] = {}
    ranked = sorted(candidates, key=lambda one: _rank(one.platform))
    details = None
    for candidate in ranked:
        try:
            parts = candidate.load()
        except (LayerscopeError, OSError):
            continue
        config = config_details(parts.config, limits)
        details = details or replace(config, platform=candidate.platform or config.platform)
        keys = [part.digest or part.blob.name for part in parts.layers]
        for layer in config.layers([part.blob.size for part in parts.layers], keys):
            layers.setdefault(layer.key, layer)
    if details is None:
        return named
    sizes = [layer.size for layer in layers.values()]
    return replace(
        named, created=details.created, platform=details.platform, size=total_size(sizes), layers=list(layers.values())
    )  # fmt: skip


def _rank(platform: Platform | None) -> int:
    preference = None if platform is None else Platform.host().preference(platform)
    return 1 << 30 if preference is None else preference


def _stores(request: Request) -> Iterator[tuple[Path, list[list[_StoredImage]]]]:
    """The readable stores, and their images by namespace. Raises `UnreachableError` at the end if there are none."""
    searched = roots(request.store_root, limits=request.limits)
    refusals: list[UnreachableError] = []
    for root in searched.paths:
        try:
            yield root, _namespaces(root)
        except UnreachableError as error:
            refusals.append(error)
    if len(refusals) == len(searched.paths):
        refusal = no_store_error(refusals)
        if searched.note is not None:
            refusal = UnreachableError(f"{searched.note}; {refusal.message}", hint=refusal.hint)
        raise refusal


def _find_image(root: Path, image: _StoredImage, limits: Limits) -> FoundImages:
    layout = OciLayout(ContentMembers(root / _CONTENT, image), limits)
    with explaining_missing_blobs(_PLACE, _UNPACKED):
        candidates = layout.candidates()
    found = FoundImages(
        KIND, candidates, layout.warnings, absent=layout.absent, location=str(root), artifacts=layout.artifacts
    )  # fmt: skip
    return explain_missing_blobs(found, _PLACE, _UNPACKED)


def _namespaces(root: Path) -> list[list[_StoredImage]]:
    """The images of each namespace, in search order."""
    check_access(root, _WHAT, _HINT)
    try:
        check_access(root / _CONTENT, _WHAT, _HINT)
    except NoStoreError:
        raise NoStoreError(_WHAT, root) from None
    return with_retries(lambda: _read(root / _DATABASE))


def _read(path: Path) -> list[list[_StoredImage]]:
    """The images of each namespace, read once from the database. Raises `StoreChangedError` if it is damaged."""
    try:
        top = Bolt(read_file(path, MAX_DATABASE)).root().bucket(b"v1")
        known = {} if top is None else {
            name.decode(errors="replace"): bucket for name, bucket in top.items() if isinstance(bucket, Bucket)
        }  # fmt: skip
        chosen = os.environ.get("CONTAINERD_NAMESPACE")
        order = [chosen] if chosen else [*NAMESPACES, *sorted(known.keys() - set(NAMESPACES))]
        return [_images(name, known[name]) for name in order if name in known]
    except FileNotFoundError:
        raise UnreachableError(f"no containerd database found at {path}") from None
    except PermissionError:
        raise UnreachableError(f"{path}: permission denied", hint=_HINT) from None
    except BoltError as error:
        raise StoreChangedError(f"{path} is damaged: {error}") from error


def _images(namespace: str, bucket: Bucket) -> list[_StoredImage]:
    """The images of a namespace."""
    targets: dict[str, tuple[str, list[str], list[str]]] = {}
    stored = bucket.bucket(b"images")
    for raw, value in () if stored is None else stored.items():
        target = value.bucket(b"target") if isinstance(value, Bucket) else None
        if target is None:
            continue
        digest = (target.get(b"digest") or b"").decode(errors="replace")
        if not is_digest(digest):
            continue
        media_type = (target.get(b"mediatype") or b"").decode(errors="replace")
        _, names, digests = targets.setdefault(digest, (media_type, [], [digest]))
        name = raw.decode(errors="replace")
        if is_digest(name):  # Kubernetes names an image by its config, too
            digests.append(name)
        elif not name.startswith("moby-dangling@"):
            names.append(name)
    return [
        _StoredImage(
            id=digest.partition(":")[2], names=names, digests=digests, namespace=namespace,
            target={"digest": digest, "mediaType": media_type},
        )
        for digest, (media_type, names, digests) in targets.items()
    ]  # fmt: skip
