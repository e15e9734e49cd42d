"""The life of a path: what each layer did to it, which version is live, and what was wasted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.accounting import Waste
from layerscope.filesystem.inodes import Why
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import Kind
from layerscope.words import REASONS, Change, Reason


class State(Struct, frozen=True):
    """The state of a path after a layer."""

    row: int
    """Row of the filesystem's versions."""
    kind: Kind
    target: bytes
    """Target of a symlink or of a broken hard link; otherwise empty."""
    bytes: int
    """Content bytes of a file; 0 for other types."""
    mode: int
    """Permission bits; like owner and time 0 where `known` is false."""
    uid: int
    gid: int
    mtime: int
    """Whole seconds since 1970."""
    known: bool
    """Whether a tar entry describes it."""
    stored_in: int
    """The layer that stores its content; for an implicit directory, the layer that caused it."""


class Loss(Struct, frozen=True):
    """Bytes of a version that the final image does not show."""

    bytes: int
    reason: Reason
    hidden_by: int
    """The layer that removed its last name."""
    path: int
    """The path of its last name, where the waste is counted."""
    inode: int


class Event(Struct, frozen=True):
    """A change of a path, or below it, by one layer."""

    layer: int
    path: int
    change: Change | None
    """None if only paths below a directory change, or if the layer itself replaced it."""
    why: Why
    """What differs, for a modified or metadata change."""
    before: State | None
    after: State | None
    """The state after the layer; if `brief`, the state that the layer stored and replaced."""
    brief: bool
    """Whether the layer that stored this also replaced or removed it."""
    shown: bool
    """Whether this is live."""
    loss: Loss | None
    """The waste that this version became, on the layer that stores it and at its last name."""
    below: Mapping[Change, int]
    """For a directory: the number of changed paths in it, by kind of change."""
    total: int | None
    """For a directory: bytes in it after the layer. An inode counts once, at its first visible name of the whole tree."""


class Life(Struct, frozen=True):
    """All events of a path, oldest first."""

    path: int
    full: bytes
    """The path itself, without a leading slash."""
    events: tuple[Event, ...]
    is_directory: bool
    """Whether it is a directory in any layer."""

    @property
    def versions(self) -> int:
        """How many layers stored or implied it."""
        return len({event.after.row for event in self.events if event.after is not None})

    @property
    def wasted(self) -> int:
        """Bytes of its dead versions, as the accounting counts them at this path."""
        losses = {
            event.loss.inode: event.loss.bytes
            for event in self.events
            if event.loss is not None and event.loss.path == self.path
        }
        return sum(losses.values())

    @property
    def alive(self) -> bool:
        """Whether it is live."""
        return any(event.shown for event in self.events)


def life_of(filesystem: Filesystem, waste: Waste, path: int) -> Life:
    """The life of one path; for a directory, including changes below it."""
    changes, end = filesystem.changes, int(filesystem.table.ends[path])
    lives = _Events(filesystem, waste)
    events = list(lives.brief(path))
    rows_of_path = np.flatnonzero(changes.paths == path)
    rows = filesystem.rows_of(path)
    directory = end > path + 1 or bool((filesystem.kinds[rows] == Kind.DIRECTORY).any())
    if not directory:
        events += map(lives.event, rows_of_path.tolist())
        return _life(filesystem, path, events, directory)
    totals, below = directory_totals(filesystem, path), _changes_below(filesystem, path)
    row_of = dict(zip(changes.layers[rows_of_path].tolist(), rows_of_path.tolist(), strict=True))
    for layer in range(filesystem.layer_count):
        counts = {change: int(below[layer, change]) for change in Change if below[layer, change]}
        total = int(totals[layer])
        if layer in row_of:
            events.append(lives.event(row_of[layer], counts, total))
        elif counts:
            state = lives.standing(path, layer)
            events.append(
                Event(layer, path, None, Why(0), state, state, False, False, None, counts, total)
            )
    return _life(filesystem, path, events, directory)


def events_of(filesystem: Filesystem, waste: Waste, paths: NDArray[np.bool_]) -> Iterator[Event]:
    """The events of many paths by layer, then path, without changes below directories."""
    lives = _Events(filesystem, waste)
    changes = filesystem.changes
    short = np.flatnonzero((filesystem.born == filesystem.died) & paths[filesystem.paths])
    for layer in range(filesystem.layer_count):
        span = changes.of_layer(layer)
        for row in short[filesystem.born[short] == layer].tolist():
            yield lives.brief_event(row)
        for row in (np.flatnonzero(paths[changes.paths[span]]) + span.start).tolist():
            yield lives.event(row)


def directory_totals(filesystem: Filesystem, path: int) -> NDArray[np.int64]:
    """Content bytes at and below a path after each layer, shape (layers,): what the file tree shows of it."""
    end = int(filesystem.table.ends[path])
    below = filesystem.rows_between(path, end)
    rows = np.arange(below.start, below.stop)
    rows = rows[(filesystem.stored[rows] > 0) & (filesystem.born[rows] < filesystem.died[rows])]
    names = np.bincount(filesystem.inode_of, minlength=1)
    single = rows[names[filesystem.inode_of[rows]] == 1]
    moves = np.zeros(filesystem.layer_count + 1, np.int64)
    np.add.at(moves, filesystem.born[single], filesystem.stored[single])
    np.subtract.at(moves, filesystem.died[single], filesystem.stored[single])
    linked = np.zeros(filesystem.inodes.implicit + 1, bool)
    linked[filesystem.inode_of[rows]] = True
    shared = np.flatnonzero(linked[filesystem.inode_of] & (names[filesystem.inode_of] > 1))
    totals: NDArray[np.int64] = np.cumsum(moves[:-1])
    if len(shared):
        totals += _linked_totals(filesystem, shared, path, end)
    return totals


