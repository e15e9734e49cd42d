"""Commands that delete all that was found and nothing else: by name where it is little, else by what the names have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.fixes import shell_word
from layerscope.filesystem.paths import subtree_counts

_LISTED = 8
"""Paths that are named one by one."""
_ROOTS = 12
"""Directories that a `find` is given."""


def deletion(evidence: Evidence, tops: NDArray[np.int32], patterns: Sequence[str]) -> str:
    """A command for these paths, which patterns of `Selector` matched."""
    if len(tops) <= _LISTED:
        return f"rm -rf {_listed(evidence, tops)}"
    commands: list[str] = []
    left = tops
    for pattern in (pattern for pattern in patterns if pattern.startswith("/")):
        found = evidence.selector.matches(pattern)
        mine = np.isin(left, found)
        if "**" in pattern or not mine.any() or _others(evidence, found, tops).any():
            continue
        # A shell's `*` leaves out hidden names, and this pattern does not.
        commands.append(
            f"find {pattern.removesuffix('/*')} -mindepth 1 -delete"
            if pattern.endswith("/*")
            else f"rm -rf {pattern}"
        )
        left = left[~mine]
    for pattern in (pattern for pattern in patterns if "/" not in pattern):
        mine = np.isin(left, evidence.selector.matches(pattern))
        if mine.any():
            commands.append(find_by_name(evidence, left[mine], [pattern]))
            left = left[~mine]
    if len(left):
        commands.append(f"rm -rf {_listed(evidence, left)}")
    return " && ".join(commands)


def find_by_name(
    evidence: Evidence, tops: NDArray[np.int32], names: Sequence[str], kind: str = ""
) -> str:
    """A `find` for these paths, whose last components the names match; `kind` is what `-type` takes."""
    matches = {name: evidence.selector.matches(name) for name in names}
    names = [name for name in names if np.isin(tops, matches[name]).any()]
    found = np.concatenate([matches[name] for name in names])
    roots = _roots(evidence, tops, np.sort(found[_others(evidence, found, tops)]))
    words = " ".join(shell_word(evidence.name(root)) for root in roots)
    test = " -o ".join(f"-name {shell_word(name)}" for name in names)
    if len(names) > 1:
        test = rf"\( {test} \)"
    test = f"-type {kind} {test}" if kind else test
    return f"find {words} {test} " + ("-delete" if kind == "f" else "-prune -exec rm -rf {} +")


def _listed(evidence: Evidence, tops: NDArray[np.int32]) -> str:
    return " ".join(shell_word(evidence.name(top)) for top in tops.tolist())


def _others(
    evidence: Evidence, found: NDArray[np.int64], tops: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Mask of the paths in `found` that are neither deleted nor below a deleted one, and contain files of the final image."""
    files = subtree_counts(evidence.filesystem.table, evidence.live_files)
    inside = evidence.selector.below(tops.astype(np.int64))[found]
    return ~inside & (files[found] > 0)


def _roots(evidence: Evidence, tops: NDArray[np.int32], others: NDArray[np.int64]) -> list[int]:
    """The deepest directories that contain all of `tops`; as many as needed to contain none of `others`, if these are few."""
    table = evidence.filesystem.table
    roots = [(evidence.common(tops), tops)]
    while True:
        split: list[tuple[int, NDArray[np.int32]]] = []
        for root, mine in roots:
            low, high = np.searchsorted(others, [root, int(table.ends[root])])
            if len(mine) == 1 or (root and low == high):
                split.append((root, mine))
            else:
                split += _apart(evidence, root, mine)
        if len(split) == len(roots) or (len(split) > _ROOTS and roots[0][0]):
            return [root for root, _ in roots]
        roots = split


def _apart(
    evidence: Evidence, root: int, tops: NDArray[np.int32]
) -> list[tuple[int, NDArray[np.int32]]]:
    """Paths in one directory by its children, each with the deepest directory that holds its part."""
    parents = evidence.filesystem.table.parents
    children = tops.copy()
    while (climb := parents[children] != root).any():
        children[climb] = parents[children[climb]]
    parts = [tops[children == child] for child in np.unique(children).tolist()]
    return [(evidence.common(part), part) for part in parts]
