"""Base images, their versions, and images on outdated versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct, field

from layerscope.fleet.answers.layers import Groups, Layers
from layerscope.fleet.answers.model import BaseAnswer, BaseVersion
from layerscope.fleet.results import Results
from layerscope.fleet.tables import ImageRow, LayerRow
from layerscope.sources.references import familiar_name, repository_of
from layerscope.text import moment_of


class _Version(Struct):
    layers: int
    stored: int
    line: str
    names: Counter[str] = field(default_factory=Counter)
    created: list[str] = field(default_factory=list)
    steps: str = ""
    images: list[int] = field(default_factory=list)


def bases(results: Results, layers: Layers) -> list[BaseAnswer]:
    """All base images, those with most images first."""
    versions: dict[str, _Version] = {}
    groups = Groups()
    for row in results.rows(ImageRow):
        rows = results.of_image(LayerRow, row.image)
        for layer in rows:
            groups.add(layer.key, row.base_chain_id if row.base_layers else None)
        if row.base_chain_id is None or not row.base_layers:
            continue
        known = versions.get(row.base_chain_id)
        if known is None:
            below = rows[: row.base_layers]
            line = layers.by_key[below[0].key].line
            stored = sum(layer.stored_bytes for layer in below)
            known = versions[row.base_chain_id] = _Version(row.base_layers, stored, line)
        known.images.append(row.image)
        known.steps = known.steps or row.base_steps or ""
        if row.base_name is not None:
            known.names[row.base_name] += 1
        if row.base_created is not None:
            known.created.append(row.base_created)
    unique = groups.unique(layers)
    by_steps = {
        version.steps: name for version in versions.values() if (name := _repository(version))
    }
    families: dict[tuple[str | None, str], dict[str, _Version]] = {}
    for chain, version in versions.items():
        name = _repository(version) or by_steps.get(version.steps)
        family = (name, "" if name is not None else version.steps)
        families.setdefault(family, {})[chain] = version
    answers = [_answer(name, by_chain_id, unique) for (name, _), by_chain_id in families.items()]
    return sorted(answers, key=lambda one: (-one.images, one.name or "", one.line))


def _repository(version: _Version) -> str | None:
    """The name of a base image without its tag, if an image records one."""
    name = _name(version)
    return (
        None if name is None or name.startswith("sha256:") else repository_of(familiar_name(name))
    )


def _name(version: _Version) -> str | None:
    """The name that most images record."""
    return min(version.names, key=lambda name: (-version.names[name], name), default=None)


def _answer(
    name: str | None, by_chain_id: dict[str, _Version], unique: Mapping[object, int]
) -> BaseAnswer:
    """A base image of these versions, by chain ID."""
    times = {
        chain: max(filter(None, map(moment_of, version.created)), default=None)
        for chain, version in by_chain_id.items()
    }
    newest = max(filter(None, times.values()), default=None)
    versions = [
        BaseVersion(
            chain_id=chain,
            name=_name(version),
            created=None if (time := times[chain]) is None else time.isoformat(),
            layers=version.layers,
            stored_bytes=version.stored,
            images=version.images,
            newest=len(by_chain_id) == 1 or (newest is not None and times[chain] == newest),
            unique_bytes=unique.get(chain, 0),
        )
        for chain, version in by_chain_id.items()
    ]
    versions.sort(key=lambda one: (-len(one.images), one.chain_id))
    versions.sort(key=lambda one: one.created or "", reverse=True)
    lagging = sum(len(one.images) for one in versions if not one.newest)
    return BaseAnswer(
        name=name,
        line=min(version.line for version in by_chain_id.values()),
        images=sum(len(version.images) for version in by_chain_id.values()),
        lagging_images=lagging if newest is not None else 0,
        versions=versions,
    )
