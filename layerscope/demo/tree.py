"""The tree of one layer, written the way a layer store exports it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from layerscope.demo.archive import END, Header, member


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of a layer."""

    path: str
    type: bytes
    mode: int
    mtime: int
    uid: int = 0
    gid: int = 0
    data: bytes = b""
    link: str = ""
    xattrs: tuple[tuple[str, bytes], ...] = ()


FILE, HARD_LINK, SYMLINK, DIRECTORY = b"0", b"1", b"2", b"5"


@dataclass(slots=True)
class Layer:
    """The entries of a layer in the making.

    `directories` is what the layers so far have made of each directory: a changed file brings its
    parents along, as they stand, because an overlay copies them up.
    """

    mtime: int
    directories: dict[str, Entry]
    entries: dict[str, Entry] = field(default_factory=dict)

    def directory(
        self, path: str, mode: int = 0o755, *, uid: int = 0, gid: int = 0, mtime: int | None = None
    ) -> None:
        """Make a directory, or give one new attributes."""
        when = self.mtime if mtime is None else mtime
        self.add(Entry(path, DIRECTORY, mode, when, uid, gid))

    def file(
        self,
        path: str,
        data: bytes | str,
        mode: int = 0o644,
        *,
        gid: int = 0,
        mtime: int | None = None,
        xattrs: tuple[tuple[str, bytes], ...] = (),
    ) -> None:
        """Write a regular file of root."""
        content = data.encode() if isinstance(data, str) else data
        when = self.mtime if mtime is None else mtime
        self.add(Entry(path, FILE, mode, when, 0, gid, content, xattrs=xattrs))

    def symlink(self, path: str, target: str, *, mtime: int | None = None) -> None:
        """Point `path` at `target`."""
        when = self.mtime if mtime is None else mtime
        self.add(Entry(path, SYMLINK, 0o777, when, link=target))

    def hard_link(self, path: str, target: str) -> None:
        """Give the file `target` of this layer, which sorts before `path`, a second name."""
        self.add(replace(self.entries[target], path=path, type=HARD_LINK, data=b"", link=target))

    def whiteout(self, path: str) -> None:
        """Remove what the layers below hold at `path`."""
        parent, _, name = path.rpartition("/")
        self.file(f"{parent}/.wh.{name}", b"", 0)

    def opaque(self, path: str) -> None:
        """Remove all that the layers below hold in the directory `path`, which stays."""
        self.file(f"{path}/.wh..wh..opq", b"", 0)

    def add(self, entry: Entry) -> None:
        """Put `entry` in, and the directories above it."""
        self.entries[entry.path] = entry
        if entry.type == DIRECTORY:
            self.directories[entry.path] = entry
        parent = entry.path.rpartition("/")[0]
        while parent and parent not in self.entries:
            known = self.directories.get(parent) or Entry(parent, DIRECTORY, 0o755, self.mtime)
            self.entries[parent] = self.directories[parent] = known
            parent = parent.rpartition("/")[0]

    def tar(self) -> bytes:
        """The layer as a tar file, parents before children."""
        parts: list[bytes] = []
        for entry in sorted(self.entries.values(), key=lambda each: each.path.replace("/", "\0")):
            name = f"{entry.path}/" if entry.type == DIRECTORY else entry.path
            header = Header(
                name,
                len(entry.data),
                entry.mode,
                entry.mtime,
                entry.type,
                entry.uid,
                entry.gid,
                entry.link,
                entry.xattrs,
            )
            parts += member(header, entry.data)
        parts.append(END)
        return b"".join(parts)
