"""Packages that were added, removed or changed version."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from layerscope.analysis.packages.model import Package


class PackageChange(Struct, frozen=True):
    """A package that both images do not have in the same version."""

    kind: str
    """The package manager, as in `Package`."""
    name: str
    old: Package | None
    """None if it was added."""
    new: Package | None
    """None if it was removed."""

    @property
    def growth(self) -> int:
        """Growth in content bytes."""
        return (self.new.bytes if self.new else 0) - (self.old.bytes if self.old else 0)


def compare_packages(old: Sequence[Package], new: Sequence[Package]) -> list[PackageChange]:
    """All changes, the largest first. If a name has several versions, those that only one image has are paired in order."""
    before, after = _by_name(old), _by_name(new)
    changes = []
    for kind, name in before.keys() | after.keys():
        old_versions, new_versions = before.get((kind, name), []), after.get((kind, name), [])
        common = Counter(package.version for package in old_versions) & Counter(
            package.version for package in new_versions
        )
        changes += [
            PackageChange(kind, name, first, second)
            for first, second in zip_longest(
                _without(old_versions, common), _without(new_versions, common)
            )
        ]
    return sorted(
        changes,
        key=lambda change: (
            -abs(change.growth),
            change.kind,
            change.name,
            "" if change.old is None else change.old.version,
            "" if change.new is None else change.new.version,
        ),
    )


def _by_name(packages: Sequence[Package]) -> dict[tuple[str, str], list[Package]]:
    groups: defaultdict[tuple[str, str], list[Package]] = defaultdict(list)
    for package in packages:
        groups[package.kind, package.name].append(package)
    return groups


def _without(packages: Sequence[Package], excluded: Counter[str]) -> list[Package]:
    """Packages without these versions, each removed as often as counted; ordered by version."""
    remaining = Counter(excluded)
    others = []
    for package in sorted(packages, key=lambda package: (package.version, -package.bytes)):
        if remaining[package.version]:
            remaining[package.version] -= 1
        else:
            others.append(package)
    return others
