"""From one release to the next: the layers that are fetched again, and the step and the cause that each is charged to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from layerscope.analysis.compare.side import Side
from layerscope.analysis.compare.steps import compare_steps
from layerscope.analysis.series.blobs import SentLayer, fetched, missing, sent_layers
from layerscope.analysis.series.contents import content_bytes, unchanged_bytes
from layerscope.analysis.series.layer_difference import LayerComparer, LayerDifference
from layerscope.analysis.series.spreading import (
    Firsts,
    argument_names,
    arguments_seen,
    instruction_changed,
    take_effect,
)
from layerscope.image.history import Step
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import Progress, check
from layerscope.words import Cause


@dataclass(frozen=True, slots=True)
class HopStep:
    """A step of a release, or one of the release before that is gone, in the order of the new release."""

    old: int | None
    """Its index in the old release; None if it is new."""
    new: int | None
    """Its index in the new release; None if it is gone."""
    step: Step
    """As the new release has it; as the old one had it if it is gone."""
    base: bool
    """Whether it is one of the base image."""
    layer: int | None
    """The layer that it made in the new release."""
    bytes: int
    """Bytes of that layer as it is sent, whether or not it is fetched; 0 without one."""
    missing: bool
    """Whether the old release lacks that layer."""
    own: Cause | None
    """Why the step ran again by itself; None if only an earlier step had it run again, or if it did not."""
    difference: LayerDifference | None
    """In what its layer differs from that of the old release; None unless it is missing, and the old release has the step."""
    begins: bool = False
    """Whether it ran again by itself, and nothing speaks against it having had others run again."""
    charged: int = 0
    """The place of the step that its layer is charged to if that is missing: the first change that had it run again."""


@dataclass(frozen=True, slots=True)
class FetchedLayer:
    """A layer that those who have the old release fetch."""

    layer: int
    sent: SentLayer
    content: int
    """Content bytes that it stores."""
    unchanged: int
    """Of these, the bytes of contents that the old release stores, too."""
    place: int
    """The place in `Hop.steps` of the step that made it."""
    charged: int
    """The place of the step whose change began it."""
    cause: Cause


@dataclass(frozen=True, slots=True)
class Charge:
    """The layers that are fetched again because of one step."""

    place: int
    """The place in `Hop.steps` of the step."""
    cause: Cause
    layers: tuple[FetchedLayer, ...]

    @property
    def bytes(self) -> int:
        """Bytes of these layers as they are sent."""
        return sum(layer.sent.bytes for layer in self.layers)

    @property
    def content(self) -> int:
        """Content bytes of these layers."""
        return sum(layer.content for layer in self.layers)

    @property
    def unchanged(self) -> int:
        """Of these, bytes of contents that the old release stores, too."""
        return sum(layer.unchanged for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Hop:
    """What those who have one release fetch to have the next one."""

    steps: tuple[HopStep, ...]
    layers: tuple[FetchedLayer, ...]
    charges: tuple[Charge, ...]
    """Of most bytes first."""

    @property
    def bytes(self) -> int:
        """Bytes of all layers that are fetched, as they are sent. Manifest and config are not counted."""
        return sum(layer.sent.bytes for layer in self.layers)

    @property
    def compressed(self) -> bool:
        """Whether all of these are bytes of compressed blobs."""
        return all(layer.sent.compressed for layer in self.layers)

    @property
    def content(self) -> int:
        """Content bytes of these layers."""
        return sum(layer.content for layer in self.layers)

    @property
    def unchanged(self) -> int:
        """Of these, bytes of contents that the old release stores, too."""
        return sum(layer.unchanged for layer in self.layers)

    def reason(self, charge: Charge) -> str:
        """The cause of a charge in words: a step that only one of the releases has did not change."""
        step = self.steps[charge.place]
        if charge.cause is Cause.INSTRUCTION and (step.old is None or step.new is None):
            return "step is new" if step.old is None else "step is gone"
        return charge.cause.word

    @property
    def main(self) -> Charge | None:
        """The charge of most bytes; None if nothing is fetched."""
        return self.charges[0] if self.charges else None


def compare_releases(
    old: Side,
    new: Side,
    base_steps: tuple[int, int],
    progress: Progress,
    limits: Limits = DEFAULT_LIMITS,
) -> Hop:
    """What those who have `old` fetch for `new`; `base_steps` are the numbers of first steps that are the base images'.

    Reads contents of files that may be equal and whose digests are not known. Raises `CancelledError`.
    """
    progress.stage("Comparing releases")
    sent = sent_layers(new)
    lacking = missing(sent_layers(old), sent)
    steps = _steps(old, new, base_steps, sent, lacking, LayerComparer(old, new, progress, limits))
    check(progress)
    numbers = fetched(lacking, sent)
    unchanged = unchanged_bytes(old, new, numbers, progress)
    places = {step.layer: place for place, step in enumerate(steps) if step.layer is not None}
    layers = tuple(
        FetchedLayer(
            number,
            sent[number],
            content_bytes(new, number),
            unchanged[number],
            (place := places[number]),
            (charged := steps[place].charged),
            steps[charged].own or Cause.TIMESTAMPS,
        )
        for number in numbers
    )
    return Hop(steps, layers, _by_charge(layers))


def _by_charge(layers: Sequence[FetchedLayer]) -> tuple[Charge, ...]:
    found: dict[tuple[int, Cause], list[FetchedLayer]] = {}
    for layer in layers:
        found.setdefault((layer.charged, layer.cause), []).append(layer)
    charges = [Charge(place, cause, tuple(own)) for (place, cause), own in found.items()]
    return tuple(sorted(charges, key=lambda charge: (-charge.bytes, charge.place)))


def _steps(
    old: Side,
    new: Side,
    base_steps: tuple[int, int],
    sent: Sequence[SentLayer],
    lacking: Sequence[bool],
    comparer: LayerComparer,
) -> tuple[HopStep, ...]:
    """The steps of both releases, with what changed of each by itself."""
    arguments = arguments_seen(old.image.steps), arguments_seen(new.image.steps)
    declared = argument_names(new.image.steps)
    found: list[HopStep] = []
    for pair in compare_steps(old, new):
        before, after = pair.old, pair.new
        step = after or before
        if step is None:
            continue
        layer = None if after is None else after.layer
        lacks = layer is not None and lacking[layer]
        difference = None
        if lacks and layer is not None and before is not None and before.layer is not None:
            difference = comparer.compare(before.layer, layer)
        base = step.index < base_steps[after is not None]
        changed = before is None or after is None or instruction_changed(
            before, after, arguments, declared
        )  # fmt: skip
        found.append(
            HopStep(
                None if before is None else before.index,
                None if after is None else after.index,
                step,
                base,
                layer,
                0 if layer is None else sent[layer].bytes,
                lacks,
                _own(step, base, changed, lacks, difference),
                difference,
            )
        )
    return _with_causes(found)


def _own(
    step: Step, base: bool, changed: bool, lacks: bool, difference: LayerDifference | None
) -> Cause | None:
    """Why a step ran again, as far as its own input tells."""
    if base:
        return Cause.BASE if changed or lacks else None
    if changed:
        return Cause.INSTRUCTION
    # What no command makes is what it brings: COPY and ADD, and builders that write no instructions.
    if step.instruction in ("COPY", "ADD", None) and difference is not None and difference.paths:
        return Cause.FILES
    return None


def _with_causes(steps: Sequence[HopStep]) -> tuple[HopStep, ...]:
    """The same with what they are charged to. A step that changed by itself is charged to itself, any other whose layer is missing
    to the first change that had it run again; without one, its output alone is another."""
    found: list[HopStep] = []
    firsts = Firsts()
    base: int | None = None
    effective = take_effect([step.step for step in steps], [step.missing for step in steps])
    for place, step in enumerate(steps):
        own, charged = step.own, place
        if own is Cause.BASE:
            base = place if base is None else base
            charged = base  # the base image is one thing, however many steps it has
        elif own is None and step.missing:
            begun = firsts.before(step.step)
            if begun is None:
                substance = step.difference is not None and step.difference.paths > 0
                own = Cause.NOT_REPRODUCIBLE if substance else Cause.TIMESTAMPS
            else:
                charged = begun
        begins = own is not None and effective[place]
        if begins:
            firsts.add(place, step.step)
        found.append(replace(step, own=own, begins=begins, charged=charged))
    return tuple(found)
