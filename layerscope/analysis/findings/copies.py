"""Which of the copies of directories go, and which stay: decided once, so that no file goes twice and no content goes with its
last file.

Directories that are nearly the same come first, then those that are exactly the same. Each file that goes points to an equal
one that stayed in its place; as a file only goes if what it points to ends at another, the pointers are a forest, of which
every root stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.duplicate_trees import DuplicateTree
from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.hidden import origins
from layerscope.analysis.near_trees import NearTree
from layerscope.filesystem.selector import Mask


@dataclass(frozen=True, slots=True)
class Copies:
    """Directories that hold the same, or nearly."""

    kept: int
    """The directory that is best kept."""
    others: tuple[int, ...]
    """Those that can go."""
    files: NDArray[np.int32]
    """The files in those that go for it; some may have links elsewhere."""
    shared: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """For those that are nearly the same: the files of both that are the same."""
    share: float = 1.0
    """Part of the larger one's bytes that is in both; 1 for those that are exactly the same."""


@dataclass(frozen=True, slots=True)
class ChosenCopies:
    """All copies of directories in an image."""

    near: tuple[Copies, ...]
    exact: tuple[Copies, ...]
    gone: Mask
    """Files that go with them; shape (paths,)."""


def choose_copies(evidence: Evidence) -> ChosenCopies:
    """Deal out the files of all directories that are there several times. Meant for `Evidence.once`."""
    keepers = np.arange(len(evidence.filesystem.table), dtype=np.int32)
    near = [_near(evidence, keepers, found) for found in evidence.near_trees]
    exact = [_exact(evidence, keepers, found) for found in evidence.duplicate_trees]
    gone = keepers != np.arange(len(keepers))
    return ChosenCopies(tuple(near), tuple(found for found in exact if found.others), gone)


def files_of(evidence: Evidence, directories: Sequence[int]) -> NDArray[np.int32]:
    """Files of the final image in these directories, of which none lies in another."""
    ends = evidence.filesystem.table.ends
    spans = [np.arange(top, int(ends[top]), dtype=np.int32) for top in directories]
    paths = np.concatenate([np.zeros(0, np.int32), *spans])
    files: NDArray[np.int32] = paths[evidence.live_files[paths]]
    return files


def _near(evidence: Evidence, keepers: NDArray[np.int32], near: NearTree) -> Copies:
    """Of two directories that are nearly the same the one of the lower layers stays."""
    sides = ((near.first, near.firsts), (near.second, near.seconds))
    (kept, stays), (other, goes) = sorted(sides, key=lambda side: _age(evidence, *side))
    return Copies(
        kept,
        (other,),
        _go(keepers, goes, stays),
        np.concatenate([near.firsts, near.seconds]),
        near.share,
    )


def _exact(evidence: Evidence, keepers: NDArray[np.int32], tree: DuplicateTree) -> Copies:
    """The copy of the lowest layers stays, of those that are not gone already and of which other rules claim least.

    If there is but one of these, one that is gone stands for what its files point to: the fix makes it a link to that.
    """
    files = {copy: files_of(evidence, [copy]) for copy in tree.paths}
    files = {copy: found[evidence.live_sizes[found] > 0] for copy, found in files.items()}
    claimed = {copy: evidence.claimed[evidence.live_inodes[files[copy]]] for copy in files}
    copies = [copy for copy in tree.paths if not claimed[copy].all()]
    if len(copies) < 2:
        return Copies(tree.paths[0], (), np.zeros(0, np.int32))
    gone = {
        copy: bool((keepers[files[copy]] != files[copy])[~claimed[copy]].all()) for copy in copies
    }
    order = sorted(
        copies,
        key=lambda copy: (
            gone[copy],
            np.count_nonzero(claimed[copy]),
            _age(evidence, copy, files[copy]),
        ),
    )
    left = [copy for copy in order if not gone[copy]]
    kept = order[1] if len(left) == 1 else order[0]
    going = {
        copy: _go(keepers, files[copy][~claimed[copy]], files[kept][~claimed[copy]])
        for copy in left
        # What is kept must hold all that only the other one's claims leave.
        if copy != kept and not (claimed[kept] & ~claimed[copy]).any()
    }
    others = tuple(copy for copy, found in going.items() if len(found))
    return Copies(kept, others, np.concatenate([np.zeros(0, np.int32), *going.values()]))


def _age(evidence: Evidence, directory: int, files: NDArray[np.int32]) -> tuple[int, int]:
    """Sorts directories, that of the lowest layers first."""
    return int(origins(evidence, evidence.live_inodes[files]).max(initial=0)), directory


def _go(
    keepers: NDArray[np.int32], files: NDArray[np.int32], stays: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Let files go, each for the equal one at its place in `stays`; those that went, or that must stay, are left out."""
    roots = keepers[stays]
    while True:
        further = keepers[roots]
        if np.array_equal(further, roots):
            break
        roots = further
    able = (keepers[files] == files) & (roots != files)
    keepers[files[able]] = roots[able]
    going: NDArray[np.int32] = files[able]
    return going
