"""The scans of an image's layers, by inode. They are made while the layers are read, or afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.cache import ImageCache
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import LayerIndex

if TYPE_CHECKING:
    from layerscope.analysis.findings.layer_scan import LayerScan


class LayerScans:
    """The scans of all layers of an image, accessed by inode."""

    def __init__(self, layers: int) -> None:
        self._of_layer: list[LayerScan | None] = [None] * layers

    def collector(self, layer: int) -> LayerScan:
        """The scan of a layer, created when it is first needed: its patterns take a while to load."""
        from layerscope.analysis.findings.layer_scan import LayerScan

        scan = self._of_layer[layer]
        if scan is None:
            scan = self._of_layer[layer] = LayerScan()
        return scan

    def share(self, indexes: Sequence[LayerIndex]) -> None:
        """Let layers with the same index share the scan of the first one."""
        first: dict[int, LayerScan | None] = {}
        for number, index in enumerate(indexes):
            self._of_layer[number] = first.setdefault(id(index), self._of_layer[number])

    def read(self, cache: ImageCache, filesystem: Filesystem) -> None:
        """Load the scans of layers that were not read from the cache."""
        from layerscope.analysis.findings.layer_scan import LayerScan

        entries = np.diff(filesystem.inodes.first).tolist()
        for number, scan in enumerate(self._of_layer):
            if scan is None:
                unpack = partial(LayerScan.unpack, entries=entries[number])
                self._of_layer[number] = cache.layer_scan(number, unpack)

    def write(self, cache: ImageCache, filesystem: Filesystem) -> None:
        """Write new results to the cache."""
        for number, scan in enumerate(self._of_layer):
            if scan is not None and scan.changed:
                cache.keep_layer_scan(number, scan.pack, filesystem)
                scan.changed = False

    def searched(self, filesystem: Filesystem) -> NDArray[np.bool_]:
        """Which inodes were searched for secrets; shape (inodes,)."""
        searched = np.zeros(len(filesystem.inodes.columns.stored), bool)
        for first, scan in self._known(filesystem):
            searched[first + scan.searched] = True
        return searched

    def secrets(
        self, filesystem: Filesystem, among: NDArray[np.int32]
    ) -> dict[int, frozenset[str]]:
        """The kinds of secrets in each of these inodes that contains any."""
        wanted = set(among.tolist())
        return {
            first + entry: kinds
            for first, scan in self._known(filesystem)
            for entry, kinds in scan.secrets.items()
            if first + entry in wanted
        }

    def kept(self, filesystem: Filesystem) -> dict[int, bytes]:
        """The contents of files of package managers, by inode."""
        return {
            first + entry: content
            for first, scan in self._known(filesystem)
            for entry, content in scan.kept.items()
        }

    def add(
        self, filesystem: Filesystem, searched: Sequence[int], kinds: Mapping[int, frozenset[str]]
    ) -> None:
        """Note that these inodes of one layer were searched for secrets, and the kinds of secrets in them."""
        layer, first = self._layer(filesystem, searched[0])
        scan = self.collector(layer)
        for inode in kinds.keys() & set(searched):
            scan.add_kinds(inode - first, kinds[inode])
        scan.mark_searched(np.array(searched, np.int64) - first)

    def keep(self, filesystem: Filesystem, contents: Mapping[int, bytes]) -> None:
        """Keep contents of files of package managers, by inode."""
        for inode, content in contents.items():
            layer, first = self._layer(filesystem, inode)
            self.collector(layer).keep(inode - first, content)

    def _known(self, filesystem: Filesystem) -> Iterator[tuple[int, LayerScan]]:
        """The existing scans, each with the first inode of its layer."""
        for first, scan in zip(filesystem.inodes.first.tolist(), self._of_layer, strict=False):
            if scan is not None:
                yield first, scan

    @staticmethod
    def _layer(filesystem: Filesystem, inode: int) -> tuple[int, int]:
        layer = filesystem.inodes.layer(inode)
        return layer, int(filesystem.inodes.first[layer])
