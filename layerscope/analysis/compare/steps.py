"""Steps that differ between two images, aligned by their layers, then by their instructions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from layerscope.analysis.compare.aligning import Pair, align, gaps
from layerscope.analysis.compare.layers import diff_ids
from layerscope.analysis.compare.side import Side
from layerscope.image.history import Step

_COPIED_DIGEST = re.compile(r"\b(file|dir|multi):[0-9a-f]{64}\b")
"""How the classic builder names the content that it copied."""

_SETTING = ("ARG", "ENV", "LABEL")
_ONCE = ("CMD", "ENTRYPOINT", "HEALTHCHECK", "STOPSIGNAL")
"""Instructions of which the last one counts."""


class StepChange(StrEnum):
    """How a step differs between the images."""

    SAME = "same"
    REBUILT = "rebuilt"
    """Same instruction and number of stored bytes, but another layer digest: at least times differ."""
    CHANGED = "changed"
    """Another instruction, or another number of stored bytes."""
    ADDED = "added"
    REMOVED = "removed"


class StepPair(Struct, frozen=True):
    """A step of both images, or of one of them."""

    old: Step | None
    new: Step | None
    change: StepChange
    old_bytes: int
    """Content bytes that the step stores in the old image."""
    new_bytes: int


def compare_steps(old: Side, new: Side) -> list[StepPair]:
    """All steps, in the order of the new image; removed steps are where the old image has them."""
    old_steps, new_steps = old.image.steps, new.image.steps
    old_keys, new_keys = _layer_keys(old), _layer_keys(new)
    pairs = _align_steps(old_steps, new_steps, old_keys, new_keys)
    result: list[StepPair] = []

    def add(before: int | None, after: int | None) -> None:
        first = None if before is None else old_steps[before]
        second = None if after is None else new_steps[after]
        sizes = _stored(old, first), _stored(new, second)
        if first is None or second is None:
            change = StepChange.ADDED if first is None else StepChange.REMOVED
        else:
            keys = old_keys[first.index], new_keys[second.index]
            change = _change(first, second, keys, sizes)
        result.append(StepPair(first, second, change, *sizes))

    bounds = [*pairs, None]
    for pair, (before, after) in zip(
        bounds, gaps(pairs, len(old_steps), len(new_steps)), strict=True
    ):
        for place in before:
            add(place, None)
        for place in after:
            add(None, place)
        if pair is not None:
            add(*pair)
    return result


def _align_steps(
    old_steps: Sequence[Step],
    new_steps: Sequence[Step],
    old_keys: Sequence[str | None],
    new_keys: Sequence[str | None],
) -> list[Pair]:
    """Pairs of steps: with the same layer, then with the same text, then with the same name or target; between two pairs, the
    remaining steps are paired in order if both images have the same instructions there."""
    pairs = align(old_keys, new_keys)
    for key_of in (step_text, _subject):
        pairs = list(
            _fill_gaps(
                pairs, [key_of(step) for step in old_steps], [key_of(step) for step in new_steps]
            )
        )
    alike = [
        pair
        for before, after in gaps(pairs, len(old_steps), len(new_steps))
        if _instructions(old_steps, before) == _instructions(new_steps, after)
        for pair in zip(before, after, strict=True)
        if old_steps[pair[0]].instruction is not None
    ]
    return sorted([*pairs, *alike])


def _instructions(steps: Sequence[Step], places: range) -> list[str | None]:
    return [steps[place].instruction for place in places]


def _fill_gaps(
    pairs: Sequence[Pair],
    old: Sequence[tuple[str, str] | None],
    new: Sequence[tuple[str, str] | None],
) -> Iterator[Pair]:
    """The given pairs, and between them pairs of equal items."""
    bounds = [*pairs, None]
    for pair, (before, after) in zip(bounds, gaps(pairs, len(old), len(new)), strict=True):
        inner = align([old[place] for place in before], [new[place] for place in after])
        yield from ((before[place], after[other]) for place, other in inner)
        if pair is not None:
            yield pair


def _layer_keys(side: Side) -> list[str | None]:
    """The diff ID of each step's layer; None for steps without one."""
    ids = diff_ids(side)
    return [None if step.layer is None else ids[step.layer] for step in side.image.steps]


def step_text(step: Step) -> tuple[str, str]:
    """An instruction without the digests of the content that it copied."""
    return step.instruction or "", _COPIED_DIGEST.sub(r"\1:", step.arguments)


def _subject(step: Step) -> tuple[str, str] | None:
    """The subject of an instruction, without its value: the name that it sets, or the target that it copies to."""
    words = step.arguments.split()
    if step.instruction in _SETTING and words:
        return step.instruction, words[0].partition("=")[0]
    if step.instruction in ("COPY", "ADD") and words:
        return "COPY", words[-1]
    return (step.instruction, "") if step.instruction in _ONCE else None


def _stored(side: Side, step: Step | None) -> int:
    if step is None or step.layer is None:
        return 0
    return side.accounting.layers[step.layer].stored


def _change(
    old: Step, new: Step, keys: tuple[str | None, str | None], sizes: tuple[int, int]
) -> StepChange:
    """How a step that both images have differs."""
    if (
        sizes[0] != sizes[1]
        or (old.layer is None) != (new.layer is None)
        or (step_text(old) != step_text(new) and (old.recorded or new.recorded))
    ):
        return StepChange.CHANGED
    return StepChange.REBUILT if None not in keys and keys[0] != keys[1] else StepChange.SAME
