"""Docker's classic store, read directly (moby, daemon/internal: image, layer, refstore; daemon/graphdriver)."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from layerscope import files
from layerscope.errors import CorruptImageError, LayerscopeError, UnreachableError
from layerscope.image.digest import chain_ids, is_digest, sha256
from layerscope.image.documents import Lenient, decode_object
from layerscope.image.warnings import ImageWarning
from layerscope.layers.tarsplit import TarSplitBlob
from layerscope.limits import Limits
from layerscope.sources.artifacts import is_pseudo_platform
from layerscope.sources.base import Candidate, FoundImages, ImageParts, LayerPart, Request
from layerscope.sources.engine_roots import ReportedRoot, reported_roots
from layerscope.sources.references import NamedImage, pick_image
from layerscope.sources.store_files import (
    NoStoreError,
    StoreChangedError,
    check_access,
    no_store_error,
    open_layer,
    read_file,
    read_json,
    with_retries,
)
from layerscope.sources.store_image import StoreImage, config_details, total_size

KIND = "docker-store"
ROOTFUL = Path("/var/lib/docker")
ROOTFUL_CONF = Path("/etc/docker/daemon.json")
_HINT = (
    "the store is owned by root: run sudo layerscope …, or join the docker group to use the engine"
)
_WHAT = "classic Docker store"
_IN_CONTAINERD = "this engine keeps its images in containerd's store: containerd://IMAGE"
_ID = re.compile(r"[0-9a-f]{64}")
_CACHE_ID = re.compile(r"[0-9a-z]{1,128}")
_FILES = {
    "overlay2": "overlay2/{}/diff",
    "fuse-overlayfs": "fuse-overlayfs/{}/diff",
    "aufs": "aufs/diff/{}",
    "btrfs": "btrfs/subvolumes/{}",
    "vfs": "vfs/dir/{}",
}
"""The folder of a layer's files by driver, with its cache ID."""


class _StoredImage(NamedImage, frozen=True):
    """An image of a store."""

    root: Path = Path()
    driver: str = ""

    @property
    def folder(self) -> Path:
        """The folder of the driver's documents."""
        return self.root / "image" / self.driver

    @property
    def config(self) -> Path:
        """Its config."""
        return self.folder / "imagedb" / "content" / "sha256" / self.id

    @property
    def metadata(self) -> Path:
        """The folder of its metadata."""
        return self.folder / "imagedb" / "metadata" / "sha256" / self.id

    def layer(self, chain_id: str) -> Path:
        """The folder of a layer's documents."""
        return self.folder / "layerdb" / "sha256" / chain_id.partition(":")[2]


def find(request: Request, reference: str, kinds: Sequence[str] = ()) -> FoundImages:  # noqa: ARG001
    """The image of that name in Docker's own store. Raises `UnreachableError`, `NotInStoreError`."""
    image = pick_image(reference, _stored_images(request))

    def load() -> ImageParts:
        return _load(image, request.limits)

    candidate = Candidate(image.names, None, load, [f"sha256:{image.id}", *image.digests])
    return FoundImages(KIND, [candidate], location=str(image.root))


def list_images(request: Request) -> list[StoreImage]:
    """All images of the first readable store, described by their configs and the store. Raises `UnreachableError`."""
    stored = _stored_images(request)
    parents = {_read_small(image.metadata / "parent").rpartition(":")[2] for image in stored}
    images = [_store_image(image, parents, request.limits) for image in stored]
    return [image for image in images if not is_pseudo_platform(image.platform)]


def _store_image(image: _StoredImage, parents: Collection[str], limits: Limits) -> StoreImage:
    try:
        details = config_details(read_file(image.config, limits), limits)
    except LayerscopeError:  # it was removed in between
        details = config_details(None, limits)
    chains = [str(chain) for chain in chain_ids(details.diff_ids)]
    records = [_read_small(image.layer(chain) / "size") for chain in chains]
    sizes = [int(record) if record.isdecimal() else None for record in records]
    return StoreImage(
        f"{KIND}://sha256:{image.id}", image.id, KIND, image.names, details.created, total_size(sizes),
        details.platform, str(image.root), details.layers(sizes, chains),
        intermediate=not image.names and not image.digests and image.id in parents,
    )  # fmt: skip


def _read_small(path: Path) -> str:
    """A small text file of the store; empty if missing."""
    try:
        return files.read_file(path, 200).decode(errors="replace").strip()
    except OSError:
        return ""


def roots(environment: Mapping[str, str] | None = None) -> list[Path]:
    """Docker's data folders: rootless first, then the system's."""
    environment = os.environ if environment is None else environment
    system = _data_root(ROOTFUL_CONF) or ROOTFUL
    if os.geteuid() == 0:
        return [system]
    config = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    data = Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return [_data_root(config / "docker" / "daemon.json") or data / "docker", system]


