"""Whole directories that the final image contains several times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copies import Copies, choose_copies
from layerscope.analysis.findings.directory_fixes import equal_fix, near_fix
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import shell_word
from layerscope.analysis.findings.hidden import origin_layers
from layerscope.analysis.findings.rule import Rule
from layerscope.words import Confidence, Severity

_MIN_COPY_SHARE = 0.9
"""Minimum share of equal bytes for a directory of the same name to count as a slightly changed copy."""


def _find(evidence: Evidence) -> Iterator[Claim]:
    """One claim for all directories with copies in the same places, and one for each pair of nearly identical directories,
    including what is identical inside them."""
    chosen = evidence.once(choose_copies)
    for near in chosen.near:
        yield from _near_claim(evidence, near)
    parents = evidence.filesystem.table.parents
    places: dict[tuple[int, ...], list[Copies]] = {}
    for copies in chosen.exact:
        place = tuple(int(parents[copy]) for copy in (copies.kept, *copies.others))
        places.setdefault(place, []).append(copies)
    for alike in places.values():
        yield from _claim(evidence, alike)


def _near_claim(evidence: Evidence, near: Copies) -> Iterator[Claim]:
    files = evidence.without_other_names(near.files)
    if not len(files):
        return
    (copy,) = near.others
    layers = _heaviest_first(evidence, files)
    if from_package_manager(evidence, layers[0]) and evidence.packaged[copy]:
        return
    names = evidence.name(near.kept), evidence.name(copy)
    copied_twice = near.share >= _MIN_COPY_SHARE and _is_copied_twice(evidence, layers[0], names)
    share = "nearly all" if near.share > 0.995 else f"{100 * near.share:.0f} %"
    yield Claim(
        fix=_base_note(names[0])
        if evidence.is_base(layers[0])
        else near_fix(evidence, layers[0], near),
        layers=layers,
        inodes=np.unique(evidence.live_inodes[files]),
        paths=_largest_first(evidence, files),
        title=f"{names[1]} is nearly identical to {names[0]} ({share} of its bytes)",
        severity=None if copied_twice else Severity.NOTE,
        confidence=Confidence.MEDIUM if copied_twice else Confidence.LOW,
    )


def _is_copied_twice(evidence: Evidence, layer: int, names: tuple[str, str]) -> bool:
    """Whether two directories have the same name and one comes from a COPY, as opposed to a package that several others need."""
    kept, copy = names
    return (
        evidence.step(layer).instruction in ("COPY", "ADD")
        and kept.rpartition("/")[2] == copy.rpartition("/")[2]
        and not any("/node_modules/" in name for name in names)
    )


def _heaviest_first(evidence: Evidence, files: NDArray[np.int32]) -> tuple[int, ...]:
    """The layers that added files, most bytes first."""
    inodes = evidence.live_inodes[files]
    layers, place = np.unique(origin_layers(evidence, inodes), return_inverse=True)
    sums = np.bincount(place, evidence.stored(inodes))
    return tuple(layers[np.lexsort((layers, -sums))].tolist())


def _largest_first(evidence: Evidence, files: NDArray[np.int32]) -> NDArray[np.int32]:
    sizes = evidence.stored(evidence.live_inodes[files])
    ordered: NDArray[np.int32] = files[np.lexsort((files, -sizes))]
    return ordered


def _claim(evidence: Evidence, alike: list[Copies]) -> Iterator[Claim]:
    files = evidence.without_other_names(np.concatenate([copies.files for copies in alike]))
    if not len(files):
        return
    layers = _heaviest_first(evidence, files)
    others = np.array([copy for copies in alike for copy in copies.others])
    if from_package_manager(evidence, layers[0]) and evidence.packaged[others].all():
        return
    named = [
        tuple(evidence.name(copy) for copy in (copies.kept, *copies.others)) for copies in alike
    ]
    kept, first, *more = named[0]
    yield Claim(
        fix=_base_note(kept)
        if evidence.is_base(layers[0])
        else equal_fix(evidence, layers[0], alike),
        layers=layers,
        inodes=np.unique(evidence.live_inodes[files]),
        paths=_largest_first(evidence, files),
        title=f"{len(alike):,} directories of {_parent(first)} are also in {_parent(kept)}"
        if len(alike) > 1
        else f"{kept} exists {len(more) + 2} times"
        if more
        else f"{first} is identical to {kept}",
    )


def from_package_manager(evidence: Evidence, layer: int) -> bool:
    """Whether files of a layer in package directories come from a package manager, not from a COPY."""
    return evidence.is_base(layer) or evidence.step(layer).instruction not in ("COPY", "ADD")


def _parent(name: str) -> str:
    return name.rpartition("/")[0] or "/"


def _base_note(kept: str) -> str:
    return f"# the base image contains {shell_word(kept)} several times: only another base image is smaller"


RULE = Rule(
    "duplicate-directories",
    title="Duplicate directory",
    why="Every copy is stored, pushed and pulled.",
    finds="Directories whose files are all, or nearly all, in another directory as well.",
    wrong="Programs may write to one of the copies, or read it by its path: a link keeps both paths. If they differ at run time, keep both.",
    find=_find,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
    last=True,
)
