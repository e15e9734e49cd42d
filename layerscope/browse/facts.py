"""Everything known about one version of a path, except its content."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from layerscope.browse.capabilities import ATTRIBUTE, capabilities
from layerscope.filesystem.model import Filesystem
from layerscope.layers.extensions import unpack_xattrs
from layerscope.layers.index import KIND_LETTERS, KIND_PHRASES, Kind
from layerscope.text import mode_text, safe_name

_XATTR_LENGTH = 120
"""Maximum characters shown of an extended attribute."""


class FileFacts(Struct, frozen=True):
    """One version of a path."""

    row: int
    path: int
    full: bytes
    """The full path, without a leading slash."""
    inode: int
    kind: Kind
    layer: int
    """The layer that stores it; for an implicit directory, the layer with the first entry below it."""
    born: int
    died: int
    """The layer that removed or replaced it; the number of layers if it is in the final image."""
    known: bool
    """Whether it has a tar entry; implicit directories have none."""
    mode: int
    """Permission bits."""
    uid: int
    gid: int
    mtime: int
    """Whole seconds since 1970."""
    stored: int
    """Content bytes, without the holes of a sparse file."""
    logical: int
    """Content bytes, with holes."""
    target: bytes
    """Target of a symlink or broken hard link; otherwise empty."""
    device: tuple[int, int]
    """Major and minor number of a device."""
    xattrs: dict[bytes, bytes]

    @classmethod
    def of(cls, filesystem: Filesystem, row: int) -> FileFacts:
        """The facts about the version in a row."""
        inodes = filesystem.inodes
        columns = inodes.columns
        path, inode = int(filesystem.paths[row]), int(filesystem.inode_of[row])
        kind = Kind(int(columns.kinds[inode]))
        known = inode != inodes.implicit
        major, minor = divmod(int(columns.devices[inode]), 1 << 32)
        return cls(
            row=row,
            path=path,
            full=filesystem.table.full(path),
            inode=inode,
            kind=kind,
            layer=filesystem.layer_of(row),
            born=int(filesystem.born[row]),
            died=int(filesystem.died[row]),
            known=known,
            mode=int(columns.modes[inode]),
            uid=int(columns.uids[inode]),
            gid=int(columns.gids[inode]),
            mtime=int(columns.mtimes[inode]),
            stored=int(columns.stored[inode]) if kind is Kind.FILE else 0,
            logical=inodes.logical(inode) if kind is Kind.FILE else 0,
            target=inodes.target(inode),
            device=(major, minor),
            xattrs=unpack_xattrs(inodes.xattrs[int(columns.xattrs[inode])]),
        )

    @property
    def is_device(self) -> bool:
        """Whether it is a device node."""
        return self.kind in (Kind.CHARACTER, Kind.BLOCK)

    def mode_words(self) -> str:
        """Type and permissions as `ls` writes them."""
        letter = KIND_LETTERS[self.kind]
        return mode_text(self.mode, letter) if self.known else f"{letter}?????????"

    def owner_words(self) -> str:
        """User ID and group ID."""
        return f"{self.uid}:{self.gid}" if self.known else "?"

    def kind_words(self) -> str:
        """The type in words, such as `a symlink to X` or `a character device 1:3`."""
        words = KIND_PHRASES[self.kind]
        if self.target:
            join = "to" if self.kind is Kind.SYMLINK else ":"
            return f"{words}{' ' if join == 'to' else ''}{join} {safe_name(self.target)}"
        return f"{words} {self.device[0]}:{self.device[1]}" if self.is_device else words

    def xattr_words(self) -> list[tuple[str, str]]:
        """Names and values of extended attributes, safe for a terminal; capabilities are decoded."""
        texts = []
        for name, value in self.xattrs.items():
            decoded = capabilities(value) if name == ATTRIBUTE else None
            text = decoded or safe_name(value[: _XATTR_LENGTH + 1].rstrip(b"\0"))
            if len(text) > _XATTR_LENGTH and decoded is None:
                text = text[:_XATTR_LENGTH] + "…"
            texts.append((safe_name(name), text))
        return texts


def other_names(filesystem: Filesystem, facts: FileFacts, limit: int = 20) -> list[int]:
    """Paths of other hard links to the file, visible at the same time; at most `limit` of them."""
    if facts.kind is not Kind.FILE:
        return []
    rows = np.flatnonzero(filesystem.inode_of == facts.inode)
    born, died = filesystem.born[rows], filesystem.died[rows]
    rows = rows[(born < facts.died) & (died > facts.born) & (rows != facts.row)]
    paths: list[int] = filesystem.paths[rows[:limit]].tolist()
    return paths


def replaced_version(filesystem: Filesystem, row: int) -> int | None:
    """Row of the version that the version in `row` replaced; None if it replaced none."""
    versions = filesystem.rows_of(int(filesystem.paths[row]))
    born = int(filesystem.born[row])
    for older in range(row - 1, versions.start - 1, -1):
        if filesystem.born[older] < filesystem.died[older] == born:
            return older
    return None
