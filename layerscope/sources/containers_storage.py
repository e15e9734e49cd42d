"""containers-storage: the store of Podman, Buildah, skopeo and CRI-O, read directly (containers/storage: images.go, layers.go)."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

from layerscope.errors import CorruptImageError, LayerscopeError, UnreachableError
from layerscope.image.digest import is_digest
from layerscope.image.documents import Lenient, decode_object, lowercase_keys
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning
from layerscope.layers.tarsplit import TarSplitBlob
from layerscope.limits import Limits
from layerscope.sources.artifacts import artifact_of_descriptor, artifact_of_manifest
from layerscope.sources.base import Candidate, FoundImages, ImageParts, LayerPart, Request
from layerscope.sources.oci_descriptor import Descriptor
from layerscope.sources.references import NamedImage, pick_image
from layerscope.sources.storage_conf import DRIVERS, StoragePlace, places
from layerscope.sources.store_files import (
    StoreChangedError,
    check_access,
    open_layer,
    read_file,
    read_json,
    with_retries,
)
from layerscope.sources.store_image import StoreImage, config_details, total_size

KIND = "containers-storage"
MAX_DEPTH = 1_000
"""Maximum layers of one image; engines stop at a few hundred."""
_HINT = "run as the owner of the store: podman unshare layerscope …, or sudo layerscope …"
_TABLE = "zstd-chunked-manifest"
"""Key of the layer document with the place of composefs files."""
_UNREADABLE = "its files are not readable: contents are not compared or shown"
_ID = re.compile(r"[0-9a-f]{64}")
_PLAIN_KEY = re.compile(r"[0-9a-z.]*.?", re.DOTALL)


class _StoredImage(NamedImage, frozen=True):
    """An image of a store."""

    place: StoragePlace | None = None
    layer: str | None = None
    """ID of its top layer; None without layers, as for a manifest list."""
    keys: Sequence[str] = ()
    """Names of its documents."""
    created: str | None = None


class _StoredLayer(Struct, frozen=True):
    """A layer of a store."""

    id: str
    place: StoragePlace
    parent: str | None
    diff_id: str | None
    incomplete: bool
    size: int | None
    """Bytes of its tar, as the store records them."""


def find(request: Request, reference: str, kinds: Sequence[str] = ()) -> FoundImages:  # noqa: ARG001
    """The image of that name, in the stores of this user. Raises `UnreachableError`, `NotInStoreError`."""
    stores = [place for place in places(request.store_root) if _exists(place)]
    if not stores:
        first = places(request.store_root)[0]
        check_access(first.root, "containers-storage", _HINT)
        raise UnreachableError(f"no containers-storage found in {first.root}")
    for place in stores:
        check_access(place.images, "containers-storage", _HINT)
    images = with_retries(lambda: _images(stores, request.limits))
    image = pick_image(reference, images)
    location = str(image.place.root) if image.place is not None else None
    return FoundImages(KIND, _candidates(image, images, stores, request.limits), location=location)


def images(request: Request) -> list[NamedImage]:
    """All images of this user's stores. Raises `UnreachableError`."""
    stores = [place for place in places(request.store_root) if _exists(place)]
    if not stores:
        raise UnreachableError("no containers-storage found")
    return list(with_retries(lambda: _images(stores, request.limits)))


def list_images(request: Request) -> list[StoreImage]:
    """All images of this user's stores, described by their configs and the stores. Raises `UnreachableError`."""
    limits = request.limits
    stores = [place for place in places(request.store_root) if _exists(place)]
    stored = [image for image in images(request) if isinstance(image, _StoredImage)]
    layers = with_retries(lambda: _layers(stores, limits))
    chains = {image.id: _chain_of(image.layer, layers) for image in stored}
    inner = {layer.id for chain in chains.values() for layer in chain[:-1]}
    return [
        _store_image(image, chains[image.id], inner, limits)
        for image in stored
        if not _is_artifact(image, limits)
    ]


