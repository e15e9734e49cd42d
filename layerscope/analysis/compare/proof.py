"""Measures what fixes saved, by comparing an image with one rebuilt with the fixes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.compare.files import compare_files
from layerscope.analysis.compare.packages import PackageChange, compare_packages
from layerscope.analysis.compare.side import Side
from layerscope.analysis.compare.tables import common_table
from layerscope.analysis.findings.finding import Finding
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import Kind
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import Progress
from layerscope.words import Change

MIN_SAVED_SHARE = 0.9
"""Minimum share of the promised bytes that fixes have to save."""


class FindingProof(Struct, frozen=True):
    """What the fix for one finding saved."""

    finding: Finding
    real: int
    """Content bytes at its paths that are no longer stored, at most the promised ones."""


class Proof(Struct, frozen=True):
    """The result of rebuilding an image with fixes."""

    findings: tuple[FindingProof, ...]
    promised: int
    """Content bytes that the fixes should save according to the findings, each counted once."""
    saved: int
    """Content bytes saved by the rebuilt image; negative if it stores more."""
    lost: tuple[str, ...]
    """Paths with content that are missing from the final image although no finding names them. Not safe for a terminal."""
    differing: tuple[str, ...]
    """Paths whose content differs although no finding names them; without bytecode and files that the fixes change."""
    packages: tuple[PackageChange, ...]
    """Packages that were removed or changed version."""

    @property
    def holds(self) -> bool:
        """Whether no live file was lost and the fixes saved enough of what they promised."""
        return not self.lost and self.saved >= MIN_SAVED_SHARE * self.promised


def prove(
    old: Side,
    new: Side,
    applied: Sequence[int],
    progress: Progress,
    limits: Limits = DEFAULT_LIMITS,
    *,
    patched: Sequence[str] = (),
) -> Proof:
    """Compare an image with one rebuilt with fixes for some of its findings. `patched` are the names of the files that the fixes
    changed: the image may contain them. Raises `CancelledError`.
    """
    findings = old.findings
    if findings is None or new.findings is None:
        raise ValueError("findings of both images are needed")
    chosen = [findings.found[number] for number in applied]
    changes = compare_files(old, new, progress, limits=limits)
    table, old_places, new_places = common_table(old.filesystem.table, new.filesystem.table, limits)
    in_findings = np.zeros(len(table), bool)
    for finding in chosen:
        in_findings[old_places[finding.paths]] = True
    before = _stored(old.filesystem, old_places, len(table))
    freed = before - _stored(new.filesystem, new_places, len(table))
    proofs = [FindingProof(finding, _saved(finding, old_places, freed)) for finding in chosen]

    def paths(kind: Change) -> tuple[str, ...]:
        rows = np.flatnonzero((changes.kinds == kind) & (changes.old_bytes > 0))
        changed = changes.paths[rows]
        names = (
            "/" + name.decode(errors="surrogateescape")
            for name in table.full_paths(changed[~in_findings[changed]])
        )
        if kind is Change.REMOVED:
            return tuple(names)
        return tuple(name for name in names if not _is_noise(name, patched))

    return Proof(
        findings=tuple(proofs),
        promised=findings.saving(applied),
        saved=old.accounting.stored - new.accounting.stored,
        lost=paths(Change.REMOVED),
        differing=paths(Change.MODIFIED),
        packages=tuple(
            change
            for change in compare_packages(findings.packages, new.findings.packages)
            if change.old is not None
        ),
    )


def _is_noise(name: str, patched: Sequence[str]) -> bool:
    """Whether a file differs in every build or because of the fixes: bytecode, which contains times, and the Dockerfile itself."""
    return name.endswith(".pyc") or name.rpartition("/")[2] in patched


def _stored(filesystem: Filesystem, places: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    """Content bytes that all layers store at each path of a common table; `places` maps the filesystem's own paths to it. Shape
    (size,).
    """
    inodes = filesystem.inode_of
    rows = np.flatnonzero(
        (filesystem.kinds == Kind.FILE) & (filesystem.inodes.layers(inodes) == filesystem.born)
    )
    _, first = np.unique(inodes[rows], return_index=True)  # for hard links, the first name
    rows = rows[first]
    stored = np.zeros(size, np.int64)
    np.add.at(stored, places[filesystem.paths[rows]], filesystem.stored[rows])
    return stored


def _saved(finding: Finding, places: NDArray[np.int32], freed: NDArray[np.int64]) -> int:
    """Bytes at the paths of a finding that are no longer stored, at most the promised ones."""
    return min(int(np.maximum(freed[np.unique(places[finding.paths])], 0).sum()), finding.bytes)
