"""The cache of results about an image: its stack, accounting, duplicates, secrets, packages and findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from msgspec.structs import astuple
from numpy.typing import NDArray

from layerscope.analysis.accounting import Accounting
from layerscope.analysis.duplicates import Duplicates
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.packing import pack_filesystem, unpack_filesystem
from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.packing import Packed, pack_fields, unpack_fields
from layerscope.layers.store import Store
from layerscope.limits import Limits

if TYPE_CHECKING:
    from layerscope.analysis.findings.finding import Findings
    from layerscope.analysis.packages.model import Installed, Inventory, Package

_Known = TypeVar("_Known")

FILESYSTEM = "image"
ACCOUNTING = "accounting"
DUPLICATES = "duplicates"
LAYER_SCAN = "scan"
PACKAGES = "packages"
INVENTORY = "inventory"
FINDINGS = "findings"


class ImageCache:
    """Cached results of the image made of layers with these keys, bottom first; empty if a layer has no key."""

    def __init__(
        self,
        store: Store | None,
        layers: Sequence[str | None],
        blobs: Sequence[Blob],
        limits: Limits,
        *,
        passing: bool = False,
    ) -> None:
        """With `passing`, results are stored even if they may differ later."""
        self._store = store
        self._passing = passing
        self._layers = layers
        self._key = (
            None
            if store is None or None in layers
            else store.key(FILESYSTEM, astuple(limits), list(layers))
        )
        self._blobs = blobs
        self._known: set[str] = set()

    def holds(self, kind: str, inputs: Sequence[object] = ()) -> bool:
        """Whether there is an entry of this kind."""
        key = self._entry_key(inputs, None)
        return self._store is not None and key is not None and self._store.has(kind, key)

    def filesystem(self, indexes: Sequence[LayerIndex] | None) -> Filesystem | None:
        """The stacked layers with compared contents; None if not cached."""
        return self._read(FILESYSTEM, lambda packed: unpack_filesystem(packed, indexes))

    def keep_filesystem(self, filesystem: Filesystem) -> None:
        """Store the filesystem."""
        self._keep(FILESYSTEM, lambda: pack_filesystem(filesystem), filesystem)

    def accounting(self) -> Accounting | None:
        """The accounting; None if not cached."""
        return self._read(ACCOUNTING, lambda packed: unpack_fields(Accounting, packed))

    def keep_accounting(self, accounting: Accounting, filesystem: Filesystem) -> None:
        """Store the accounting."""
        self._keep(ACCOUNTING, lambda: pack_fields(accounting), filesystem)

    def duplicates(self) -> Duplicates | None:
        """All duplicates; None if not cached."""
        return self._read(DUPLICATES, unpack_duplicates)

    def keep_duplicates(self, duplicates: Duplicates, filesystem: Filesystem) -> None:
        """Store the duplicates."""
        self._keep(DUPLICATES, lambda: pack_duplicates(duplicates), filesystem)

    def layer_scan(self, layer: int, unpack: Callable[[Packed], _Known]) -> _Known | None:
        """The scan of a layer's files; None if not cached."""
        return self._read(LAYER_SCAN, unpack, layer=layer)

    def keep_layer_scan(
        self, layer: int, pack: Callable[[], Packed], filesystem: Filesystem
    ) -> None:
        """Store the scan of a layer's files, for all images with this layer. The cache may exceed its limit until something else is
        stored."""
        self._known.discard(LAYER_SCAN)
        self._keep(LAYER_SCAN, pack, filesystem, layer=layer)

    def packages(self, filesystem: Filesystem) -> Installed | None:
        """All packages; None if not cached."""
        from layerscope.analysis.packages.model import Installed

        def unpack(packed: Packed) -> Installed:
            installed = unpack_fields(Installed, packed)
            _check_packages(installed.packages, filesystem)
            return installed

        return self._read(PACKAGES, unpack)

    def keep_packages(self, packages: Installed, filesystem: Filesystem) -> None:
        """Store the packages."""
        self._keep(PACKAGES, lambda: pack_fields(packages), filesystem)

    def inventory(self, inputs: Sequence[object], filesystem: Filesystem) -> Inventory | None:
        """The inventory for `inputs`, which identify all input besides the layers; None if not cached."""
        from layerscope.analysis.packages.model import Inventory

        def unpack(packed: Packed) -> Inventory:
            inventory = unpack_fields(Inventory, packed)
            _check_packages(inventory.packages, filesystem)
            return inventory

        return self._read(INVENTORY, unpack, inputs)

    def keep_inventory(
        self, inventory: Inventory, inputs: Sequence[object], filesystem: Filesystem
    ) -> None:
        """Store the inventory."""
        self._keep(INVENTORY, lambda: pack_fields(inventory), filesystem, inputs)

    def findings(self, inputs: Sequence[object], filesystem: Filesystem) -> Findings | None:
        """The findings for `inputs`, which identify everything that rules use besides the layers; None if not cached."""
        from layerscope.analysis.findings.finding import Findings

        sizes = filesystem.inodes.columns.stored

        def unpack(packed: Packed) -> Findings:
            findings = unpack_fields(Findings, packed, sizes=sizes)
            for finding in findings.found:
                check_range(finding.paths, len(filesystem.table))
                check_range(finding.inodes, len(sizes))
            _check_packages(findings.packages, filesystem)
            return findings

        return self._read(FINDINGS, unpack, inputs)

    def keep_findings(
        self, findings: Findings, inputs: Sequence[object], filesystem: Filesystem
    ) -> None:
        """Store the findings."""
        self._keep(FINDINGS, lambda: pack_fields(findings, omit=("sizes",)), filesystem, inputs)

    def _entry_key(self, inputs: Sequence[object], layer: int | None) -> str | None:
        """The cache key of results that depend on the image and on `inputs`, or on one layer alone."""
        if layer is not None:
            return self._layers[layer]
        if self._store is None or self._key is None or not inputs:
            return self._key
        return self._store.key(self._key, list(inputs))

    def _read(
        self,
        kind: str,
        unpack: Callable[[Packed], _Known],
        inputs: Sequence[object] = (),
        layer: int | None = None,
    ) -> _Known | None:
        key = self._entry_key(inputs, layer)
        if self._store is None or key is None:
            return None
        packed = self._store.read(kind, key)
        if packed is None:
            return None
        try:
            result = unpack(packed)
        except (KeyError, IndexError, TypeError, ValueError):
            self._store.forget(kind, key)
            return None
        self._known.add(kind)
        return result

    def _keep(
        self,
        kind: str,
        pack: Callable[[], Packed],
        filesystem: Filesystem,
        inputs: Sequence[object] = (),
        layer: int | None = None,
    ) -> None:
        """Write new, complete results: contents that could not be read now may be readable later."""
        if self._store is None:
            return
        blobs = self._blobs if layer is None else self._blobs[layer : layer + 1]
        uncertain = not self._passing and (
            filesystem.inodes.unread or any(blob.changed() for blob in blobs)
        )
        key = self._entry_key(inputs, layer)
        if key is not None and kind not in self._known and not uncertain:
            try:
                self._store.write(kind, key, pack())
            except (OverflowError, UnicodeError):  # only hostile images have such numbers and names
                return
        if self._store.grown and layer is None:  # of layers there may be thousands
            self._store.trim()


def _check_packages(packages: Sequence[Package], filesystem: Filesystem) -> None:
    """Raise ValueError for packages with other paths than the filesystem has."""
    count = len(filesystem.table)
    for package in packages:
        check_range(package.paths, count)
        if not -1 <= package.listed_in < count:
            raise ValueError("a path out of range")


def check_range(numbers: NDArray[np.int32], count: int) -> None:
    """Raise ValueError for numbers that are not below `count`."""
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= count):
        raise ValueError("a number out of range")


def pack_duplicates(duplicates: Duplicates) -> Packed:
    """Duplicates as arrays: one row each, and all their paths."""
    return Packed(
        {},
        {
            "bytes": duplicates.sizes,
            "digests": duplicates.digests.ravel(),
            "bounds": duplicates.bounds,
            "paths": duplicates.paths,
        },
    )


def unpack_duplicates(packed: Packed) -> Duplicates:
    """The inverse of `pack_duplicates`. Raises KeyError and ValueError for invalid arrays."""
    arrays = packed.arrays
    paths = arrays["paths"].astype(np.int32, copy=False)
    digests = arrays["digests"].reshape(-1, 32)
    return Duplicates(arrays["bytes"], digests, arrays["bounds"], paths)
