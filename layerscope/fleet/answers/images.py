"""Shared and unique bytes of images and repositories, and growth over time."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.fleet.answers.layers import Groups, Layers
from layerscope.fleet.answers.model import GrowthAnswer, ImageShare, RepositoryAnswer
from layerscope.fleet.results import Results
from layerscope.fleet.tables import ImageRow
from layerscope.sources.references import familiar_name, repository_of
from layerscope.text import date_of


def shares(results: Results, layers: Layers) -> list[ImageShare]:
    """Shared and unique bytes of each image, in order."""
    answers = []
    for image in range(results.images):
        keys = results.keys(image)
        unique = sum(layers.stored(key) for key in keys if layers.by_key[key].images == 1)
        answers.append(ImageShare(image, sum(map(layers.stored, keys)) - unique, unique))
    return answers


def repositories(results: Results, layers: Layers) -> list[RepositoryAnswer]:
    """The images of each repository, those with most unique bytes first."""
    groups = Groups()
    images: dict[str, list[int]] = {}
    stored: dict[str, int] = {}
    once: dict[str, dict[str, None]] = {}
    for row in results.rows(ImageRow):
        keys = results.keys(row.image)
        name = repository_of(familiar_name(row.title)) if row.tags else None
        for key in keys:
            groups.add(key, name if name is not None else row.image)
        if name is not None:
            images.setdefault(name, []).append(row.image)
            stored[name] = stored.get(name, 0) + (row.stored_bytes or 0)
            once.setdefault(name, {}).update(dict.fromkeys(keys))
    unique = groups.unique(layers)
    answers = [
        RepositoryAnswer(
            name, numbers, stored[name], sum(map(layers.stored, once[name])), unique.get(name, 0)
        )
        for name, numbers in images.items()
    ]
    return sorted(answers, key=lambda one: (-one.unique_bytes, -one.stored_bytes, one.name))


def growth(results: Results, layers: Layers) -> list[GrowthAnswer]:
    """The images by day of creation, oldest first; those of unknown age last."""
    days: dict[str | None, list[int]] = {}
    sizes: dict[int, int] = {}
    for row in results.rows(ImageRow):
        if row.stored_bytes is not None:
            days.setdefault(date_of(row.created), []).append(row.image)
            sizes[row.image] = row.stored_bytes
    return list(_growth(results, layers, days, sizes))


def _growth(
    results: Results,
    layers: Layers,
    days: dict[str | None, list[int]],
    sizes: dict[int, int],
) -> Iterator[GrowthAnswer]:
    seen: set[str] = set()
    total = 0
    for day in sorted(days, key=lambda day: (day is None, day or "")):
        added = 0
        for image in days[day]:
            for key in results.keys(image):
                if key not in seen:
                    seen.add(key)
                    added += layers.stored(key)
        total += added
        stored = sum(sizes[image] for image in days[day])
        yield GrowthAnswer(day, len(days[day]), stored, added, total)
