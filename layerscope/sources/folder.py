"""Saved images in a folder, detected by a quick look at their content, never by file name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from enum import Enum, auto
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from layerscope.errors import LayerscopeError
from layerscope.layers.blob import Blob, MemoryBlob, OpenFile
from layerscope.layers.compression import (
    MAGIC_BYTES,
    DamagedStreamError,
    first_bytes,
    sniff,
)
from layerscope.layers.packing import is_saved
from layerscope.layers.tarheader import BLOCK, ZERO_BLOCK, looks_like_header, parse_number
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.sources.artifacts import ArtifactError
from layerscope.sources.base import Request
from layerscope.sources.local import find_in_path
from layerscope.sources.store_image import StoreImage, config_details

ENTRIES = 400
"""Maximum number of files and folders to inspect, in name order."""
HEADERS = 2_000
"""Maximum number of archive members to inspect: images have one per layer and a few documents."""
UNPACKED = 1 << 20
"""Maximum number of bytes to decompress from an archive."""
_DOCUMENTS = frozenset(("manifest.json", "index.json"))
_DESCRIPTIONS = ("index.json", "manifest.json", "oci-layout")
_PARTS = re.compile(
    r"(?:\./)?(?:[^/]+/)?(?:manifest\.json|index\.json|oci-layout|repositories"
    r"|blobs/sha256(?:/[0-9a-f]{64})?/?|[0-9a-f]{64}(?:\.json|\.tar(?:\.gz)?|/(?:VERSION|json|layer\.tar)?)|sha256:[0-9a-f]{64})"
)
"""Member names of saved images, possibly below one folder."""


def saved_images(
    folder: Path, cancelled: Callable[[], bool] = lambda: False, limits: Limits = DEFAULT_LIMITS
) -> Iterator[StoreImage]:
    """The images directly in a folder, as they are found. Unreadable files are skipped."""
    try:
        with os.scandir(folder) as entries:
            sorted_entries = sorted(islice(entries, 10 * ENTRIES), key=lambda entry: entry.name)[
                :ENTRIES
            ]
    except OSError:
        return
    for entry in sorted_entries:
        if cancelled():
            return
        try:
            image = _image_at(entry, limits)
        except (LayerscopeError, DamagedStreamError, OSError, ValueError):
            continue
        if image is not None:
            yield image


class _DamagedError(LayerscopeError):
    """A file that starts like an image and is damaged before an image was found."""


def images_below(folder: Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[str]:
    """References of the images in a folder and in those below it, in name order.

    Links to folders are not followed; files and folders that are not images or not accessible are skipped. Damaged files that
    start like an image are included, so that opening them reports the damage.
    """
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                sorted_entries = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        below = []
        for entry in sorted_entries:
            try:
                image = _image_at(entry, limits)
                inside = image is None and entry.is_dir(follow_symlinks=False)
            except _DamagedError:
                yield _reference(entry)
                continue
            except (LayerscopeError, DamagedStreamError, OSError, ValueError):
                continue
            if image is not None:
                yield image.reference
            elif inside:
                below.append(Path(entry.path))
        waiting += reversed(below)


def _reference(entry: os.DirEntry[str]) -> str:
    """The reference of a file or folder. `./` marks it as a path, not an image name or scheme."""
    absolute = os.path.isabs(entry.path)  # noqa: PTH117
    return entry.path if absolute else f"./{entry.path.removeprefix('./')}"


def _image_at(entry: os.DirEntry[str], limits: Limits) -> StoreImage | None:
    """The image in a file or folder; None if there is none. Raises `_DamagedError`, and `ArtifactError` for an artifact."""
    path = Path(entry.path)
    nameless = StoreImage(_reference(entry), "", "file", location=entry.name)
    if entry.is_dir():
        if not any(map(Path.is_file, (path / name for name in _DESCRIPTIONS))):
            return None
        found = _with_details(nameless, path, limits)
        if found is None and (path / "oci-layout").is_file():
            raise _DamagedError(f"{path}: no complete image")
        return found
    if not entry.is_file() or not (size := entry.stat().st_size):
        return None
    sized = replace(nameless, size=size)
    blob: Blob = OpenFile.open(path, entry.name).blob(entry.name)
    head = blob.pread(BLOCK, 0)
    if is_saved(head) and not looks_like_header(head):
        saved = _with_details(sized, path, limits)
        if saved is None:
            raise _DamagedError(f"{path}: no complete image")
        return saved
    if _starts_like_tar(head):
        names, end = _names(blob)
        if names.isdisjoint(_DOCUMENTS | {"repositories"}):
            if end is _End.DAMAGED or not names.isdisjoint(("oci-layout", "layer.tar")):
                raise _DamagedError(f"{path}: no complete image")
            return None
        return (_with_details(sized, path, limits) or sized) if end is _End.REACHED else sized
    kind = sniff(head[:MAGIC_BYTES])
    if kind is None:
        return None
    start, damaged = first_bytes(kind, blob.chunks(), entry.name, limits, UNPACKED)
    if damaged and len(start) < BLOCK:
        raise _DamagedError(f"{path}: damaged before its content is known")
    inside = MemoryBlob(entry.name, start)
    if not _starts_like_tar(inside.pread(BLOCK, 0)):
        return None
    names, end = _names(inside, raw=True)
    if any(map(_PARTS.fullmatch, names)):
        return sized
    if damaged or (end is _End.DAMAGED and len(start) < UNPACKED):
        raise _DamagedError(f"{path}: damaged before an image was found")
    return None


def _starts_like_tar(head: bytes) -> bool:
    """Whether a file with this first block is a tar, perhaps with a damaged header."""
    return looks_like_header(head) or head[257:262] == b"ustar"


class _End(Enum):
    """Where reading the headers of a tar ended."""

    REACHED = auto()
    DAMAGED = auto()
    LIMIT = auto()
    """After `HEADERS` members."""


def _names(tar: Blob, *, raw: bool = False) -> tuple[set[str], _End]:
    """Last components of the names in a tar, or the names as they are; and where reading it ended."""
    names: set[str] = set()
    offset = 0
    for _ in range(HEADERS):
        header = tar.pread(BLOCK, offset)
        if header == ZERO_BLOCK:
            return names, _End.REACHED
        if not looks_like_header(header):
            return names, _End.DAMAGED
        name = header[:100].partition(b"\0")[0].decode(errors="replace")
        if raw:
            names.add(name)
        elif name.removeprefix("./").count("/") < 2:  # at the top, or below one folder
            names.add(name.rpartition("/")[2])
        size = parse_number(header[124:136])
        if size < 0:
            return names, _End.DAMAGED
        offset += BLOCK + (size + BLOCK - 1) // BLOCK * BLOCK
    return names, _End.LIMIT


def _with_details(image: StoreImage, path: Path, limits: Limits) -> StoreImage | None:
    """`image` with details from its documents; None if it is not an image. Raises `ArtifactError` for an artifact."""
    try:
        found = find_in_path(Request(image.reference, limits=limits), path)
    except ArtifactError:
        raise
    except LayerscopeError:
        return None
    if found.kind == "rootfs" or not found.candidates:
        return None
    if not found.candidates[0].is_image:
        raise ArtifactError(f"{image.reference} holds no image")
    tags = list(dict.fromkeys(tag for one in found.candidates for tag in one.tags))
    parts = found.candidates[0].load()
    if parts.complete_image is not None:
        saved = parts.complete_image.image
        return replace(
            image, id=(saved.id or "").rpartition(":")[2], source=found.kind, tags=tags, created=saved.created,
            platform=saved.platform,
        )  # fmt: skip
    details = config_details(parts.config, limits)
    digest = parts.config_digest or next(iter(found.candidates[0].digests), "")
    sizes = [part.blob.size for part in parts.layers]
    layers = details.layers(sizes, [part.digest or part.blob.name for part in parts.layers])
    return replace(
        image, id=digest.rpartition(":")[2], source=found.candidates[0].kind or found.kind, tags=tags, created=details.created,
        platform=found.candidates[0].platform or details.platform,
        size=sum(sizes) if image.size is None else image.size, layers=layers,
    )  # fmt: skip
