"""Packages as plain values, for the cache."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import Any

from layerscope.analysis.packages.model import Package


def package_rows(packages: Iterable[Package]) -> list[list[object]]:
    """Names and figures of packages, a list each."""
    return [list(astuple(package)) for package in packages]


def packages_of(rows: Iterable[Sequence[Any]]) -> tuple[Package, ...]:
    """What `package_rows` was given. Raises TypeError or ValueError for what it did not make."""
    return tuple(
        Package(str(kind), str(name), str(version), int(size), int(files), int(layer))
        for kind, name, version, size, files, layer in rows
    )
