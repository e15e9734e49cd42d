"""Names of images in stores and engines: matched as engines do, with suggestions for typos."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, field

from layerscope.errors import ImageNotFoundError
from layerscope.sources.names import normalise

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
"""A scheme; anything else before `://` is part of a path."""
FILE_SCHEMES = ("docker-archive", "oci", "oci-archive", "saved")
"""Schemes of files and directories."""
LOCALHOST = "localhost/"
"""Prefix that Podman and Buildah add to names without a registry."""
_PATHS = ("/", "./", "../", "~")
_ARCHIVES = re.compile(r"\.(tar|tgz|tbz2?|txz|tzst|tar\.(gz|zst|xz|bz2))$", re.IGNORECASE)
_IDENTIFIER = re.compile(r"(sha256:)?[0-9a-f]{1,64}")
_NEAR = 3
"""Maximum number of suggested names."""


class NotInStoreError(ImageNotFoundError):
    """A readable store does not have the image; `names` are those that it has."""

    def __init__(self, message: str, names: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.names = tuple(names)


class NamedImage(Struct, frozen=True):
    """An image with everything it can be referenced by."""

    id: str
    """Hexadecimal, without an algorithm."""
    names: Sequence[str] = ()
    digests: Sequence[str] = field(default=())
    """Digests of its manifests."""


_Image = TypeVar("_Image", bound=NamedImage)


def looks_like_path(reference: str) -> bool:
    """Whether the reference is clearly a path, existing or not."""
    return (
        reference in (".", "..")
        or reference.startswith(_PATHS)
        or _ARCHIVES.search(reference) is not None
    )


def path_in(reference: str) -> Path | None:
    """The path of a reference, existing or not; None if its scheme selects another source."""
    scheme, _, rest = reference.partition("://")
    if SCHEME.match(reference):
        if scheme not in FILE_SCHEMES:
            return None
        reference = rest
    path = Path(reference)
    with suppress(RuntimeError):  # no such user: a file with that name
        path = path.expanduser()
    return path


def familiar_name(name: str) -> str:
    """A short name, without `docker.io/library/`."""
    return name.removeprefix("docker.io/").removeprefix("library/")


def pick_image(reference: str, images: Sequence[_Image]) -> _Image:
    """The image of a reference: by name, digest, ID prefix, and last by the end of its name.

    Docker prefers names to IDs; Podman also finds `localhost/NAME`, and `NAME` under any registry. Raises
    `NotInStoreError`, `ImageNotFoundError` if several images match.
    """
    wanted = without_tag_at_digest(reference)
    full = normalise(wanted)
    local = normalise(LOCALHOST + wanted)
    matches = (
        [image for image in images if full in map(normalise, image.names)]
        or [image for image in images if local in map(normalise, image.names)]
        or _by_digest(wanted, images)
        or _by_id(wanted, images)
        or _by_suffix(full, images)
    )
    distinct = {image.id: image for image in matches}
    if len(distinct) > 1:
        shown = [next(iter(image.names), image.id[:12]) for image in distinct.values()]
        ellipsis = ", …" if len(shown) > 2 * _NEAR else ""
        raise ImageNotFoundError(
            f"{reference!r} is ambiguous: {len(shown)} images match: {', '.join(shown[: 2 * _NEAR])}{ellipsis}",
            hint="give a longer name or ID",
        )
    if not distinct:
        names = [name for image in images for name in image.names]
        raise NotInStoreError("no such image", names)
    return matches[0]


def without_tag_at_digest(reference: str) -> str:
    """`name:tag@digest` without the tag, which a digest makes irrelevant."""
    name, at, digest = reference.partition("@")
    if at and ":" in name.rpartition("/")[2]:
        name = name.rpartition(":")[0]
    return name + at + digest


def similar_names(reference: str, names: Iterable[str]) -> list[str]:
    """Similar names, other tags of the same repository first."""
    import difflib

    known = list(dict.fromkeys(familiar_name(name) for name in names))
    wanted = familiar_name(normalise(without_tag_at_digest(reference)))
    repository = repository_of(wanted)
    same = [name for name in known if repository_of(name.removeprefix(LOCALHOST)) == repository]
    close = difflib.get_close_matches(wanted, known, _NEAR, 0.6)
    repositories: dict[str, str] = {}
    for name in known:
        repositories.setdefault(repository_of(name), name)
    similar = difflib.get_close_matches(repository, list(repositories), _NEAR, 0.7)
    return list(dict.fromkeys([*same, *close, *(repositories[name] for name in similar)]))[:_NEAR]


def repository_of(name: str) -> str:
    """A name without its tag or digest."""
    name = name.partition("@")[0]
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def _by_digest(wanted: str, images: Sequence[_Image]) -> list[_Image]:
    """Images by `name@digest`, or by a bare digest."""
    name, at, digest = wanted.rpartition("@")
    repository = repository_of(normalise(name)) if at else None
    return [
        image
        for image in images
        if digest in image.digests
        and (
            repository is None
            or any(
                repository_of(normalise(known)) in (repository, repository_of(normalise(LOCALHOST + name)))
                for known in image.names
            )
        )
    ]  # fmt: skip


def _by_id(wanted: str, images: Sequence[_Image]) -> list[_Image]:
    if not _IDENTIFIER.fullmatch(wanted):
        return []
    prefix = wanted.removeprefix("sha256:")
    return [image for image in images if image.id.startswith(prefix)]


def _by_suffix(full: str, images: Sequence[_Image]) -> list[_Image]:
    """Images whose name ends this way, in any registry: Podman's last resort for short names."""
    end = "/" + familiar_name(full)
    return [image for image in images if any(normalise(name).endswith(end) for name in image.names)]
