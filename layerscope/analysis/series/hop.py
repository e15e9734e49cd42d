"""Compares a release with the previous one: the layers that are fetched, and the step and cause to which each is charged."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from layerscope.analysis.compare.side import Side
from layerscope.analysis.compare.steps import compare_steps
from layerscope.analysis.series.blobs import SentLayer, fetched_layers, missing_layers, sent_layers
from layerscope.analysis.series.contents import unchanged_bytes
from layerscope.analysis.series.layer_difference import LayerComparer, LayerDifference
from layerscope.analysis.series.spreading import (
    FirstChanges,
    argument_names,
    build_arguments,
    effective_changes,
    instruction_changed,
)
from layerscope.image.history import Step
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import Progress, check
from layerscope.words import Cause


class HopStep(Struct, frozen=True):
    """A step of the new release, or a removed step of the old one; in the order of the new release."""

    old: int | None
    """Its index in the old release; None if it is new."""
    new: int | None
    """Its index in the new release; None if it was removed."""
    step: Step
    """From the new release, or from the old one if it was removed."""
    base: bool
    """Whether it belongs to the base image."""
    layer: int | None
    """The layer that it stores in the new release."""
    bytes: int
    """Bytes of that layer as sent, whether or not it is fetched; 0 for no layer."""
    missing: bool
    """Whether the old release lacks that layer."""
    own_cause: Cause | None
    """Why the step itself caused its rerun; None if an earlier step caused it, or if the step did not run again."""
    difference: LayerDifference | None
    """The differences from its layer in the old release; None unless the layer is missing and the old release has the step."""
    causes_reruns: bool = False
    """Whether it ran again by itself, and may have made later steps run again."""
    charged: int = 0
    """The place of the step to which its layer is charged if missing: the first change that made it run again."""


class FetchedLayer(Struct, frozen=True):
    """A layer that hosts with the old release fetch."""

    layer: int
    sent: SentLayer
    content: int
    """Content bytes that it stores."""
    unchanged: int
    """The part of `content` that the old release also stores, in bytes."""
    place: int
    """The place in `Hop.steps` of the step that stores it."""
    charged: int
    """The place of the step that caused it."""
    cause: Cause


class Charge(Struct, frozen=True):
    """The layers that are fetched because of one step."""

    place: int
    """The place in `Hop.steps` of the step."""
    cause: Cause
    layers: tuple[FetchedLayer, ...]

    @property
    def bytes(self) -> int:
        """Bytes of these layers as sent."""
        return sum(layer.sent.bytes for layer in self.layers)

    @property
    def content(self) -> int:
        """Content bytes of these layers."""
        return sum(layer.content for layer in self.layers)

    @property
    def unchanged(self) -> int:
        """The part of `content` that the old release also stores, in bytes."""
        return sum(layer.unchanged for layer in self.layers)


class Hop(Struct, frozen=True):
    """The layers that hosts with one release fetch for the next one."""

    steps: tuple[HopStep, ...]
    layers: tuple[FetchedLayer, ...]
    charges: tuple[Charge, ...]
    """Most bytes first."""

    @property
    def bytes(self) -> int:
        """Bytes of all fetched layers as sent. Manifest and config are not counted."""
        return sum(layer.sent.bytes for layer in self.layers)

    @property
    def compressed(self) -> bool:
        """Whether all fetched layers are compressed."""
        return all(layer.sent.compressed for layer in self.layers)

    @property
    def content(self) -> int:
        """Content bytes of these layers."""
        return sum(layer.content for layer in self.layers)

    @property
    def unchanged(self) -> int:
        """The part of `content` that the old release also stores, in bytes."""
        return sum(layer.unchanged for layer in self.layers)

    def reason(self, charge: Charge) -> str:
        """The cause of a charge in words; a step of only one release is new or gone, not changed."""
        step = self.steps[charge.place]
        if charge.cause is Cause.INSTRUCTION and (step.old is None or step.new is None):
            return "step is new" if step.old is None else "step is gone"
        return charge.cause.word

    @property
    def largest_charge(self) -> Charge | None:
        """The charge with most bytes; None if nothing is fetched."""
        return self.charges[0] if self.charges else None


def compare_releases(
    old: Side,
    new: Side,
    base_steps: tuple[int, int],
    progress: Progress,
    limits: Limits = DEFAULT_LIMITS,
) -> Hop:
    """The layers that hosts with `old` fetch for `new`; `base_steps` are the numbers of base image steps of both.

    Reads contents of files of equal size whose digests are unknown. Raises `CancelledError`.
    """
    progress.stage("Comparing releases")
    sent = sent_layers(new)
    is_missing = missing_layers(sent_layers(old), sent)
    steps = _steps(
        old, new, base_steps, sent, is_missing, LayerComparer(old, new, progress, limits)
    )
    check(progress)
    numbers = fetched_layers(is_missing, sent)
    unchanged = unchanged_bytes(old, new, numbers, progress)
    places = {step.layer: place for place, step in enumerate(steps) if step.layer is not None}
    layers = tuple(
        FetchedLayer(
            number,
            sent[number],
            new.accounting.layers[number].stored,
            unchanged[number],
            (place := places[number]),
            (charged := steps[place].charged),
            steps[charged].own_cause or Cause.TIMESTAMPS,
        )
        for number in numbers
    )
    return Hop(steps, layers, _by_charge(layers))


def _by_charge(layers: Sequence[FetchedLayer]) -> tuple[Charge, ...]:
    groups: dict[tuple[int, Cause], list[FetchedLayer]] = {}
    for layer in layers:
        groups.setdefault((layer.charged, layer.cause), []).append(layer)
    charges = [
        Charge(place, cause, tuple(charged_layers))
        for (place, cause), charged_layers in groups.items()
    ]
    return tuple(sorted(charges, key=lambda charge: (-charge.bytes, charge.place)))


def _steps(
    old: Side,
    new: Side,
    base_steps: tuple[int, int],
    sent: Sequence[SentLayer],
    is_missing: Sequence[bool],
    comparer: LayerComparer,
) -> tuple[HopStep, ...]:
    """The steps of both releases, with their own causes."""
    arguments = build_arguments(old.image.steps), build_arguments(new.image.steps)
    declared = argument_names(new.image.steps)
    steps: list[HopStep] = []
    for pair in compare_steps(old, new):
        before, after = pair.old, pair.new
        step = after or before
        if step is None:
            continue
        layer = None if after is None else after.layer
        layer_missing = layer is not None and is_missing[layer]
        difference = None
        if layer_missing and layer is not None and before is not None and before.layer is not None:
            difference = comparer.compare(before.layer, layer)
        base = step.index < base_steps[after is not None]
        changed = before is None or after is None or instruction_changed(
            before, after, arguments, declared
        )  # fmt: skip
        steps.append(
            HopStep(
                None if before is None else before.index,
                None if after is None else after.index,
                step,
                base,
                layer,
                0 if layer is None else sent[layer].bytes,
                layer_missing,
                _own_cause(step, base, changed, layer_missing, difference),
                difference,
            )
        )
    return _with_causes(steps)


def _own_cause(
    step: Step, base: bool, changed: bool, layer_missing: bool, difference: LayerDifference | None
) -> Cause | None:
    """Why a step ran again, judging by its own input."""
    if base:
        return Cause.BASE if changed or layer_missing else None
    if changed:
        return Cause.INSTRUCTION
    # Steps without a command store the files that they are given: COPY, ADD, and steps of builders that record no instruction.
    if step.instruction in ("COPY", "ADD", None) and difference is not None and difference.paths:
        return Cause.FILES
    return None


def _with_causes(steps: Sequence[HopStep]) -> tuple[HopStep, ...]:
    """The steps with the places to which they are charged. A step with its own cause is charged to itself, any other with a missing
    layer to the first change that made it run again; without such a change, only its output differs."""
    result: list[HopStep] = []
    changes = FirstChanges()
    base: int | None = None
    effective = effective_changes([step.step for step in steps], [step.missing for step in steps])
    for place, step in enumerate(steps):
        cause, charged = step.own_cause, place
        if cause is Cause.BASE:
            base = place if base is None else base
            charged = base  # the base image is one thing, however many steps it has
        elif cause is None and step.missing:
            first_change = changes.before(step.step)
            if first_change is None:
                substance = step.difference is not None and step.difference.paths > 0
                cause = Cause.NOT_REPRODUCIBLE if substance else Cause.TIMESTAMPS
            else:
                charged = first_change
        causes_reruns = cause is not None and effective[place]
        if causes_reruns:
            changes.add(place, step.step)
        result.append(replace(step, own_cause=cause, causes_reruns=causes_reruns, charged=charged))
    return tuple(result)
