"""The images that a fleet is made of: from references, lists, manifests, stores, folders and repositories."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from layerscope.errors import ImageNotFoundError, LayerscopeError, NotAnImageError, UsageError
from layerscope.sources.base import Request
from layerscope.sources.folder import images_below
from layerscope.sources.local import find_in_path
from layerscope.sources.names import normalise
from layerscope.sources.references import FILE_SCHEMES, SCHEME, looks_like_path
from layerscope.sources.registry.repository import whole_repository
from layerscope.sources.search import SOURCES


class TagSelection(Struct, frozen=True):
    """Selects tags of repositories that are named without a tag."""

    pattern: str | None = None
    """A glob for tags."""
    last: int | None = None
    """Number of the newest ones to select."""

    def __bool__(self) -> bool:
        return self.pattern is not None or self.last is not None


def expand(references: Sequence[str], request: Request, tags: TagSelection) -> list[str]:
    """The given references with stores, folders and repositories expanded, in order, each once. `request` has the settings for all.

    Raises `LayerscopeError` if a store or a repository cannot be listed, `UsageError` for tags without a repository.
    """
    if tags and not any(map(whole_repository, references)):
        option = "--last" if tags.pattern is None else "--tags"
        raise UsageError(
            f"{option} selects tags of a repository, and no repository is named",
            hint="name one without a tag: registry://HOST/NAME",
        )
    distinct: dict[str, str] = {}
    for reference in references:
        for one in _expanded(reference, replace(request, reference=reference), tags):
            distinct.setdefault(_identity(one), one)
    return list(distinct.values())


def _expanded(reference: str, request: Request, tags: TagSelection) -> Iterator[str]:
    scheme, separator, rest = reference.partition("://")
    if separator and not rest:
        yield from _store_images(scheme, request)
        return
    repository = whole_repository(reference) if tags else None
    if repository is not None:
        from layerscope.sources.registry.tags import Tags

        yield from Tags(request, repository).selected(tags.pattern, tags.last)
        return
    if not SCHEME.match(reference) and Path(reference).is_dir() and not _is_image(request):
        inside = list(images_below(Path(reference), request.limits))
        yield from inside or [reference]  # opening it reports why it is not an image
        return
    yield reference


def _store_images(scheme: str, request: Request) -> Iterator[str]:
    """All images of a store or an engine."""
    for source in SOURCES:
        if scheme in source.schemes and source.list_images is not None:
            images = [image for image in source.list_images(request) if not image.intermediate]
            if not images:
                raise ImageNotFoundError(f"{scheme}://: the store is empty")
            yield from (image.reference for image in images)
            return
    listed = ", ".join(f"{source.name}://" for source in SOURCES if source.list_images is not None)
    raise UsageError(
        f"{scheme}:// alone does not name images",
        hint=f"whole stores are: {listed}; of a registry, name a repository",
    )


def _is_image(request: Request) -> bool:
    """Whether a folder is an image itself."""
    try:
        find_in_path(request, Path(request.reference))
    except (NotAnImageError, ImageNotFoundError):
        return False
    except LayerscopeError:
        pass  # a damaged image
    return True


def _identity(reference: str) -> str:
    """A key that is equal for references to the same image, judged by their texts and paths."""
    scheme, separator, rest = reference.partition("://")
    if separator and SCHEME.match(reference):
        return f"{scheme}://{os.path.realpath(rest) if scheme in FILE_SCHEMES else normalise(rest)}"
    if looks_like_path(reference) or os.path.lexists(reference):
        return os.path.realpath(reference)
    return normalise(reference)
