"""Which images have what an answer is about: a layer, a finding, a Dockerfile line, a package, a content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np

from layerscope.fleet.answers.model import (
    BaseVersion,
    BuildAnswer,
    DistinctLayer,
    DuplicateAnswer,
    GrowthAnswer,
    LineAnswer,
    PackageAnswer,
    RepositoryAnswer,
    RuleAnswer,
)
from layerscope.fleet.contents import DIGEST
from layerscope.fleet.fleet import Fleet
from layerscope.fleet.tables import FindingRow, ImageRow, LayerRow, PackageRow, StepRow
from layerscope.text import date_of

_Row = TypeVar("_Row")

Check = Callable[[], None]
"""Raises an error once the answer is no longer wanted."""

_EVERY = 1000
"""Rows between two checks."""


def holders(fleet: Fleet, about: object, check: Check) -> dict[str, list[int]]:
    """Numbers of the images, by the version of a package or the digest of a layer; under "" if there is only one such group.

    Looks at the rows of all images. Raises what `check` raises, and OSError.
    """
    match about:
        case BaseVersion() | RepositoryAnswer():
            return {"": about.images}
        case DistinctLayer():
            return {"": _with_layers(fleet, [about.digest], check).get(about.digest, [])}
        case BuildAnswer():
            return _with_layers(fleet, about.layers, check)
        case RuleAnswer():
            rows = _checked(fleet.results.rows(FindingRow), check)
            return {"": _each(row.image for row in rows if row.rule == about.rule)}
        case LineAnswer():
            steps = _checked(fleet.results.rows(StepRow), check)
            return {
                "": _each(
                    row.image for row in steps if row.line == about.line and row.key is not None
                )
            }
        case PackageAnswer():
            return _with_package(fleet, about, check)
        case DuplicateAnswer():
            found = _with_layers(fleet, _layers_with(fleet, about.digest, check), check)
            return {"": sorted({image for images in found.values() for image in images})}
        case GrowthAnswer():
            return {"": _made(fleet, about.date or "?")}
    return {}


def _with_layers(fleet: Fleet, keys: Iterable[str], check: Check) -> dict[str, list[int]]:
    """The images that have each of these layers."""
    found: dict[str, dict[int, None]] = {key: {} for key in keys}
    for row in _checked(fleet.results.rows(LayerRow), check):
        if row.key in found:
            found[row.key][row.image] = None
    return {key: list(images) for key, images in found.items()}


def _with_package(fleet: Fleet, package: PackageAnswer, check: Check) -> dict[str, list[int]]:
    """The images that have each version of a package."""
    found: dict[str, dict[int, None]] = {each.version: {} for each in package.versions}
    for row in _checked(fleet.results.rows(PackageRow), check):
        if row.name == package.name and row.type == package.type:
            found[row.version][row.image] = None
    return {version: list(images) for version, images in found.items()}


def _made(fleet: Fleet, date: str) -> list[int]:
    """The images that were made on a day, or in a month or year."""
    rows = (row for row in fleet.results.rows(ImageRow) if row.stored_bytes is not None)
    return [row.image for row in rows if (date_of(row.created) or "").startswith(date)]


def _layers_with(fleet: Fleet, digest: str, check: Check) -> Iterator[str]:
    """The layers that store a content."""
    wanted = np.frombuffer(bytes.fromhex(digest), f"V{DIGEST}")[0]
    for layer in fleet.answers.layers:
        check()
        if fleet.reading.read.at(layer.digest) is not None:
            stored = fleet.reading.read.contents(layer.digest)
            if (stored.digests == wanted).any():
                yield layer.digest


def _each(images: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(images))


def _checked(rows: Iterator[_Row], check: Check) -> Iterator[_Row]:
    for number, row in enumerate(rows):
        if not number % _EVERY:
            check()
        yield row
