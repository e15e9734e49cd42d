"""The input of finding rules: an image, its stacked filesystem, and shared queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from layerscope.analysis.accounting import Accounting
from layerscope.analysis.duplicate_trees import DuplicateTree, find_duplicate_trees
from layerscope.analysis.duplicates import NO_DUPLICATES, Duplicates
from layerscope.analysis.near_trees import NearTree, find_near_trees
from layerscope.errors import LayerscopeError
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.selector import Mask, Selector
from layerscope.image.dockerfile import DockerfileInstruction
from layerscope.image.history import Step
from layerscope.image.model import Image
from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.contents import ContentCutError, LayerContents
from layerscope.layers.index import Kind
from layerscope.progress import NullProgress, Progress

_Known = TypeVar("_Known")
_NEAR_BYTES = 1_000_000
"""Minimum shared bytes of nearly identical directories."""
_TREE_BYTES = 50_000
"""Minimum bytes of duplicate directories."""

_PACKAGED = (
    *("/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/share", "/usr/include"),
    *("/usr/bin", "/usr/sbin", "/lib", "/lib64", "/bin", "/sbin"),
)


class Group(Struct, frozen=True):
    """Contents that one layer stores."""

    layer: int
    paths: NDArray[np.int32]
    """Files, largest first, with all hard links."""
    inodes: NDArray[np.int32]
    """Their contents, each once."""
    bytes: int
    """Content bytes, each content once."""


class Evidence(Struct, frozen=True, eq=False, dict=True):
    """An image to apply rules to. Masks over paths have shape (paths,), masks over versions (rows,)."""

    image: Image
    filesystem: Filesystem
    contents: Sequence[LayerContents]
    accounting: Accounting
    duplicates: Duplicates | None
    """None if duplicates were not searched."""
    base_steps: int = 0
    """Number of steps of the base image."""
    written: Mapping[int, DockerfileInstruction] = field(default_factory=dict)
    """The instructions of a Dockerfile, by step."""
    escape: str = "\\"
    """The character that continues lines in it."""
    progress: Progress = field(default_factory=NullProgress)
    results: dict[object, object] = field(default_factory=dict)
    """Results of `once`."""

    @cached_property
    def claimed(self) -> NDArray[np.bool_]:
        """Contents claimed by rules that ran before; shape (inodes,)."""
        return np.zeros(len(self.filesystem.inodes.columns.stored), bool)

    def once(self, work: Callable[[Evidence], _Known]) -> _Known:
        """The result of `work` for this evidence, computed once for all rules."""
        if work not in self.results:
            self.results[work] = work(self)
        return cast("_Known", self.results[work])

    def step(self, layer: int) -> Step:
        """The step that stores a layer."""
        return self.image.steps[self.image.layers[layer].step]

    def is_base(self, layer: int) -> bool:
        """Whether a layer belongs to the base image, or is the root filesystem of a FROM scratch image."""
        step = self.step(layer)
        starts = layer == 0 and step.instruction == "ADD" and step.arguments.endswith(" /")
        return step.index < self.base_steps or starts

    @cached_property
    def selector(self) -> Selector:
        """The pattern matcher of the path table."""
        return Selector(self.filesystem.table)

    @cached_property
    def live_rows(self) -> NDArray[np.int64]:
        """Versions that the final image shows, in path order."""
        return np.flatnonzero(self.filesystem.visible(self.filesystem.layer_count - 1))

    @cached_property
    def live_inodes(self) -> NDArray[np.int32]:
        """The inode that the final image shows at each path, -1 where it shows nothing; shape (paths,)."""
        inodes = np.full(len(self.filesystem.table), -1, np.int32)
        inodes[self.filesystem.paths[self.live_rows]] = self.filesystem.inode_of[self.live_rows]
        return inodes

    @cached_property
    def live_files(self) -> Mask:
        """Paths that are regular files in the final image."""
        files = np.zeros(len(self.filesystem.table), bool)
        rows = self.live_rows
        files[self.filesystem.paths[rows[self.filesystem.kinds[rows] == Kind.FILE]]] = True
        return files

    @cached_property
    def live_sizes(self) -> NDArray[np.int64]:
        """Content bytes of each path of the final image, 0 if it is not a file; shape (paths,)."""
        sizes = np.zeros(len(self.filesystem.table), np.int64)
        files = np.flatnonzero(self.live_files)
        sizes[files] = self.stored(self.live_inodes[files])
        return sizes

    @cached_property
    def _names_of_inode(self) -> NDArray[np.int64]:
        """Number of names of each inode in the final image."""
        files = self.live_inodes[self.live_files]
        return np.bincount(files, minlength=len(self.filesystem.inodes.columns.stored))

    @cached_property
    def packaged(self) -> Mask:
        """Paths in directories of distribution packages, which users do not edit."""
        return self.selector.select(_PACKAGED) & ~self.selector.select(("site-packages",))

    @cached_property
    def duplicate_trees(self) -> list[DuplicateTree]:
        """Duplicate directories; empty if duplicates were not searched."""
        return find_duplicate_trees(
            self.filesystem, self.live_inodes, self.duplicates or NO_DUPLICATES, _TREE_BYTES
        )

    @cached_property
    def near_trees(self) -> list[NearTree]:
        """Near-duplicate directories, except exact duplicates.

        Files that are already claimed are skipped, so compute it after all other claims.
        """
        ends = self.filesystem.table.ends
        exact = np.zeros(len(ends), np.int32)
        trees = sorted(self.duplicate_trees, key=lambda tree: tree.bytes)
        for number, tree in enumerate(trees, 1):  # the outermost last
            for path in tree.paths:
                exact[path : int(ends[path])] = number
        sizes, duplicates = self.live_sizes.copy(), self.duplicates or NO_DUPLICATES
        sizes[self.claimed[self.live_inodes] & self.live_files] = 0
        unclaimed = duplicates.only(~self.claimed[self.live_inodes[duplicates.paths]])
        return find_near_trees(self.filesystem.table, sizes, unclaimed, _NEAR_BYTES, exact)

    def without_other_names(self, paths: NDArray[np.int32]) -> NDArray[np.int32]:
        """Those of these files whose content has no other name in the final image."""
        inodes, place, counts = np.unique(
            self.live_inodes[paths], return_inverse=True, return_counts=True
        )
        sole: NDArray[np.int32] = paths[(counts == self._names_of_inode[inodes])[place]]
        return sole

    def name(self, path: int) -> str:
        """A path from the root; bytes that are not UTF-8 are lone surrogates. Not safe for a terminal."""
        return "/" + self.filesystem.table.full(path).decode(errors="surrogateescape")

    def deepest_common(self, paths: NDArray[np.int32]) -> int:
        """The deepest path that contains all of these; a single path itself."""
        table = self.filesystem.table
        top, last = int(paths.min()), int(paths.max())
        while table.ends[top] <= last:
            top = int(table.parents[top])
        return top

    def topmost_deleted(self, paths: NDArray[np.int32]) -> list[int]:
        """The topmost directories or files above these paths that are no longer in the final image, in the order of their first
        paths.
        """
        parents, tops = self.filesystem.table.parents, paths.copy()
        while True:
            above = parents[tops]
            climb = (above > 0) & (self.live_inodes[above] < 0)
            if not climb.any():
                break
            tops[climb] = above[climb]
        _, first = np.unique(tops, return_index=True)
        return [int(tops[at]) for at in np.sort(first)]

    def stored(self, inodes: NDArray[np.int32]) -> NDArray[np.int64]:
        """Content bytes of these inodes, which must be files."""
        return self.filesystem.inodes.columns.stored[inodes]

    def exists(self, *patterns: str) -> bool:
        """Whether a pattern matches a path of the final image."""
        return any(
            (self.live_inodes[self.selector.matches(pattern)] >= 0).any() for pattern in patterns
        )

    def live_under(self, *patterns: str) -> Mask:
        """Files of the final image at or below paths that match a pattern."""
        return self.selector.select(patterns) & self.live_files

    def head(self, inode: int, length: int) -> bytes:
        """The first bytes of a content, fewer if unreadable. Decompresses its layer up to there."""
        layer = self.filesystem.inodes.layer(inode)
        data = b""
        try:
            for piece in self.contents[layer].chunks(
                inode - int(self.filesystem.inodes.first[layer])
            ):
                data += piece
                if len(data) >= length:
                    break
        except (ContentCutError, DamagedStreamError, LayerscopeError, OSError):
            pass
        return data[:length]

    def by_layer(self, files: Mask) -> Iterator[Group]:
        """Group these files of the final image by the layer that stores them, lowest first.

        A content with another name is left out: it would still be stored without these names.
        """
        paths = np.flatnonzero(files & self.live_files).astype(np.int32)
        inodes = self.live_inodes[paths]
        counts = np.bincount(inodes, minlength=len(self._names_of_inode))
        complete = counts[inodes] == self._names_of_inode[inodes]
        yield from self.groups(paths[complete], inodes[complete])

    def groups(
        self,
        paths: NDArray[np.int32],
        inodes: NDArray[np.int32],
        layers: NDArray[np.int32] | None = None,
    ) -> Iterator[Group]:
        """Files, each with its inode, by the layer that stores them, or by these layers; lowest first."""
        if not len(paths):
            return
        if layers is None:
            layers = self.filesystem.inodes.layers(inodes)
        sizes = self.stored(inodes)
        order = np.lexsort((paths, -sizes, layers))
        bounds = np.flatnonzero(np.diff(layers[order])) + 1
        for members in np.split(order, bounds):
            contents = np.unique(inodes[members])
            yield Group(
                int(layers[members[0]]),
                paths[members],
                contents,
                int(self.stored(contents).sum()),
            )
