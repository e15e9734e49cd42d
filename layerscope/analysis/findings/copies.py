"""Chooses which copies of directories to remove, once for all rules: no file is removed twice, and each content keeps a file.

Near-duplicate directories come first, then exact duplicates. Each removed file points to an equal one that is kept in its
place. A file is removed only if following its pointer leads to another file, so the pointers are a forest whose roots stay.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from layerscope.analysis.duplicate_trees import DuplicateTree
from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.hidden import origin_layers
from layerscope.analysis.near_trees import NearTree
from layerscope.filesystem.selector import Mask


class Copies(Struct, frozen=True):
    """Exact or near-duplicate directories."""

    kept: int
    """The directory to keep."""
    others: tuple[int, ...]
    """The directories to remove."""
    files: NDArray[np.int32]
    """Files to remove from these; some may have hard links elsewhere."""
    shared: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """For near-duplicates: the equal files of both."""
    share: float = 1.0
    """Share of the larger one's bytes that is in both; 1 for exact duplicates."""


class ChosenCopies(Struct, frozen=True):
    """All copies of directories in an image."""

    near: tuple[Copies, ...]
    exact: tuple[Copies, ...]
    removed: Mask
    """Mask of the files to remove; shape (paths,)."""


def choose_copies(evidence: Evidence) -> ChosenCopies:
    """Choose the files to remove from all duplicate directories. Call it through `Evidence.once`."""
    keepers = np.arange(len(evidence.filesystem.table), dtype=np.int32)
    near = [_choose_near(evidence, keepers, each) for each in evidence.near_trees]
    exact = [_choose_exact(evidence, keepers, each) for each in evidence.duplicate_trees]
    removed = keepers != np.arange(len(keepers))
    return ChosenCopies(tuple(near), tuple(each for each in exact if each.others), removed)


def files_of(evidence: Evidence, directories: Sequence[int]) -> NDArray[np.int32]:
    """Files of the final image in these directories, none of which contains another."""
    ends = evidence.filesystem.table.ends
    spans = [np.arange(top, int(ends[top]), dtype=np.int32) for top in directories]
    paths = np.concatenate([np.zeros(0, np.int32), *spans])
    files: NDArray[np.int32] = paths[evidence.live_files[paths]]
    return files


def _choose_near(evidence: Evidence, keepers: NDArray[np.int32], near: NearTree) -> Copies:
    """The choice for two near-duplicate directories: the one of the lower layers stays."""
    sides = ((near.first, near.firsts), (near.second, near.seconds))
    (kept, stays), (other, goes) = sorted(sides, key=lambda side: _age(evidence, *side))
    return Copies(
        kept,
        (other,),
        _remove(keepers, goes, stays),
        np.concatenate([near.firsts, near.seconds]),
        near.share,
    )


def _choose_exact(evidence: Evidence, keepers: NDArray[np.int32], tree: DuplicateTree) -> Copies:
    """The choice for exact duplicates: of the copies not removed yet, the one claimed least by other rules and then of
    the lowest layers stays. If only one such copy is left, a removed one represents the files that its files point to,
    and the fix makes it a link to those."""
    files = {copy: files_of(evidence, [copy]) for copy in tree.paths}
    files = {copy: paths[evidence.live_sizes[paths] > 0] for copy, paths in files.items()}
    claimed = {copy: evidence.claimed[evidence.live_inodes[files[copy]]] for copy in files}
    copies = [copy for copy in tree.paths if not claimed[copy].all()]
    if len(copies) < 2:
        return Copies(tree.paths[0], (), np.zeros(0, np.int32))
    is_removed = {
        copy: bool((keepers[files[copy]] != files[copy])[~claimed[copy]].all()) for copy in copies
    }
    order = sorted(
        copies,
        key=lambda copy: (
            is_removed[copy],
            np.count_nonzero(claimed[copy]),
            _age(evidence, copy, files[copy]),
        ),
    )
    remaining = [copy for copy in order if not is_removed[copy]]
    kept = order[1] if len(remaining) == 1 else order[0]
    removed = {
        copy: _remove(keepers, files[copy][~claimed[copy]], files[kept][~claimed[copy]])
        for copy in remaining
        # The kept copy must represent everything that other claims remove only in the other one.
        if copy != kept and not (claimed[kept] & ~claimed[copy]).any()
    }
    others = tuple(copy for copy, paths in removed.items() if len(paths))
    return Copies(kept, others, np.concatenate([np.zeros(0, np.int32), *removed.values()]))


def _age(evidence: Evidence, directory: int, files: NDArray[np.int32]) -> tuple[int, int]:
    """Sort key: directories of the lowest layers first."""
    return int(origin_layers(evidence, evidence.live_inodes[files]).max(initial=0)), directory


def _remove(
    keepers: NDArray[np.int32], files: NDArray[np.int32], stays: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Remove files, each in favour of the equal one at the same index in `stays`. Files that are already removed, or must stay,
    are skipped.
    """
    roots = keepers[stays]
    while True:
        next_roots = keepers[roots]
        if np.array_equal(next_roots, roots):
            break
        roots = next_roots
    removable = (keepers[files] == files) & (roots != files)
    keepers[files[removable]] = roots[removable]
    removed: NDArray[np.int32] = files[removable]
    return removed
