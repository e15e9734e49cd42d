"""Images in files, directories and on stdin, detected by content, never by name."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from layerscope.errors import ImageNotFoundError, LayerscopeError, NotAnImageError, UsageError
from layerscope.image.documents import DocumentError
from layerscope.image.warnings import ImageWarning
from layerscope.layers.blob import Blob, OpenFile
from layerscope.layers.compression import MAGIC_BYTES, sniff
from layerscope.layers.packing import is_saved
from layerscope.layers.tarheader import BLOCK, looks_like_header
from layerscope.layers.walk import Damage
from layerscope.limits import Limits
from layerscope.sources import containers_dir, docker_archive, docker_legacy
from layerscope.sources.base import (
    Candidate,
    FoundImages,
    ImageParts,
    LayerPart,
    Request,
    shortened,
)
from layerscope.sources.descriptions import Description, candidates_to_offer, merge_by_image
from layerscope.sources.first_bytes import check_start
from layerscope.sources.members import DirectoryMembers, Members, TarMembers
from layerscope.sources.oci_layout import INDEX, OciLayout, looks_like_index
from layerscope.sources.spool import spool_decompressed, spool_stream

_OCI = frozenset(("oci", "oci-archive"))
_PARTS_OF_IMAGES = frozenset(("manifest.json", "index.json", "oci-layout", "repositories", "blobs"))

_EXPORTERS = {".dockerenv": "docker", "run/.containerenv": "podman"}
"""Files that engines create in containers, and therefore in their exports."""


def find_in_path(request: Request, path: Path, kinds: Sequence[str] = ()) -> FoundImages:
    """The images in a file or directory. `kinds` are the accepted schemes; empty for any."""
    with suppress(RuntimeError):  # no such user: a file with that name
        path = path.expanduser()
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, ValueError) as error:
        raise LayerscopeError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(mode):
        found = find_in_members(request, DirectoryMembers(path), str(path), kinds)
        return _require_kind(found, kinds, str(path))
    if stat.S_ISSOCK(mode):
        raise NotAnImageError(
            f"{path}: this is a socket, not an image",
            hint="name an image of the engine behind it: DOCKER_HOST=unix://SOCKET layerscope docker://NAME",
        )
    try:
        if not stat.S_ISREG(mode):
            with path.open("rb", buffering=0) as stream:
                file = spool_stream(stream.fileno(), str(path), request.limits, request.progress)
        else:
            file = OpenFile.open(path, str(path))
    except OSError as error:
        raise LayerscopeError(
            f"{path}: {error.strerror or error}", hint="check its permissions"
        ) from error
    return _require_kind(find_in_file(request, file, kinds), kinds, str(path))


def _missing(path: Path) -> ImageNotFoundError:
    """The error for a missing path or a broken symlink."""
    try:
        target = str(path.readlink())
    except (OSError, ValueError):
        return ImageNotFoundError(f"{path}: no such file or directory")
    annexed = "annex/objects/" in target
    return ImageNotFoundError(
        f"{path}: broken symlink to {shortened(target, 200)}",
        hint="fetch the file itself: git annex get FILE" if annexed else None,
    )


def find_in_stdin(request: Request) -> FoundImages:
    """The images on stdin, copied to a temporary file unless stdin is a file."""
    if os.isatty(0):
        raise UsageError(
            "stdin is a terminal", hint="pipe an image in: docker save IMAGE | layerscope -"
        )
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        raise UsageError("stdin is closed") from None
    if stat.S_ISREG(mode):
        file = OpenFile(os.dup(0), "stdin")
    else:
        file = spool_stream(0, "stdin", request.limits, request.progress)
    found = find_in_file(request, file)
    return found.of_kind("stdin")


def find_in_file(request: Request, file: OpenFile, kinds: Sequence[str] = ()) -> FoundImages:
    """The images in an open archive, compressed or not."""
    blob: Blob = file.blob(file.name)
    check_start(blob.chunks(), file.name, request.limits)
    warnings: list[ImageWarning] = []
    head = blob.pread(BLOCK, 0)
    kind = None if looks_like_header(head) else sniff(head[:MAGIC_BYTES])
    if kind is not None:
        unpacked, trailing = spool_decompressed(
            blob, kind, file.name, request.limits, request.progress
        )
        if trailing:
            warnings.append(
                ImageWarning(
                    "trailing-data",
                    None,
                    f"{trailing:,} bytes of trailing data after the end of the {kind.name} stream",
                )
            )
        blob = unpacked.blob(file.name)
        head = blob.pread(BLOCK, 0)
    if is_saved(head) and not looks_like_header(head):
        from layerscope.sources.saved import find_in_saved  # most images are archives

        found = find_in_saved(request, blob)
        return replace(found, warnings=warnings)
    request.progress.stage("Reading the archive")
    members = TarMembers(blob, request.limits, request.progress)
    found = find_in_members(request, members, file.name, kinds)
    return replace(found, warnings=[*warnings, *found.warnings])


def find_in_members(
    request: Request, members: Members, name: str, kinds: Sequence[str] = ()
) -> FoundImages:
    """The images in named members; for a hybrid archive, of the accepted kind."""
    found = _find_image(request, members, kinds)
    if isinstance(members, TarMembers):
        damage = None
        if members.damage is not None:
            damage = _damage_message(members, members.damage)
        if found is None and len(members.top_names) == 1 and not members.top_files:
            stripped = members.without_prefix(next(iter(members.top_names)))
            found = _find_image(request, stripped, kinds)
        if found is not None:
            warnings = list(found.warnings)
            if members.trailing:
                message = (
                    f"{members.trailing:,} bytes of trailing data after the end of the archive"
                )
                warnings.append(ImageWarning("trailing-data", None, message))
            return replace(found, warnings=warnings, damage=damage)
        return _rootfs(members, name, damage)
    if found is None:
        from layerscope.sources.kinds.directories import describe_directory

        what, hint = describe_directory(Path(name))
        raise NotAnImageError(f"{name}: {what}", hint=hint)
    names = {docker_archive.KIND: "dir", "oci-archive": "oci", None: None}
    candidates = [replace(one, kind=names[one.kind]) for one in found.candidates]
    return replace(found, kind=names.get(found.kind) or found.kind, candidates=candidates)


def _find_image(request: Request, members: Members, kinds: Sequence[str]) -> FoundImages | None:
    """The images in members, None if no manifest lists one. Raises for images that are listed but damaged."""
    limits = request.limits
    index = members.find(INDEX)
    has_index = index is not None and looks_like_index(
        docker_archive.read_document(index, limits), limits
    )
    layout = OciLayout(members, limits) if has_index else None
    manifest_error: DocumentError | None = None
    try:
        manifest = docker_archive.read_manifest(members, limits)
    except DocumentError as error:
        manifest, manifest_error = None, error
    items = docker_archive.items_of(manifest)
    if layout is not None and (not items or not _OCI.isdisjoint(kinds)):
        found = layout.candidates()
        return FoundImages(
            "oci-archive", found, layout.warnings, absent=layout.absent, artifacts=layout.artifacts
        )
    if items:
        if layout is None and len(items) == 1:
            only = docker_archive.candidate(members, items[0], limits)
            return FoundImages(docker_archive.KIND, [only])
        return _described(members, items, layout, limits, docker_only=docker_archive.KIND in kinds)
    if isinstance(manifest, dict) and containers_dir.is_containers_dir(members):
        return containers_dir.find(members, limits)
    if manifest_error is not None and any(name.endswith(".tar") for name in members.names()):
        raise manifest_error
    legacy = docker_legacy.candidates(members, limits)
    if legacy:
        return FoundImages(docker_archive.KIND, legacy)
    return None


def _described(
    members: Members,
    items: list[dict[str, Any]],
    layout: OciLayout | None,
    limits: Limits,
    *,
    docker_only: bool,
) -> FoundImages:
    """The images of `manifest.json` and of the OCI layout next to it, or of `manifest.json` alone if requested."""
    oci: list[Description] = []
    problem: LayerscopeError | None = None
    try:
        oci = [] if layout is None else layout.descriptions()
    except LayerscopeError as error:
        problem = error
    images = {one.config for one in oci if one.candidate.is_image}
    others = frozenset() if layout is None else layout.other_configs - images
    first = 1 + max((group for one in oci for group in one.candidate.groups), default=-1)
    docker = docker_archive.descriptions(
        members, items, limits, first_group=first, other_configs=others
    )
    both = docker if docker_only and docker else [*oci, *docker]
    both = [one for one in both if one.candidate.is_image] or both
    described = merge_by_image(both)
    if problem is not None and not any(one.has_config for one in described):
        raise problem
    unread = [] if layout is None or docker_only else layout.unread
    candidates, absent, warnings = candidates_to_offer(described, unread)
    hybrid = [] if layout is None or docker_only else layout.warnings
    is_docker = all(one.kind == docker_archive.KIND for one in candidates)
    return FoundImages(
        docker_archive.KIND if is_docker else "oci-archive",
        candidates,
        [*hybrid, *warnings],
        absent=[*absent, *([] if layout is None else layout.absent)],
        artifacts=[] if layout is None else layout.artifacts,
    )


def _damage_message(members: TarMembers, damage: Damage) -> str:
    """Where an archive is damaged: for one that is cut off its end, not the beginning of its last member."""
    if damage.truncated:
        place = f"member {members.count + 1:,}" if members.count else "its first member"
        return f"truncated: the archive ends at byte {members.tar.size:,}, inside {place}"
    return f"damaged at byte {damage.offset:,}: {damage.message}"


def _rootfs(members: TarMembers, name: str, damage: str | None) -> FoundImages:
    """A tar without image metadata: a root filesystem if it is complete and has no parts of an image."""
    if damage is None and not members.ended:
        damage = "the archive ends without its end marker"
    if damage is not None:
        raise NotAnImageError(
            f"{name}: {damage}; no complete image found before that",
            hint="the file is truncated or not an image; save the image again",
        )
    leftovers: list[str] = sorted(_PARTS_OF_IMAGES & members.top_names)
    if any(member.endswith("/layer.tar") and member.count("/") == 1 for member in members.names()):
        leftovers.append("*/layer.tar")
    if leftovers:
        hint = "manifest.json must list a config and layers, or index.json manifests; save the image again"
        if "ingest" in members.top_names:
            hint = "this looks like a BuildKit cache: export the image with --output type=oci,dest=FILE"
        raise NotAnImageError(
            f"{name}: found {', '.join(leftovers)}, but no complete image", hint=hint
        )
    if not members.count:
        raise NotAnImageError(f"{name}: the archive is empty")
    message = "this is a plain root filesystem: one layer, no config, no history"
    names = members.names()
    exported = (program for name, program in _EXPORTERS.items() if name in names)
    if (program := next(exported, None)) is not None:
        message += f" ({program} export writes such files; {program} save keeps layers and history)"
    warning = ImageWarning("rootfs-only", None, message)

    def load() -> ImageParts:
        return ImageParts([LayerPart(members.tar)], None, steps_known=False)

    return FoundImages("rootfs", [Candidate([], None, load)], [warning])


def _require_kind(found: FoundImages, kinds: Sequence[str], name: str) -> FoundImages:
    """`found`, if the user accepts its kind."""
    if kinds and found.kind not in kinds:
        raise NotAnImageError(
            f"{name}: this is {found.kind}, not {' or '.join(kinds)}",
            hint="remove SCHEME:// to detect the kind",
        )
    return found
