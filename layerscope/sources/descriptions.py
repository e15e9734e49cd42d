"""Merges the two descriptions an archive may have of its images: `manifest.json` and an OCI layout, which may disagree.

The images are the union of both, one for each distinct config. If both candidate_names an image, the description with all layers
present is used, preferring the OCI manifest to `manifest.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning
from layerscope.sources.base import Candidate, ImageParts
from layerscope.sources.names import candidate_names, normalise


class Description(Struct, frozen=True):
    """An image as one document describes it."""

    candidate: Candidate
    config: str | None
    """The digest of its config, equal for two descriptions of one image. None if unknown."""
    has_config: bool
    layers: Sequence[str | None]
    """The digest of each layer's blob, None if unknown."""
    present: Sequence[bool]
    """Whether each layer's blob is stored; foreign layers count as stored."""
    diff_ids: Callable[[], Sequence[str | None]]
    """The diff IDs of the config; empty if it cannot be read."""
    nested: bool = False
    """Whether an index lists it for a platform."""

    @property
    def is_stored(self) -> bool:
        """Whether config and layers are stored."""
        return self.has_config and all(self.present)

    def is_complete(self) -> bool:
        """Whether it has a layer for each diff ID of the config, all in the right order."""
        if not self.is_stored:
            return False
        diff_ids = self.diff_ids()
        if len(diff_ids) != len(self.layers):
            return False
        known = set(diff_ids)
        return all(
            digest is None or digest == diff_id or digest not in known
            for digest, diff_id in zip(self.layers, diff_ids, strict=True)
        )


def merge_by_image(described: Sequence[Description]) -> list[Description]:
    """One description per image, in order of first mention; OCI manifests come first.

    An OCI layout may hold group whole manifests of one config, with layers compressed in different ways: all are kept.
    """
    same: dict[object, list[Description]] = {}
    for number, description in enumerate(described):
        same.setdefault(description.config or number, []).append(description)
    merged = []
    for same_image in same.values():
        merged += same_image if len(same_image) == 1 else _merged(same_image)
    return merged


def candidates_to_offer(
    described: Sequence[Description], unread: Sequence[Candidate] = ()
) -> tuple[list[Candidate], list[Platform], list[ImageWarning]]:
    """The images that can be opened or are damaged; platforms that an index lists without storing them; warnings.

    An entry with a missing config is left out if there is another image; otherwise it is kept and fails to open. `unread` are
    entries with a missing manifest.
    """
    stored = {group for one in described if one.is_stored for group in one.candidate.groups}
    if not any(one.has_config for one in described):
        return [one.candidate for one in described], [], []
    kept: list[Candidate] = []
    absent: list[Platform] = []
    described_names = {normalise(tag) for one in described for tag in one.candidate.tags}
    lost = [entry for entry in unread if described_names.isdisjoint(map(normalise, entry.tags))]
    for one in described:
        candidate = one.candidate
        other_platform = not one.is_stored and not stored.isdisjoint(candidate.groups)
        if one.has_config and not other_platform:
            kept.append(candidate)
            continue
        if candidate.platform is not None:
            absent.append(candidate.platform)
        if not one.nested:
            lost.append(candidate)
    return kept, absent, [_left_out_warning(lost)] if lost else []


def _left_out_warning(lost: Sequence[Candidate]) -> ImageWarning:
    images = "1 image is" if len(lost) == 1 else f"{len(lost)} images are"
    message = (
        f"{images} left out: manifest or config cannot be read ({', '.join(candidate_names(lost))})"
    )
    return ImageWarning("layout-incomplete", None, message)


def _merged(same_image: Sequence[Description]) -> list[Description]:
    """The descriptions to use of one image, with the names from all of them."""
    complete = [one for one in same_image if one.is_complete()]
    oci = [one for one in complete if one.candidate.kind is None]
    fullest = max(same_image, key=lambda one: (one.has_config, sum(one.present)))
    kept = oci or complete[:1] or [fullest]
    first = kept[0]
    kept_ids = set(map(id, kept))
    rest = [one for one in same_image if id(one) not in kept_ids]
    candidates = [one.candidate for one in (first, *rest)]
    # manifest.json has the names that docker prints, the index spells them out.
    by_name = sorted(candidates, key=lambda one: one.kind is None)
    named = replace(
        first.candidate,
        tags=_merged_names(tag for one in by_name for tag in one.tags),
        groups=tuple(dict.fromkeys(group for one in candidates for group in one.groups)),
        digests=list(dict.fromkeys(digest for one in candidates for digest in one.digests)),
        platform=next((one.platform for one in candidates if one.platform is not None), None),
        load=first.candidate.load if complete else partial(_filled, first, rest),
    )
    return [replace(first, candidate=named), *kept[1:]]


def _merged_names(tags: Iterable[str]) -> list[str]:
    """The names of several descriptions, without duplicates: some have full names, some only the tag."""
    full: dict[str, str] = {}
    for tag in tags:
        full.setdefault(normalise(tag), tag)
    ends = {tag.rpartition(":")[2] for tag in full.values() if ":" in tag}
    return [tag for tag in full.values() if ":" in tag or "/" in tag or tag not in ends]


def _filled(first: Description, rest: Sequence[Description]) -> ImageParts:
    """The image of `first`, with missing layers filled in from the other descriptions."""
    parts = first.candidate.load()
    layers = list(parts.layers)
    for one in rest:
        if not one.has_config or len(one.layers) != len(layers):
            continue
        other = one.candidate.load()
        for number, is_stored in enumerate(first.present):
            if not is_stored and one.present[number]:
                layers[number] = other.layers[number]
    return replace(parts, layers=layers)
