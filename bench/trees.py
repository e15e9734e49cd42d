"""File trees of benchmark images: what each layer adds, rewrites, chmods and deletes."""

from __future__ import annotations

import random
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import PurePosixPath
from typing import NamedTuple

from bench.contents import BINARY, POOL_BYTES, RANDOM, TEXT, Content

FIRST_DAY = 1_750_000_000
MAX_DEPTH = 7
SHARED_TEXTS = 150
"""Number of contents, such as licences, that occur many times in the tree."""
KINDS = (
    (("py", "js", "ts", "json", "h", "c", "md", "txt", "css", "html", "conf", "map"), TEXT),
    (("so", "pyc", "a", "o", "mo", "bin"), BINARY),
    (("png", "gz", "woff2", "jpg"), RANDOM),
)
SHARES = (71, 96, 100)
"""Cumulative weights of `KINDS`: of 100 files, 71 are text, 25 binary and 4 already compressed."""
NAMES = (
    "access adapter api archive assets auth backend base binding bridge buffer builder cache cli "
    "client codec common compat config console core cursor data decoder deps dist docs driver "
    "encoder engine errors events export fields filter fonts format forms gateway graph handler "
    "helpers hooks icons images include index internal job kernel lang layout legacy lib loader "
    "locale logging main mapper math media merge model modules network node options parser patch "
    "platform plugin pool proxy query queue reader registry render request resolver router runtime "
    "schema scripts search server session shared socket source storage stream string style support "
    "sync system table target task template test theme tools transform types utils vendor version "
    "view widget worker writer"
)


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer: the instruction that made it and how many files it touches."""

    instruction: str
    root: str
    new: int = 0
    large: int = 0
    rewritten: int = 0
    chmodded: int = 0
    deleted: int = 0

    def scaled(self, factor: float) -> LayerPlan:
        """The same layer with `factor` times the files."""
        return replace(
            self,
            new=ceil(self.new * factor),
            large=round(self.large * factor),
            rewritten=ceil(self.rewritten * factor),
            chmodded=ceil(self.chmodded * factor),
            deleted=ceil(self.deleted * factor),
        )


class Entry(NamedTuple):
    """A member of a layer's tar: its header and, for a regular file, its content."""

    header: tarfile.TarInfo
    content: Content | None = None


class _File(NamedTuple):
    """A file that a later layer may touch."""

    path: str
    content: Content
    mode: int


class Tree:
    """Makes the entries of one layer after the other, always the same for the same plans."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._touchable: list[_File] = []
        self._removable: list[str] = []
        self._shared = [self._content(TEXT) for _ in range(SHARED_TEXTS)]
        self._words = NAMES.split()
        self._name_count = 0

    def layer(self, plan: LayerPlan) -> Iterator[Entry]:
        """The entries of the next layer, directories before their contents."""
        before = self._touchable
        self._touchable = []
        self._rng.shuffle(before)
        touched = list(self._touched(plan, before))
        listed: set[str] = set()
        for path, entry in sorted(touched, key=lambda each: each[0]):
            yield from self._parents(path, listed)
            yield entry
        if plan.new:
            yield from self._parents(f"{plan.root}/x", listed)
            yield from self._new_files(plan)
        self._touchable += before

    def _touched(self, plan: LayerPlan, before: list[_File]) -> Iterator[tuple[str, Entry]]:
        """Files of lower layers that this one rewrites, chmods or deletes, each at most once."""
        for _ in range(min(plan.rewritten, len(before))):
            path, content, mode = before.pop()
            changed = self._content(content.pool)
            yield path, self._file(path, changed, mode)
        for _ in range(min(plan.chmodded, len(before))):
            path, content, mode = before.pop()
            yield path, self._file(path, content, mode ^ 0o050)
        directories = min(plan.deleted // 20, len(self._removable))
        deleted = [self._removable.pop() for _ in range(directories)]
        deleted += [before.pop().path for _ in range(min(plan.deleted - len(deleted), len(before)))]
        for path in deleted:
            pure_path = PurePosixPath(path)
            yield path, Entry(self._header(f"{pure_path.parent}/.wh.{pure_path.name}", 0o600))

    def _parents(self, path: str, listed: set[str]) -> Iterator[Entry]:
        """Entries of the directories above a path that this layer has not listed yet."""
        above: list[str] = []
        while (path := path.rpartition("/")[0]) and path not in listed:
            listed.add(path)
            above.append(path)
        for directory in reversed(above):
            yield self._directory(directory)

    def _new_files(self, plan: LayerPlan) -> Iterator[Entry]:
        """A tree of new files: large ones first, then directory by directory."""
        for _ in range(plan.large):
            size = self._rng.randrange(8 << 20, 40 << 20)
            content = Content(BINARY, self._rng.randrange(POOL_BYTES), size)
            yield self._file(f"{plan.root}/{self._name()}.so.1", content, 0o755)
        stack = [plan.root]
        remaining = plan.new - plan.large
        while remaining > 0:
            depths = range(1, min(len(stack), MAX_DEPTH) + 1)
            del stack[max(self._rng.choices(depths, k=2)) :]
            stack.append(f"{stack[-1]}/{self._name()}")
            yield self._directory(stack[-1])
            removable = self._rng.random() < 0.02
            count = min(remaining, 1 + int(self._rng.expovariate(1 / 10)))
            yield from self._files(stack[-1], count, touchable=not removable)
            remaining -= count
            if removable:
                self._removable.append(stack.pop())

    def _files(self, directory: str, count: int, *, touchable: bool) -> Iterator[Entry]:
        """`count` files of one directory, and a few links."""
        rng = self._rng
        for _ in range(count):
            suffixes, pool = rng.choices(KINDS, cum_weights=SHARES)[0]
            path = f"{directory}/{self._name()}.{rng.choice(suffixes)}"
            draw = rng.random()
            if draw < 0.03 and pool == TEXT:
                content = rng.choice(self._shared)
            elif draw < 0.04:
                content = Content(pool, 0, 0)
            else:
                content = self._content(pool)
            mode = 0o755 if rng.random() < 0.1 else 0o644
            yield self._file(path, content, mode)
            if touchable and rng.random() < 0.2:
                self._touchable.append(_File(path, content, mode))
            elif rng.random() < 0.01:
                yield self._link(f"{path}.0", path, tarfile.LNKTYPE)
            elif rng.random() < 0.01:
                yield self._link(f"{path}.1", path.rpartition("/")[2], tarfile.SYMTYPE)

    def _content(self, pool: str) -> Content:
        """A content of realistic size: half are below 2 kB, a few have megabytes."""
        size = min(int(self._rng.lognormvariate(7.69, 1.75)), 4 << 20)
        return Content(pool, self._rng.randrange(POOL_BYTES), size)

    def _name(self) -> str:
        self._name_count += 1
        return f"{self._rng.choice(self._words)}-{self._name_count:x}"

    def _header(self, path: str, mode: int) -> tarfile.TarInfo:
        header = tarfile.TarInfo(path)
        header.mode = mode
        header.mtime = FIRST_DAY + self._rng.randrange(10_000_000)
        header.uname = header.gname = "root"
        return header

    def _file(self, path: str, content: Content, mode: int) -> Entry:
        header = self._header(path, mode)
        header.size = content.size
        return Entry(header, content)

    def _directory(self, path: str) -> Entry:
        header = self._header(path, 0o755)
        header.type = tarfile.DIRTYPE
        return Entry(header)

    def _link(self, path: str, target: str, kind: bytes) -> Entry:
        header = self._header(path, 0o777)
        header.type = kind
        header.linkname = target
        return Entry(header)
