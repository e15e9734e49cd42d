"""Modes of the file tree: the changes of a layer, everything up to a layer, or the differences of a range."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope.browse.choices import Mode
from layerscope.filesystem.changes import Changes, Pairs, classify
from layerscope.filesystem.model import Filesystem, Totals
from layerscope.filesystem.paths import sums_below, with_ancestors
from layerscope.filesystem.selector import Selector
from layerscope.layers.index import Kind
from layerscope.words import Change

NO_CHANGE = 255
"""Value for paths without a `Change`."""


class Selection(Struct, frozen=True, dict=True):
    """The paths of a mode. Arrays have shape (paths,)."""

    filesystem: Filesystem
    present: NDArray[np.bool_]
    """Paths with a row, including the directories above them; never the root."""
    context: NDArray[np.bool_]
    """Directories present only because of paths below them."""
    versions: NDArray[np.int32]
    """Row of the version to show: the visible one, or the last one of a removed path; -1 for none."""
    changes: NDArray[np.uint8]
    """`Change` values, `NO_CHANGE` for paths that the layer or range does not change."""
    why: NDArray[np.uint8]
    """`Why` bits of modified and metadata changes."""
    totals: Totals
    """Sums over each subtree: of visible paths in mode `UP_TO`, otherwise of added and changed ones."""
    removed: NDArray[np.int64]
    """Content bytes removed at or below each path."""
    removed_files: int
    """Number of names of regular files that were removed."""
    counts: dict[Change, int]
    """Number of paths that the layer or range changes, by kind."""

    @cached_property
    def inodes(self) -> NDArray[np.int32]:
        """Inode of the version to show; the one of implicit directories if there is none."""
        inodes = np.full(len(self.versions), self.filesystem.inodes.implicit, np.int32)
        with_version = np.flatnonzero(self.versions >= 0)
        inodes[with_version] = self.filesystem.inode_of[self.versions[with_version]]
        return inodes

    @cached_property
    def kinds(self) -> NDArray[np.uint8]:
        """`Kind` of the version to show."""
        return self.filesystem.inodes.columns.kinds[self.inodes]

    @cached_property
    def bytes(self) -> NDArray[np.int64]:
        """Content bytes of the version to show, without paths below it."""
        stored = self.filesystem.inodes.columns.stored[self.inodes]
        return np.where(self.kinds == Kind.FILE, stored, 0)

    @cached_property
    def layers(self) -> NDArray[np.int32]:
        """The layer that stored the version to show; for an implicit directory, the layer with the first entry below it."""
        inodes = self.filesystem.inodes
        layers = inodes.layers(self.inodes)
        implicit = np.flatnonzero((self.inodes == inodes.implicit) & (self.versions >= 0))
        layers[implicit] = self.filesystem.born[self.versions[implicit]]
        return layers

    def only(self, matches: NDArray[np.bool_]) -> Selection:
        """The paths in `matches` and the directories above them. Totals count only files that match; if no file does, everything
        in the directories that match."""
        filesystem = self.filesystem
        counted = matches
        if not (matches & (self.kinds != Kind.DIRECTORY)).any():
            counted = self.present & Selector(filesystem.table).below(np.flatnonzero(matches))
        paths = np.flatnonzero(counted & (self.versions >= 0))
        removed_mask = self.changes[paths] == Change.REMOVED
        rows = self.versions[paths]
        removed = np.zeros_like(self.removed)
        if removed_mask.any():
            removed = _bytes_below(filesystem, rows[removed_mask])
        other = replace(
            self,
            present=with_ancestors(filesystem.table, matches),
            totals=filesystem.totals_of(rows[~removed_mask]),
            removed=removed,
            removed_files=int(np.count_nonzero(filesystem.kinds[rows[removed_mask]] == Kind.FILE)),
        )
        # These do not change: the same versions are shown.
        for name in ("inodes", "kinds", "bytes", "layers"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other


def select(
    filesystem: Filesystem, mode: Mode, layer: int, since: int = -1, *, changed_only: bool = False
) -> Selection:
    """The paths that `mode` shows at `layer`; -1 is before the first layer. A range starts after layer `since`.

    With `changed_only`, mode `UP_TO` shows only paths that the layer adds or changes.
    """
    count = len(filesystem.table)
    after = filesystem.visible(layer)
    versions = _by_path(filesystem, after)
    table, span = _changes(filesystem, mode, layer, since, versions)
    paths, kinds = table.paths[span], table.kinds[span]
    is_removed = kinds == Change.REMOVED
    is_changed = (kinds != Change.UNCHANGED) & ~is_removed
    changes = np.full(count, NO_CHANGE, np.uint8)
    why = np.zeros(count, np.uint8)
    shown = np.zeros(count, bool)
    removed = np.zeros(count, np.int64)
    shown[paths[is_changed]] = True
    why[paths] = table.why[span]
    if mode is Mode.UP_TO:
        changes[paths[~is_removed]] = kinds[~is_removed]
        totals = filesystem.totals(after)
        if not changed_only:
            shown = versions >= 0
    else:
        changes[paths] = kinds
        shown[paths[is_removed]] = True
        versions[paths[is_removed]] = table.before[span][is_removed]
        totals = filesystem.totals_of(table.after[span][is_changed])
        if is_removed.any():
            removed = _bytes_below(filesystem, table.before[span][is_removed])
    shows_all = mode is Mode.UP_TO and not changed_only
    present = shown if shows_all else with_ancestors(filesystem.table, shown)
    return Selection(
        filesystem=filesystem,
        present=present,
        context=present & ~shown,
        versions=versions,
        changes=changes,
        why=why,
        totals=totals,
        removed=removed,
        removed_files=(
            0
            if mode is Mode.UP_TO
            else int(
                np.count_nonzero(filesystem.kinds[table.before[span][is_removed]] == Kind.FILE)
            )
        ),
        counts=_counts(kinds),
    )


def unread(filesystem: Filesystem, layer: int, since: int) -> NDArray[np.int32]:
    """Inodes to hash before the differences of a range are exact."""
    inodes = filesystem.inodes
    pairs = _differing(
        _by_path(filesystem, filesystem.visible(since)),
        _by_path(filesystem, filesystem.visible(layer)),
    )
    both = (pairs.before >= 0) & (pairs.after >= 0)
    old = filesystem.inode_of[pairs.before[both]]
    new = filesystem.inode_of[pairs.after[both]]
    maybe_equal = inodes.may_equal(old, new) & (inodes.columns.stored[old] > 0)
    needed: NDArray[np.int32] = np.unique(np.concatenate([old[maybe_equal], new[maybe_equal]]))
    return needed[~inodes.hashed[needed]]


def _changes(
    filesystem: Filesystem, mode: Mode, layer: int, since: int, versions: NDArray[np.int32]
) -> tuple[Changes, slice | NDArray[np.int64]]:
    """Changes, and the rows that a mode shows: a range omits paths that are equal at both ends."""
    if mode is Mode.RANGE:
        before = _by_path(filesystem, filesystem.visible(since))
        pairs = _differing(before, versions)
        changes = classify(
            pairs, filesystem.paths, filesystem.inode_of, filesystem.born, filesystem.inodes, 1
        )
        return changes, np.flatnonzero(changes.kinds != Change.UNCHANGED)
    changes = filesystem.changes
    return changes, changes.of_layer(layer) if layer >= 0 else slice(0, 0)


def _differing(before: NDArray[np.int32], after: NDArray[np.int32]) -> Pairs:
    """The paths at which two trees show different versions."""
    paths = np.flatnonzero(before != after).astype(np.int32)
    return Pairs(np.zeros(len(paths), np.int32), paths, before[paths], after[paths])


def _by_path(filesystem: Filesystem, mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The row in `mask` of each path, -1 for none."""
    rows = np.flatnonzero(mask)
    versions = np.full(len(filesystem.table), -1, np.int32)
    versions[filesystem.paths[rows]] = rows
    return versions


def _bytes_below(filesystem: Filesystem, rows: NDArray[np.int32]) -> NDArray[np.int64]:
    """Content bytes of these versions at and below each path; an inode counts once, at its first name."""
    _, first = np.unique(filesystem.inode_of[rows], return_index=True)
    rows = rows[np.sort(first)]
    return sums_below(filesystem.table, filesystem.paths[rows], filesystem.stored[rows], np.int64)


def _counts(kinds: NDArray[np.uint8]) -> dict[Change, int]:
    """Number of changes of each kind."""
    counted = np.bincount(kinds, minlength=len(Change)).tolist()
    return {change: counted[change] for change in Change}
