"""What lies under a cursor, for whatever opens, extracts or copies it, and for views that follow it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from layerscope.filesystem.model import Filesystem


@dataclass(frozen=True, slots=True)
class Pointed:
    """A path under a cursor."""

    path: int
    version: int
    """Row of the filesystem: the version that is shown."""
    layer: int
    """A layer after which that version is visible, and what lies below it."""

    @classmethod
    def at(cls, filesystem: Filesystem, version: int) -> Pointed:
        """The version in this row, as it was last; one that its own layer replaced again, in that layer."""
        born, died = int(filesystem.born[version]), int(filesystem.died[version])
        return cls(int(filesystem.paths[version]), version, max(died - 1, born))

    @classmethod
    def after(cls, filesystem: Filesystem, path: int, layer: int) -> Pointed | None:
        """What is visible at a path after a layer; None where nothing is."""
        rows = filesystem.rows_of(path)
        for row in range(rows.start, rows.stop):
            if filesystem.born[row] <= layer < filesystem.died[row]:
                return cls(path, row, layer)
        return None


class Pointing:
    """Mixed into widgets that have a cursor."""

    points = False
    """Whether there are paths under its cursor."""

    def pointed(self) -> Pointed | None:
        """The path under the cursor, for what opens, extracts or copies it; None where rows are no paths."""
        return None

    def copied(self) -> tuple[str, str] | None:
        """What is copied of the row under the cursor, and what to call it; None for the path under the cursor."""
        return None


class ShowFile(Message):
    """Somebody wants to look into a file: the version in this row of the filesystem."""

    def __init__(self, version: int) -> None:
        super().__init__()
        self.version = version
