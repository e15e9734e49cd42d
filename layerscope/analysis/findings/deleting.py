"""Commands that delete exactly the given paths: by name if there are few, otherwise by a common pattern."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.fixes import shell_word
from layerscope.filesystem.paths import subtree_counts
from layerscope.filesystem.selector import Mask
from layerscope.layers.index import Kind

_LISTED = 8
"""Maximum paths that are named one by one although a pattern would do."""
_MOST = 40
"""Maximum paths that are named one by one if no pattern does; more are described in words."""
_ROOTS = 12
"""Maximum directories as arguments of a `find`."""
_FEW = 4
"""Maximum file names as arguments of a `find`."""


def deletion(
    evidence: Evidence,
    layer: int,
    tops: NDArray[np.int32],
    patterns: Sequence[str],
    kind: str = "",
) -> str:
    """A command for the end of the step of `layer` that deletes exactly these paths, which patterns of `Selector` matched; "" if
    there is none of reasonable length. See `own_tops` for what can be deleted; `kind` is the argument of `-type`.
    """
    if len(tops) <= _LISTED:
        return f"rm -rf {_listed(evidence, tops)}"
    commands: list[str] = []
    left = tops
    for pattern in (pattern for pattern in patterns if pattern.startswith("/")):
        found = evidence.selector.matches(pattern)
        mine = np.isin(left, found)
        if "**" in pattern or not mine.any() or _others(evidence, layer, found, tops).any():
            continue
        # A shell's `*` does not match hidden names, but this pattern does.
        commands.append(
            f"find {pattern.removesuffix('/*')} -mindepth 1 -delete"
            if pattern.endswith("/*")
            else f"rm -rf {pattern}"
        )
        left = left[~mine]
    for pattern in (pattern for pattern in patterns if "/" not in pattern):
        command, left = _searched(evidence, layer, left, [pattern])
        commands += command
    if len(left) > _LISTED:
        # Many files often have few names: translations have those of their programs.
        bases = [evidence.name(top).rpartition("/")[2] for top in left.tolist()]
        if len(set(bases)) <= _FEW and not any(set(base) & set("*?[\\") for base in bases):
            command, left = _searched(evidence, layer, left, sorted(set(bases)), kind)
            commands += command
    return _with_rest(evidence, commands, left)


def found_by_name(
    evidence: Evidence,
    layer: int,
    tops: NDArray[np.int32],
    names: Sequence[str],
    kind: str = "",
) -> str:
    """Like `deletion`, with a `find` for the paths whose last components match the names; `kind` is the argument of `-type`."""
    return _with_rest(evidence, *_searched(evidence, layer, tops, names, kind))


def _with_rest(evidence: Evidence, commands: Sequence[str], left: NDArray[np.int32]) -> str:
    """Commands, and another one that names the remaining paths; "" if there are too many."""
    if len(left) > _MOST:
        return ""
    named = [f"rm -rf {_listed(evidence, left)}"] if len(left) else []
    return " && ".join([*commands, *named])


def _searched(
    evidence: Evidence,
    layer: int,
    tops: NDArray[np.int32],
    names: Sequence[str],
    kind: str = "",
) -> tuple[list[str], NDArray[np.int32]]:
    """A `find` for the paths that match the names, and the remaining paths; all of them if it would find more than these."""
    matches = {name: evidence.selector.matches(name) for name in names}
    names = [name for name in names if np.isin(tops, matches[name]).any()]
    if not names:
        return [], tops
    found = np.concatenate([matches[name] for name in names])
    mine = np.isin(tops, found)
    others = np.sort(found[_others(evidence, layer, found, tops)])
    roots = _roots(evidence, tops[mine], others)
    if roots is None:
        return [], tops
    words = " ".join(shell_word(evidence.name(root)) for root in roots)
    test = " -o ".join(f"-name {shell_word(name)}" for name in names)
    if len(names) > 1:
        test = rf"\( {test} \)"
    test = f"-type {kind} {test}" if kind else test
    how = "-delete" if kind == "f" else "-prune -exec rm -rf {} +"
    return [f"find {words} {test} {how}"], tops[~mine]


def own_tops(
    evidence: Evidence, layer: int, paths: NDArray[np.int32], tops: Mask
) -> NDArray[np.int32]:
    """The topmost paths, of these files or of directories up to `tops`, that the step of `layer` created. Paths in a directory
    that existed before are named individually, so that nothing of lower layers is deleted with it.
    """
    parents, below = evidence.filesystem.table.parents, directories_before(evidence, layer)
    below |= subtree_counts(evidence.filesystem.table, left_by_others(evidence, layer)) > 0
    own = paths.copy()
    while (climb := (own > 0) & ~tops[own] & ~below[parents[own]]).any():
        own[climb] = parents[own[climb]]
    own = np.where(own > 0, own, paths)
    _, first = np.unique(own, return_index=True)
    ordered: NDArray[np.int32] = own[np.sort(first)]
    return ordered


def left_by_others(evidence: Evidence, layer: int, *, empty: bool = True) -> Mask:
    """Paths other than directories that are visible after a layer and that lower layers store; without `empty`, only those with
    content.
    """
    filesystem = evidence.filesystem
    rows = (filesystem.born < layer) & (filesystem.died > layer)
    rows &= filesystem.kinds != Kind.DIRECTORY
    if not empty:
        rows &= (filesystem.stored > 0) | (filesystem.kinds != Kind.FILE)
    found = np.zeros(len(filesystem.table), bool)
    found[filesystem.paths[rows]] = True
    return found


def directories_before(evidence: Evidence, layer: int) -> Mask:
    """Paths that are directories before a layer."""
    filesystem = evidence.filesystem
    rows = (filesystem.born < layer) & (filesystem.died >= layer)
    found = np.zeros(len(filesystem.table), bool)
    found[filesystem.paths[rows & (filesystem.kinds == Kind.DIRECTORY)]] = True
    return found


def _listed(evidence: Evidence, tops: NDArray[np.int32]) -> str:
    return " ".join(shell_word(evidence.name(top)) for top in tops.tolist())


def _others(
    evidence: Evidence, layer: int, found: NDArray[np.int64], tops: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Mask of the paths in `found` that are neither deleted nor below a deleted path, and that lower layers have or that contain
    files of the final image or of lower layers. What only later layers store is not there yet.
    """
    filesystem = evidence.filesystem
    there = np.zeros(len(filesystem.table), bool)
    there[filesystem.paths[(filesystem.born <= layer) & (filesystem.died > layer)]] = True
    kept = (evidence.live_files & there) | left_by_others(evidence, layer)
    files = subtree_counts(evidence.filesystem.table, kept)
    inside = evidence.selector.below(tops.astype(np.int64))[found]
    return ~inside & ((files[found] > 0) | directories_before(evidence, layer)[found])


def _roots(
    evidence: Evidence, tops: NDArray[np.int32], others: NDArray[np.int64]
) -> list[int] | None:
    """The deepest directories that contain all of `tops` and none of `others`; None if there are many."""
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
        if len(split) == len(roots):
            return [root for root, _ in roots]
        if len(split) > _ROOTS:
            return None
        roots = split


def _apart(
    evidence: Evidence, root: int, tops: NDArray[np.int32]
) -> list[tuple[int, NDArray[np.int32]]]:
    """Paths in one directory grouped by its children, each group with the deepest directory that contains it."""
    parents = evidence.filesystem.table.parents
    children = tops.copy()
    while (climb := parents[children] != root).any():
        children[climb] = parents[children[climb]]
    parts = [tops[children == child] for child in np.unique(children).tolist()]
    return [(evidence.common(part), part) for part in parts]
