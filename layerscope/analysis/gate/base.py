"""The end of the base image for a gate: given by the user or estimated."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from layerscope.analysis.dockerfile_lines import DockerfileLines
from layerscope.errors import UsageError
from layerscope.image.base import guess_base, layers_of
from layerscope.image.model import Image
from layerscope.text import count_of


class GateBase(Struct, frozen=True):
    """The number of steps and layers of the base image."""

    steps: int = 0
    layers: int = 0
    reason: str = ""
    """Why. Not safe for a terminal."""
    guessed: bool = False

    @property
    def known(self) -> bool:
        """Whether there is a base image with layers."""
        return self.layers > 0


def base_of(image: Image, lines: DockerfileLines | None) -> GateBase:
    """The base image according to the Dockerfile, otherwise estimated from the image."""
    base = None if lines is None else base_from_dockerfile(image, lines)
    return base or guessed_base(image)


def guessed_base(image: Image) -> GateBase:
    """The base image estimated from the image."""
    guess = guess_base(image)
    if guess is None or not guess.layers:
        return GateBase(reason="" if guess is None else guess.reason)
    return GateBase(guess.steps, guess.layers, guess.reason, guessed=True)


def base_from_dockerfile(image: Image, lines: DockerfileLines) -> GateBase | None:
    """The base image according to the Dockerfile; None if that is unknown."""
    if lines.base_steps is None:
        return None
    layers = layers_of(image.steps, lines.base_steps)
    return GateBase(lines.base_steps, layers, f"from {lines.name}")


def first_layers(image: Image, count: int, place: str) -> GateBase:
    """A base image of `count` layers. Raises `UsageError` if the image has fewer."""
    if count > len(image.layers):
        layers = count_of(len(image.layers), "layer")
        raise UsageError(
            f"{place}: the base image cannot have {count:,} layers: the image has {layers}"
        )
    steps = image.layers[count - 1].step + 1 if count else 0
    return GateBase(steps, count, f"set by {place}")


def same_layers(image: Image, base: Image, place: str) -> GateBase:
    """A base image with the layers of `base`. Raises `UsageError` unless the image starts with them."""
    ids, base_ids = _diff_ids(image), _diff_ids(base)
    if None in base_ids or not base_ids:
        why = "its diff IDs are unknown" if base_ids else "it has no layers"
        raise UsageError(f"{place}: cannot compare with {base.reference}: {why}")
    if base_ids != ids[: len(base_ids)]:
        at = next(
            (number for number, pair in enumerate(zip(ids, base_ids, strict=False)) if pair[0] != pair[1]),
            len(ids),
        )  # fmt: skip
        raise UsageError(
            f"{place}: the image is not built on {base.reference}: layer {at} differs",
            hint="the base image may have been updated since: give its number of layers instead",
        )
    count = len(base_ids)
    last = image.layers[count - 1].step + 1
    recorded = base.recorded_steps if base.recorded_steps == len(base.steps) else 0
    return GateBase(max(last, recorded), count, f"the layers of {base.reference}")


def _diff_ids(image: Image) -> Sequence[str | None]:
    return [layer.diff_id for layer in image.layers]
