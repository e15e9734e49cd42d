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

_MAX_LISTED_FIRST = 8
"""Maximum paths that are named one by one although a pattern would do."""
_MAX_LISTED = 40
"""Maximum paths that are named one by one if no pattern does; more are described in words."""
_MAX_ROOTS = 12
"""Maximum directories as arguments of a `find`."""
_MAX_NAMES = 4
"""Maximum file names as arguments of a `find`."""


def deletion(
    evidence: Evidence,
    layer: int,
    tops: NDArray[np.int32],
    patterns: Sequence[str],
    kind: str = "",
) -> str:
    """A command for the end of the step of `layer` that deletes exactly these paths, which patterns of `Selector` matched; "" if
    there is none of reasonable length. See `tops_of_step` for what can be deleted; `kind` is the argument of `-type`.
    """
    if len(tops) <= _MAX_LISTED_FIRST:
        return f"rm -rf {_listed(evidence, tops)}"
    commands: list[str] = []
    remaining = tops
    for pattern in (pattern for pattern in patterns if pattern.startswith("/")):
        matches = evidence.selector.matches(pattern)
        is_matched = np.isin(remaining, matches)
        if (
            "**" in pattern
            or not is_matched.any()
            or _must_stay(evidence, layer, matches, tops).any()
        ):
            continue
        # A shell's `*` does not match hidden names, but this pattern does.
        commands.append(
            f"find {pattern.removesuffix('/*')} -mindepth 1 -delete"
            if pattern.endswith("/*")
            else f"rm -rf {pattern}"
        )
        remaining = remaining[~is_matched]
    for pattern in (pattern for pattern in patterns if "/" not in pattern):
        command, remaining = _find_command(evidence, layer, remaining, [pattern])
        commands += command
    if len(remaining) > _MAX_LISTED_FIRST:
        # Many files often have few names: translations have those of their programs.
        bases = [evidence.name(top).rpartition("/")[2] for top in remaining.tolist()]
        if len(set(bases)) <= _MAX_NAMES and not any(set(base) & set("*?[\\") for base in bases):
            command, remaining = _find_command(evidence, layer, remaining, sorted(set(bases)), kind)
            commands += command
    return _join_commands(evidence, commands, remaining)


def found_by_name(
    evidence: Evidence,
    layer: int,
    tops: NDArray[np.int32],
    names: Sequence[str],
    kind: str = "",
) -> str:
    """Like `deletion`, with a `find` for the paths whose last components match the names; `kind` is the argument of `-type`."""
    return _join_commands(evidence, *_find_command(evidence, layer, tops, names, kind))


def _join_commands(
    evidence: Evidence, commands: Sequence[str], remaining: NDArray[np.int32]
) -> str:
    """Commands, and another one that names the remaining paths; "" if there are too many."""
    if len(remaining) > _MAX_LISTED:
        return ""
    named = [f"rm -rf {_listed(evidence, remaining)}"] if len(remaining) else []
    return " && ".join([*commands, *named])


