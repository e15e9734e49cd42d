"""Finds the images of an answer: those with its layer, finding, Dockerfile line, package or content."""

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
"""Raises an error once the result is no longer needed."""

_CHECK_ROWS = 1000
"""Rows between two checks."""


def images_of(fleet: Fleet, answer: object, check: Check) -> dict[str, list[int]]:
    """Numbers of the images of an answer, grouped by the version of a package or the digest of a layer; "" for a single group.

    Scans the rows of all images. Raises OSError, and the error of `check`.
    """
    match answer:
        case BaseVersion() | RepositoryAnswer():
            return {"": answer.images}
        case DistinctLayer():
            return {"": _with_layers(fleet, [answer.digest], check).get(answer.digest, [])}
        case BuildAnswer():
            return _with_layers(fleet, answer.layers, check)
        case RuleAnswer():
            rows = _checked(fleet.results.rows(FindingRow), check)
            return {"": _distinct(row.image for row in rows if row.rule == answer.rule)}
        case LineAnswer():
            steps = _checked(fleet.results.rows(StepRow), check)
            return {
                "": _distinct(
                    row.image for row in steps if row.line == answer.line and row.key is not None
                )
            }
        case PackageAnswer():
            return _with_package(fleet, answer, check)
        case DuplicateAnswer():
            images_by_layer = _with_layers(fleet, _layers_with(fleet, answer.digest, check), check)
            return {"": sorted({image for images in images_by_layer.values() for image in images})}
        case GrowthAnswer():
            return {"": _created_on(fleet, answer.date or "?")}
    return {}


def _with_layers(fleet: Fleet, keys: Iterable[str], check: Check) -> dict[str, list[int]]:
    """The images that have each of these layers."""
    images_by_key: dict[str, dict[int, None]] = {key: {} for key in keys}
    for row in _checked(fleet.results.rows(LayerRow), check):
        if row.key in images_by_key:
            images_by_key[row.key][row.image] = None
    return {key: list(images) for key, images in images_by_key.items()}


def _with_package(fleet: Fleet, package: PackageAnswer, check: Check) -> dict[str, list[int]]:
    """The images that have each version of a package."""
    images_by_version: dict[str, dict[int, None]] = {each.version: {} for each in package.versions}
    for row in _checked(fleet.results.rows(PackageRow), check):
        if row.name == package.name and row.type == package.type:
            images_by_version[row.version][row.image] = None
    return {version: list(images) for version, images in images_by_version.items()}


def _created_on(fleet: Fleet, date: str) -> list[int]:
    """The images that were created on a day, or in a month or year."""
    rows = (row for row in fleet.results.rows(ImageRow) if row.stored_bytes is not None)
    return [row.image for row in rows if (date_of(row.created) or "").startswith(date)]


def _layers_with(fleet: Fleet, digest: str, check: Check) -> Iterator[str]:
    """The layers that store a content."""
    wanted = np.frombuffer(bytes.fromhex(digest), f"V{DIGEST}")[0]
    for layer in fleet.answers.layers:
        check()
        if fleet.reading.read.layer(layer.digest) is not None:
            stored = fleet.reading.read.contents(layer.digest)
            if (stored.digests == wanted).any():
                yield layer.digest


def _distinct(images: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(images))


def _checked(rows: Iterator[_Row], check: Check) -> Iterator[_Row]:
    for number, row in enumerate(rows):
        if not number % _CHECK_ROWS:
            check()
        yield row
