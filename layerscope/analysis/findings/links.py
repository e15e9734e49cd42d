"""Links instead of copies: where a step can create one, and the command for it."""

from __future__ import annotations

import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.copy_steps import brings_only
from layerscope.analysis.findings.fixes import shell_word
from layerscope.layers.index import Kind


def is_untouched_later(evidence: Evidence, layer: int, path: int) -> bool:
    """Whether no step after that of `layer` writes or deletes anything at or below a path, which it would do through the link."""
    filesystem = evidence.filesystem
    rows = _rows(evidence, path)
    rows = rows[filesystem.kinds[rows] != Kind.DIRECTORY]
    born, died = filesystem.born[rows], filesystem.died[rows]
    later = (born > layer) | ((born <= layer) & (died > layer) & (died < filesystem.layer_count))
    return not later.any()


def stores_only(evidence: Evidence, layer: int, path: int) -> bool:
    """Whether a COPY stores only this path, so that nothing else is lost without the step."""
    if not brings_only(evidence, layer, evidence.name(path)):
        return False
    filesystem, ends = evidence.filesystem, evidence.filesystem.table.ends
    stored = (filesystem.born == layer) & (filesystem.kinds != Kind.DIRECTORY)
    outside = np.ones(len(ends), bool)
    outside[path : int(ends[path])] = False
    return not outside[filesystem.paths[stored]].any()


def link_command(
    evidence: Evidence, layer: int, kept: int, other: int, option: str = "-s", without: bool = False
) -> str:
    """A command that makes `other` a link to `kept`, in the step of `layer` or after it.

    With `without`, the step no longer stores `other`, so its directory may be missing.
    """
    target, name = shell_word(evidence.name(kept)), shell_word(evidence.name(other))
    made = f"ln {option} {target} {name}"
    parent = int(evidence.filesystem.table.parents[other])
    if without and parent > 0 and not _is_there(evidence, layer, parent, other):
        return f"mkdir -p {shell_word(evidence.name(parent))} && {made}"
    return made


def _is_there(evidence: Evidence, layer: int, parent: int, other: int) -> bool:
    """Whether a directory exists before a step, or the step stores something else in it."""
    filesystem, ends = evidence.filesystem, evidence.filesystem.table.ends
    born, died = filesystem.born, filesystem.died
    versions = slice(*filesystem.rows_of(parent).indices(len(born))[:2])
    if ((born[versions] < layer) & (died[versions] >= layer)).any():
        return True
    rows = _rows(evidence, parent)
    paths = filesystem.paths[rows]
    inside = (paths >= other) & (paths < int(ends[other]))
    kept = (born[rows] == layer) & (died[rows] > layer) & (filesystem.kinds[rows] != Kind.DIRECTORY)
    return bool((kept & ~inside).any())


def _rows(evidence: Evidence, path: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Versions of a path and of all that lies below it."""
    filesystem = evidence.filesystem
    below = filesystem.rows_between(path, int(filesystem.table.ends[path]))
    return np.arange(below.start, below.stop)
