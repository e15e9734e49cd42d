"""Builds that are not reproducible: layers of the same content, or of the same step, under different digests.

They are layers of different images: what one image stores twice is the finding `rewritten-for-attributes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from layerscope.fleet.answers.layers import Layers
from layerscope.fleet.answers.model import BuildAnswer, BuildDifference
from layerscope.fleet.messages import CompareResult, CompareTask, Failure, LayerResult, Setup
from layerscope.fleet.pending import Workers, run_all
from layerscope.fleet.read_layers import ReadLayers
from layerscope.fleet.results import Results
from layerscope.fleet.tables import LayerRow, StepRow
from layerscope.fleet.tasks import compare_layers
from layerscope.progress import Progress

_MAX_SAME_CONTENT, _MAX_SAME_STEP = 100, 8
"""Maximum number of layers compared with the first one of a group: with equal signatures, and from the same step."""

_Compared = dict[tuple[str, str], CompareResult]


class _Group(Struct, frozen=True):
    """Layers that may be builds of the same thing, the first of them in most images."""

    keys: tuple[str, ...]
    same_content: bool
    """Whether their content may be equal; otherwise the same step made them on the same layers."""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs of layers to compare."""
        others = self.keys[1 : 1 + (_MAX_SAME_CONTENT if self.same_content else _MAX_SAME_STEP)]
        return [(self.keys[0], other) for other in others]


def builds(
    results: Results,
    layers: Layers,
    read: ReadLayers,
    setup: Setup,
    workers: Workers,
    progress: Progress,
) -> list[BuildAnswer]:
    """All groups of such layers, those with most repeated bytes first. Raises `CancelledError`."""
    groups = [*_equal_signatures(results, layers, read), *_same_steps(results, layers)]
    pairs = sorted({pair for group in groups for pair in group.pairs})
    progress.stage("Comparing builds", len(pairs))
    compared: _Compared = {}
    for task, result in run_all(workers, compare_layers, _tasks(pairs, read, setup), progress):
        if not isinstance(result, Failure):
            compared[task.old.key, task.new.key] = result
        progress.advance(1)
    same = [group for group in groups if group.same_content]
    kept = list(filter(None, (_confirmed(group, compared) for group in same)))
    known = {key: number for number, group in enumerate(kept) for key in group.keys}
    for group in groups:
        # Layers with the same content are in a group already.
        contents = {known.get(key, key) for key in group.keys}
        if not group.same_content and len(contents) > 1 and any(p in compared for p in group.pairs):
            kept.append(group)
    counts = _images(results, kept)
    answers = [
        _answer(group, count, compared, layers) for group, count in zip(kept, counts, strict=True)
    ]
    return sorted(answers, key=lambda one: (-one.again_bytes, one.layers))


def _tasks(
    pairs: Sequence[tuple[str, str]], read: ReadLayers, setup: Setup
) -> Iterator[tuple[CompareTask, list[LayerResult]]]:
    for old, new in pairs:
        first, second = read.layer(old), read.layer(new)
        if first is not None and second is not None:
            yield CompareTask(setup, first, second), read.carried([first, second])


def _equal_signatures(results: Results, layers: Layers, read: ReadLayers) -> list[_Group]:
    """Groups of layers with equal signatures.

    If images have several of them, such as a COPY and its chown, the first ones form a group, then the second ones, and so on.
    """
    counts = Counter(
        signature for key in layers.by_key if (signature := _signature(key, layers, read))
    )
    by_position: dict[tuple[str, int], dict[str, None]] = {}
    placed: set[str] = set()
    for image in range(results.images) if counts else ():
        positions: Counter[str] = Counter()
        for key in results.keys(image):
            signature = _signature(key, layers, read)
            if signature is None or counts[signature] < 2:
                continue
            if key not in placed:
                placed.add(key)
                by_position.setdefault((signature, positions[signature]), {})[key] = None
            positions[signature] += 1
    return _groups(by_position.values(), results, layers, same_content=True)


def _signature(key: str, layers: Layers, read: ReadLayers) -> str | None:
    """The signature of a layer that stores anything."""
    return read.signature(key) if layers.stored(key) else None


def _same_steps(results: Results, layers: Layers) -> list[_Group]:
    """Layers that the same RUN made on the same layers."""
    by_step: dict[tuple[str, str], dict[str, None]] = {}
    for image in range(results.images):
        steps = {step.step: step for step in results.of_image(StepRow, image)}
        below: str | None = ""
        for row in results.of_image(LayerRow, image):
            step = steps[row.step]
            if below is not None and step.instruction == "RUN" and row.stored_bytes:
                by_step.setdefault((below, step.line), {})[row.key] = None
            below = row.chain_id
    return list(dict.fromkeys(_groups(by_step.values(), results, layers, same_content=False)))


def _groups(
    key_groups: Iterable[Iterable[str]], results: Results, layers: Layers, *, same_content: bool
) -> list[_Group]:
    """Groups of these layers. A group keeps only one of several layers of the same image."""
    ranked = [
        sorted(keys, key=lambda key: (-layers.by_key[key].images, key))
        for keys in map(tuple, key_groups)
        if len(keys) > 1
    ]
    images: dict[str, list[int]] = {key: [] for keys in ranked for key in keys}
    for image in range(results.images) if images else ():
        for key in results.keys(image):
            if key in images:
                images[key].append(image)
    groups = []
    for keys in ranked:
        taken: set[int] = set()
        kept = []
        for key in keys:
            if taken.isdisjoint(images[key]):
                taken.update(images[key])
                kept.append(key)
        if len(kept) > 1:
            groups.append(_Group(tuple(kept), same_content))
    return groups


def _confirmed(group: _Group, compared: _Compared) -> _Group | None:
    """The layers of a group with the same content as the first one; None if there are none."""
    same = [
        pair[1]
        for pair in group.pairs
        if (result := compared.get(pair)) is not None and result.same_content
    ]
    return _Group((group.keys[0], *same), same_content=True) if same else None


def _images(results: Results, groups: Sequence[_Group]) -> list[int]:
    """The number of images that have a layer of each group."""
    of_key: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        for key in group.keys:
            of_key.setdefault(key, []).append(number)
    counts = [0] * len(groups)
    for image in range(results.images) if groups else ():
        for number in {number for key in results.keys(image) for number in of_key.get(key, ())}:
            counts[number] += 1
    return counts


def _answer(group: _Group, images: int, compared: _Compared, layers: Layers) -> BuildAnswer:
    sizes = [layers.stored(key) for key in group.keys]
    differences = [compared[pair] for pair in group.pairs if pair in compared]
    attributes = {name: None for one in differences for name in one.why}
    return BuildAnswer(
        same_content=group.same_content,
        line=layers.by_key[group.keys[0]].line,
        layers=list(group.keys),
        images=images,
        stored_bytes=sum(sizes),
        again_bytes=sum(sizes) - max(sizes),
        differs=BuildDifference(
            added=max(one.added for one in differences),
            removed=max(one.removed for one in differences),
            modified=max(one.modified for one in differences),
            metadata=max(one.metadata for one in differences),
            times=max(one.times for one in differences),
            attributes=list(attributes),
            paths=list(differences[0].paths),
        ),
    )