def _is_artifact(image: _StoredImage, limits: Limits) -> bool:
    """Whether its manifest is not that of an image."""
    try:
        manifest = decode_object(_big_data(image, "manifest", limits), "the manifest", limits)
    except (LayerscopeError, OSError):
        return False  # assume an image
    return (
        "manifests" not in manifest and artifact_of_manifest(lowercase_keys(manifest)) is not None
    )


def _store_image(
    image: _StoredImage, chain: Sequence[_StoredLayer], inner: Collection[str], limits: Limits
) -> StoreImage:
    try:
        details = config_details(_big_data(image, f"sha256:{image.id}", limits), limits)
    except LayerscopeError:  # a manifest list, or an image that was removed in between
        details = config_details(None, limits)
    sizes = [layer.size for layer in chain]
    return StoreImage(
        f"{KIND}://sha256:{image.id}", image.id, KIND, image.names, details.created or image.created,
        total_size(sizes) if chain or image.layer is None else None, details.platform,
        "" if image.place is None else str(image.place.root),
        details.layers(sizes, [layer.id for layer in chain]),
        intermediate=not image.names and image.layer in inner,
    )  # fmt: skip


def _chain_of(layer: str | None, known: Mapping[str, _StoredLayer]) -> list[_StoredLayer]:
    """The layers up to this one, bottom first, as far as the store has them."""
    chain: list[_StoredLayer] = []
    while layer in known and len(chain) < MAX_DEPTH:
        chain.append(known[str(layer)])
        layer = chain[-1].parent
    return chain[::-1]


def _exists(place: StoragePlace) -> bool:
    """Whether a store exists, readable or not."""
    try:
        return place.images.is_dir()
    except PermissionError:
        return True


def _images(stores: Sequence[StoragePlace], limits: Limits) -> list[_StoredImage]:
    """The images of all stores; of several with one ID, the first."""
    by_id: dict[str, _StoredImage] = {}
    for place in stores:
        listed = place.images / "images.json"
        if not listed.exists():
            continue  # a store that never had an image
        for value in _objects(read_json(listed, limits)):
            fields = Lenient(value, "images.json")
            image_id = fields.text("id") or ""
            if not _ID.fullmatch(image_id):
                continue
            digests = [fields.text("digest") or "", *_manifest_digests(fields)]
            by_id.setdefault(
                image_id,
                _StoredImage(
                    id=image_id,
                    names=fields.texts("names"),
                    digests=[digest for digest in digests if is_digest(digest)],
                    place=place,
                    layer=fields.text("layer") or None,
                    keys=fields.texts("big-data-names"),
                    created=fields.text("created"),
                ),
            )
    return list(by_id.values())


def _manifest_digests(fields: Lenient) -> list[str]:
    """Digests of an image's manifests: it may have been pulled by more than one."""
    digests = fields.mapping("big-data-digests")
    return [str(digest) for key, digest in digests.items() if key.partition("-")[0] == "manifest"]