def _data_root(conf: Path) -> Path | None:
    """The `data-root` of a daemon.json, or `graph`, its old name."""
    try:
        fields = Lenient(
            decode_object(files.read_file(conf, 1 << 20), str(conf), Limits()), "daemon.json"
        )
    except (OSError, CorruptImageError):
        return None  # the engine would not start with it
    root = fields.text("data-root") or fields.text("graph")
    return Path(root) if root else None


def _stored_images(request: Request) -> list[_StoredImage]:
    """The images of the first existing store."""
    refusals: list[UnreachableError] = []
    for root, origin in _places(request):
        try:
            drivers = list(_drivers(root))
        except UnreachableError as error:
            if isinstance(error, NoStoreError) and origin is not None:
                error.where += f" ({origin.engine})"
                error.hint = _IN_CONTAINERD if origin.in_containerd else None
            refusals.append(error)
            continue
        return with_retries(
            lambda root=root, drivers=drivers: [  # type: ignore[misc]  # bound at once
                image for driver in drivers for image in _images(root, driver, request.limits)
            ]
        )
    raise no_store_error(refusals)


def _places(request: Request) -> Iterator[tuple[Path, ReportedRoot | None]]:
    """The folders to search, without duplicates: those that engines report, then the usual ones."""
    if request.store_root is not None:
        yield request.store_root, None
        return
    seen = set()
    for reported in reported_roots(request.limits):
        if reported.root not in seen:
            yield reported.root, reported
        seen.add(reported.root)
        if reported.is_only:
            return
    for root in roots():
        if root not in seen:
            yield root, None


def _drivers(root: Path) -> Iterator[str]:
    """The drivers with images in this store."""
    check_access(root, _WHAT, _HINT)
    folder = root / "image"
    if not folder.is_dir():
        raise NoStoreError(_WHAT, root)
    check_access(folder, _WHAT, _HINT)
    for entry in sorted(folder.iterdir()):
        if (entry / "imagedb" / "content" / "sha256").is_dir():
            yield entry.name


def _images(root: Path, driver: str, limits: Limits) -> list[_StoredImage]:
    """All images of one driver, with and without names."""
    folder = root / "image" / driver
    names: dict[str, list[str]] = {}
    digests: dict[str, list[str]] = {}
    if (folder / "repositories.json").exists():
        value = read_json(folder / "repositories.json", limits)
        for repository in Lenient(value, "repositories.json").mapping("Repositories").values():
            for name, image in (repository if isinstance(repository, dict) else {}).items():
                digest = name.rpartition("@")[2]
                if is_digest(digest):
                    digests.setdefault(str(image), []).append(name)
                else:
                    names.setdefault(str(image), []).append(name)
    stored = []
    for entry in sorted((folder / "imagedb" / "content" / "sha256").iterdir()):
        if _ID.fullmatch(entry.name):
            image_id = f"sha256:{entry.name}"
            pulled = digests.get(image_id, [])
            stored.append(
                _StoredImage(
                    id=entry.name,
                    names=sorted(names.get(image_id, [])),
                    digests=[name.rpartition("@")[2] for name in pulled],
                    root=root,
                    driver=driver,
                )
            )
    return stored


def _load(image: _StoredImage, limits: Limits) -> ImageParts:
    config = with_retries(lambda: read_file(image.config, limits))
    fields = Lenient(decode_object(config, "the config", limits), "config")
    diff_ids = fields.child("rootfs").items("diff_ids")
    if sha256(config) != f"sha256:{image.id}" or not all(map(is_digest, diff_ids)):
        raise CorruptImageError("the config in Docker's store is damaged")
    layers, warnings = [], []
    for number, chain_id in enumerate(chain_ids(diff_ids)):
        folder = image.layer(str(chain_id))
        cache_id = with_retries(lambda folder=folder: _cache_id(folder, limits))  # type: ignore[misc]  # bound at once
        pattern = _FILES.get(image.driver)
        files = None if pattern is None else image.root / pattern.format(cache_id)
        blob = open_layer(folder.name, folder / "tar-split.json.gz", files, limits)
        if isinstance(blob, TarSplitBlob) and not blob.has_files:
            message = "its files are not readable: contents are not compared or shown"
            warnings.append(ImageWarning("contents-unreadable", number, message))
        layers.append(LayerPart(blob))
    return ImageParts(layers, config, None, f"sha256:{image.id}", warnings=warnings)


def _cache_id(folder: Path, limits: Limits) -> str:
    """The cache ID of a layer."""
    cache_id = read_file(folder / "cache-id", limits).decode("ascii", "replace").strip()
    if not _CACHE_ID.fullmatch(cache_id):
        raise StoreChangedError(f"layer {folder.name[:12]} of Docker's store has no cache ID")
    return cache_id