def _linked_totals(
    filesystem: Filesystem, rows: NDArray[np.int64], path: int, end: int
) -> NDArray[np.int64]:
    """After each layer, the bytes of inodes with several names whose first visible name is in [path, end)."""
    totals = np.zeros(filesystem.layer_count, np.int64)
    born, died, inodes = filesystem.born[rows], filesystem.died[rows], filesystem.inode_of[rows]
    moving = set(born.tolist()) | set(died.tolist())
    for layer in range(filesystem.layer_count):
        if layer not in moving:
            totals[layer] = totals[layer - 1] if layer else 0
            continue
        visible = np.flatnonzero((born <= layer) & (layer < died))
        _, eldest = np.unique(inodes[visible], return_index=True)
        counted = rows[visible[eldest]]
        inside = (filesystem.paths[counted] >= path) & (filesystem.paths[counted] < end)
        totals[layer] = filesystem.stored[counted[inside]].sum()
    return totals


def _changes_below(filesystem: Filesystem, path: int) -> NDArray[np.int64]:
    """How many paths below a path each layer changes, shape (layers, changes)."""
    changes, end = filesystem.changes, int(filesystem.table.ends[path])
    rows = (changes.paths > path) & (changes.paths < end) & (changes.kinds != Change.UNCHANGED)
    keys = changes.layers[rows].astype(np.int64) * len(Change) + changes.kinds[rows]
    counted = np.bincount(keys, minlength=filesystem.layer_count * len(Change))
    return counted.reshape(filesystem.layer_count, len(Change))


def _life(filesystem: Filesystem, path: int, events: Iterable[Event], directory: bool) -> Life:
    """A life of these events; within a layer, replaced versions come first."""
    ordered = sorted(events, key=lambda event: (event.layer, not event.brief))
    return Life(path, filesystem.table.full(path), tuple(ordered), directory)


class _Events:
    """Makes events from rows of changes and versions."""

    def __init__(self, filesystem: Filesystem, waste: Waste) -> None:
        self._filesystem = filesystem
        self._waste = waste
        self._order = np.argsort(waste.inodes, kind="stable")
        self._inodes = waste.inodes[self._order]

    def event(
        self, row: int, below: Mapping[Change, int] | None = None, total: int | None = None
    ) -> Event:
        """The event of a row of the changes."""
        filesystem = self._filesystem
        changes = filesystem.changes
        layer, after = int(changes.layers[row]), int(changes.after[row])
        return Event(
            layer=layer,
            path=int(changes.paths[row]),
            change=Change(int(changes.kinds[row])),
            why=Why(int(changes.why[row])),
            before=self._state(int(changes.before[row])),
            after=self._state(after),
            brief=False,
            shown=after >= 0 and int(filesystem.died[after]) == filesystem.layer_count,
            loss=self._loss(after, layer),
            below=below or {},
            total=total,
        )

    def brief(self, path: int) -> Iterator[Event]:
        """Versions of a path that died in the layer that stored them."""
        span = self._filesystem.rows_of(path)
        for row in range(span.start, span.stop):
            if self._filesystem.born[row] == self._filesystem.died[row]:
                yield self.brief_event(row)

    def brief_event(self, row: int) -> Event:
        """A version that died in its own layer."""
        filesystem = self._filesystem
        layer, path = int(filesystem.born[row]), int(filesystem.paths[row])
        state, loss = self._state(row), self._loss(row, layer)
        return Event(layer, path, None, Why(0), None, state, True, False, loss, {}, None)

    def standing(self, path: int, layer: int) -> State | None:
        """The state of a path after a layer."""
        version = self._filesystem.version_after(path, layer)
        return None if version is None else self._state(version)

    def _state(self, row: int) -> State | None:
        if row < 0:
            return None
        filesystem, inodes = self._filesystem, self._filesystem.inodes
        inode, columns = int(filesystem.inode_of[row]), inodes.columns
        kind, known = Kind(int(columns.kinds[inode])), inode != inodes.implicit
        return State(
            row=row,
            kind=kind,
            bytes=int(filesystem.stored[row]),
            mode=int(columns.modes[inode]),
            uid=int(columns.uids[inode]),
            gid=int(columns.gids[inode]),
            mtime=int(columns.mtimes[inode]),
            known=known,
            target=inodes.target(inode),
            stored_in=filesystem.layer_of(row),
        )

    def _loss(self, row: int, layer: int) -> Loss | None:
        """The waste of a version, if this layer stored it or it is counted at this path."""
        if row < 0:
            return None
        filesystem, waste = self._filesystem, self._waste
        inode = int(filesystem.inode_of[row])
        place = int(np.searchsorted(self._inodes, inode))
        if place >= len(self._inodes) or self._inodes[place] != inode:
            return None
        record = int(self._order[place])
        here = int(waste.paths[record]) == int(filesystem.paths[row])
        if int(waste.stored_in[record]) != layer and not here:
            return None
        return Loss(
            bytes=int(waste.bytes[record]),
            reason=REASONS[int(waste.reasons[record])],
            hidden_by=int(waste.hidden_by[record]),
            path=int(waste.paths[record]),
            inode=inode,
        )