def _objects(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _layers(stores: Sequence[StoragePlace], limits: Limits) -> dict[str, _StoredLayer]:
    """The layers of all stores, by ID."""
    layers: dict[str, _StoredLayer] = {}
    for place in stores:
        for name in ("layers.json", "volatile-layers.json"):
            listed = place.layers / name
            if not listed.exists():
                continue
            for value in _objects(read_json(listed, limits)):
                fields = Lenient(value, name)
                layer_id = fields.text("id") or ""
                if _ID.fullmatch(layer_id):
                    flags = fields.mapping("flags")
                    layer = _StoredLayer(
                        layer_id, place, fields.text("parent") or None,
                        fields.text("diff-digest"), flags.get("incomplete") is True,
                        fields.number("diff-size"),
                    )  # fmt: skip
                    layers.setdefault(layer_id, layer)
    return layers


def _candidates(
    image: _StoredImage,
    images: Sequence[_StoredImage],
    stores: Sequence[StoragePlace],
    limits: Limits,
) -> list[Candidate]:
    """The image itself; of a manifest list, the images that are in the store."""
    document = decode_object(_big_data(image, "manifest", limits), "the manifest", limits)
    listed = Lenient(document, "manifest").items("manifests")
    if not listed:
        return [_candidate(image, image.names, None, stores, limits)]
    candidates = []
    for descriptor in map(Descriptor.read, listed):
        if descriptor is None or artifact_of_descriptor(descriptor) is not None:
            continue
        for other in images:
            if descriptor.digest in other.digests:
                candidates.append(
                    _candidate(other, image.names, descriptor.platform, stores, limits)
                )
                break
    if not candidates:
        raise CorruptImageError(
            "none of the images in this manifest list is in the store",
            hint="pull the image for one platform first",
        )
    return candidates


def _candidate(
    image: _StoredImage,
    names: Sequence[str],
    platform: Platform | None,
    stores: Sequence[StoragePlace],
    limits: Limits,
) -> Candidate:
    def load() -> ImageParts:
        return _load(image, stores, limits)

    return Candidate(names, platform, load, [*image.digests, f"sha256:{image.id}"])


def _load(image: _StoredImage, stores: Sequence[StoragePlace], limits: Limits) -> ImageParts:
    document = decode_object(_big_data(image, "manifest", limits), "the manifest", limits)
    artifact = artifact_of_manifest(lowercase_keys(document))
    if artifact is not None and artifact.name is not None:
        raise artifact.error()
    manifest = Lenient(document, "manifest")
    descriptor = Descriptor.read(manifest.mapping("config"))
    digest = f"sha256:{image.id}" if descriptor is None else descriptor.digest
    config = _big_data(image, digest, limits)
    layers, warnings = [], []
    for number, layer in enumerate(with_retries(lambda: _chain(image, stores, limits))):
        place = layer.place
        table = (
            place.layers / layer.id / file_name(_TABLE) if place.in_composefs(layer.id) else None
        )
        split = place.layers / f"{layer.id}.tar-split.gz"
        blob = open_layer(layer.id, split, place.files(layer.id), limits, table)
        if isinstance(blob, TarSplitBlob) and not blob.has_files:
            warnings.append(ImageWarning("contents-unreadable", number, _UNREADABLE))
        layers.append(LayerPart(blob))
    return ImageParts(
        layers, config, next(iter(image.digests), None), digest, artifact, digest, warnings=warnings
    )


def _chain(
    image: _StoredImage, stores: Sequence[StoragePlace], limits: Limits
) -> list[_StoredLayer]:
    """The layers of an image, lowest first. Raises `StoreChangedError` if one is missing."""
    known = _layers(stores, limits)
    chain: list[_StoredLayer] = []
    layer_id = image.layer
    while layer_id is not None:
        layer = known.get(layer_id)
        if layer is None:
            raise StoreChangedError(
                f"layer {layer_id[:12]} is not in the store", hint="the image was removed, or the store is damaged"
            )  # fmt: skip
        if layer.incomplete:
            raise CorruptImageError(
                f"layer {layer_id[:12]} was never stored completely", hint="pull the image again"
            )
        chain.append(layer)
        if len(chain) > MAX_DEPTH:
            raise CorruptImageError(f"the image has more than {MAX_DEPTH:,} layers")
        layer_id = layer.parent
    return chain[::-1]


def _big_data(image: _StoredImage, key: str, limits: Limits) -> bytes:
    """A document of an image."""
    place = image.place
    name = file_name(key)
    if place is None or "/" in name:
        raise CorruptImageError(f"the store has no {key} of the image")
    return with_retries(lambda: read_file(place.images / image.id / name, limits))


def file_name(key: str) -> str:
    """The file of a document: its key where that is plain, else `=` and the key in base64 (containers/storage, makeBigDataBaseName)."""
    if _PLAIN_KEY.fullmatch(key):
        return key
    return "=" + base64.b64encode(key.encode()).decode()


__all__ = ["DRIVERS", "KIND", "file_name", "find", "images", "list_images"]
