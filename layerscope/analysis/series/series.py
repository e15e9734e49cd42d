"""A series of releases, and the bytes that its updates cost."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from layerscope.analysis.compare.side import Side
from layerscope.analysis.series.hop import Hop, compare_releases
from layerscope.image.history import Step
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import Progress
from layerscope.words import Cause

BASE = -1
"""The number of the base image among the steps of a series."""


class StepCost(Struct, frozen=True):
    """The layers that users fetched again over the series because of one step."""

    number: int
    """The number of the step in the series, `BASE` for the base image."""
    step: Step
    """The step in the last release in which it was charged."""
    hops: int
    """Number of hops in which it was charged."""
    causes: tuple[Cause, ...]
    reasons: tuple[str, ...]
    """The causes in words; a step of only one release is new or gone, not changed."""
    bytes: int
    """Bytes of the layers that are charged to it, as sent."""
    content: int
    unchanged: int


class Series(Struct, frozen=True):
    """The releases of an image, and the hops between them."""

    names: tuple[str, ...]
    """The names of the releases. Not safe for a terminal."""
    hops: tuple[Hop, ...]
    numbers: tuple[tuple[int, ...], ...]
    """For each hop, the number in the series of each of its steps. The same step of several releases has one number."""
    last_numbers: tuple[int, ...]
    """The numbers of the steps of the last release."""

    @property
    def bytes(self) -> int:
        """Bytes fetched in all hops."""
        return sum(hop.bytes for hop in self.hops)

    @property
    def compressed(self) -> bool:
        """Whether all fetched layers are compressed."""
        return all(hop.compressed for hop in self.hops)

    @property
    def content(self) -> int:
        """Content bytes of the fetched layers."""
        return sum(hop.content for hop in self.hops)

    @property
    def unchanged(self) -> int:
        """The part of `content` that the previous release also stores, in bytes."""
        return sum(hop.unchanged for hop in self.hops)

    @property
    def bytes_per_release(self) -> int:
        """Bytes of an average hop, rounded down."""
        return self.bytes // len(self.hops) if self.hops else 0

    @property
    def largest(self) -> int:
        """Bytes of the largest hop."""
        return max((hop.bytes for hop in self.hops), default=0)

    def costs(self) -> list[StepCost]:
        """The costs of all steps to which layers are charged, most bytes first."""
        costs: dict[int, StepCost] = {}
        for hop, numbers in zip(self.hops, self.numbers, strict=True):
            seen: set[int] = set()
            for charge in hop.charges:
                number = BASE if charge.cause is Cause.BASE else numbers[charge.place]
                before = costs.get(number)
                step = hop.steps[charge.place].step
                causes = (*(before.causes if before else ()), charge.cause)
                reasons = (*(before.reasons if before else ()), hop.reason(charge))
                costs[number] = StepCost(
                    number,
                    step,
                    (before.hops if before else 0) + (number not in seen),
                    tuple(dict.fromkeys(causes)),
                    tuple(dict.fromkeys(reasons)),
                    (before.bytes if before else 0) + charge.bytes,
                    (before.content if before else 0) + charge.content,
                    (before.unchanged if before else 0) + charge.unchanged,
                )
                seen.add(number)
        return sorted(costs.values(), key=lambda cost: (-cost.bytes, cost.number))


class SeriesBuilder(Struct):
    """Builds a series release by release, and keeps only the last one in memory."""

    limits: Limits = DEFAULT_LIMITS
    _names: list[str] = field(default_factory=list)
    _hops: list[Hop] = field(default_factory=list)
    _numbers: list[tuple[int, ...]] = field(default_factory=list)
    _last: Side | None = None
    _last_base: int = 0
    _last_numbers: Sequence[int] = ()
    """By index of a step of the last release."""
    _next: int = 0

    def add(self, side: Side, name: str, base_steps: int, progress: Progress) -> Hop | None:
        """Add a release; returns the hop to it, None for the first one. Raises `CancelledError`."""
        hop = None
        numbers = list(range(self._next, self._next + len(side.image.steps)))
        self._next += len(numbers)
        if self._last is not None:
            bases = self._last_base, base_steps
            hop = compare_releases(self._last, side, bases, progress, self.limits)
            before = self._last_numbers
            for step in hop.steps:
                if step.old is not None and step.new is not None:
                    numbers[step.new] = before[step.old]
            self._hops.append(hop)
            self._numbers.append(
                tuple(
                    before[step.old or 0] if step.new is None else numbers[step.new]
                    for step in hop.steps
                )
            )
        self._names.append(name)
        self._last, self._last_base, self._last_numbers = side, base_steps, numbers
        return hop

    def series(self) -> Series:
        """The series of the releases added so far."""
        return Series(
            tuple(self._names), tuple(self._hops), tuple(self._numbers), tuple(self._last_numbers)
        )