def _find_command(
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
    matched = np.concatenate([matches[name] for name in names])
    is_matched = np.isin(tops, matched)
    kept = np.sort(matched[_must_stay(evidence, layer, matched, tops)])
    roots = _roots(evidence, tops[is_matched], kept)
    if roots is None:
        return [], tops
    words = " ".join(shell_word(evidence.name(root)) for root in roots)
    test = " -o ".join(f"-name {shell_word(name)}" for name in names)
    if len(names) > 1:
        test = rf"\( {test} \)"
    test = f"-type {kind} {test}" if kind else test
    action = "-delete" if kind == "f" else "-prune -exec rm -rf {} +"
    return [f"find {words} {test} {action}"], tops[~is_matched]


def tops_of_step(
    evidence: Evidence, layer: int, paths: NDArray[np.int32], tops: Mask
) -> NDArray[np.int32]:
    """The topmost paths, of these files or of directories up to `tops`, that the step of `layer` created. Paths in a directory
    that existed before are named individually, so that nothing of lower layers is deleted with it.
    """
    parents, existing = evidence.filesystem.table.parents, directories_before(evidence, layer)
    existing |= (
        subtree_counts(evidence.filesystem.table, files_of_lower_layers(evidence, layer)) > 0
    )
    created = paths.copy()
    while (climb := (created > 0) & ~tops[created] & ~existing[parents[created]]).any():
        created[climb] = parents[created[climb]]
    created = np.where(created > 0, created, paths)
    _, first = np.unique(created, return_index=True)
    ordered: NDArray[np.int32] = created[np.sort(first)]
    return ordered


def files_of_lower_layers(evidence: Evidence, layer: int, *, empty: bool = True) -> Mask:
    """Paths other than directories that are visible after a layer and that lower layers store; without `empty`, only those with
    content.
    """
    filesystem = evidence.filesystem
    rows = (filesystem.born < layer) & (filesystem.died > layer)
    rows &= filesystem.kinds != Kind.DIRECTORY
    if not empty:
        rows &= (filesystem.stored > 0) | (filesystem.kinds != Kind.FILE)
    visible = np.zeros(len(filesystem.table), bool)
    visible[filesystem.paths[rows]] = True
    return visible


def directories_before(evidence: Evidence, layer: int) -> Mask:
    """Paths that are directories before a layer."""
    filesystem = evidence.filesystem
    rows = (filesystem.born < layer) & (filesystem.died >= layer)
    directories = np.zeros(len(filesystem.table), bool)
    directories[filesystem.paths[rows & (filesystem.kinds == Kind.DIRECTORY)]] = True
    return directories


def _listed(evidence: Evidence, tops: NDArray[np.int32]) -> str:
    return " ".join(shell_word(evidence.name(top)) for top in tops.tolist())


def _must_stay(
    evidence: Evidence, layer: int, paths: NDArray[np.int64], tops: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Mask of those `paths` that are neither deleted nor below a deleted path, and that lower layers have or that contain
    files of the final image or of lower layers. What only later layers store is not there yet.
    """
    filesystem = evidence.filesystem
    visible = np.zeros(len(filesystem.table), bool)
    visible[filesystem.paths[(filesystem.born <= layer) & (filesystem.died > layer)]] = True
    kept = (evidence.live_files & visible) | files_of_lower_layers(evidence, layer)
    files = subtree_counts(evidence.filesystem.table, kept)
    deleted = evidence.selector.below(tops.astype(np.int64))[paths]
    return ~deleted & ((files[paths] > 0) | directories_before(evidence, layer)[paths])


def _roots(
    evidence: Evidence, tops: NDArray[np.int32], kept: NDArray[np.int64]
) -> list[int] | None:
    """The deepest directories that contain all of `tops` and none of `kept`; None if there are many."""
    table = evidence.filesystem.table
    roots = [(evidence.deepest_common(tops), tops)]
    while True:
        smaller: list[tuple[int, NDArray[np.int32]]] = []
        for root, below in roots:
            low, high = np.searchsorted(kept, [root, int(table.ends[root])])
            if len(below) == 1 or (root and low == high):
                smaller.append((root, below))
            else:
                smaller += _by_child(evidence, root, below)
        if len(smaller) == len(roots):
            return [root for root, _ in roots]
        if len(smaller) > _MAX_ROOTS:
            return None
        roots = smaller


def _by_child(
    evidence: Evidence, root: int, tops: NDArray[np.int32]
) -> list[tuple[int, NDArray[np.int32]]]:
    """Paths in one directory grouped by its children, each group with the deepest directory that contains it."""
    parents = evidence.filesystem.table.parents
    children = tops.copy()
    while (climb := parents[children] != root).any():
        children[climb] = parents[children[climb]]
    parts = [tops[children == child] for child in np.unique(children).tolist()]
    return [(evidence.deepest_common(part), part) for part in parts]
