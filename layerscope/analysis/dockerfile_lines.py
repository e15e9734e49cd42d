"""Where the steps of an image are written: the lines of its Dockerfile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from layerscope.analysis.listing import match_steps
from layerscope.image.dockerfile import Dockerfile
from layerscope.image.history import Step


@dataclass(frozen=True, slots=True)
class DockerfileLines:
    """The lines of the instructions that made an image, counted from 1."""

    name: str
    """Where the Dockerfile was read from."""
    spans: Mapping[int, tuple[int, int]]
    """First and last line of each step that is found in it."""
    instructions: Mapping[int, str]
    """What follows the instruction's name, as it is written, of each step that is found."""
    base: tuple[int, int]
    """First and last line of the FROM that names the base image."""
    base_steps: int | None
    """How many first steps are the base image's; None if no instruction is found in the image."""

    @classmethod
    def of(cls, dockerfile: Dockerfile, steps: Sequence[Step]) -> DockerfileLines:
        """Find the instructions of a Dockerfile among the steps of an image."""
        matches = match_steps(dockerfile, steps)
        spans, instructions = {}, {}
        for number, step in matches.items():
            written = dockerfile.instructions[number]
            spans[step] = (written.first + 1, written.end)
            instructions[step] = written.arguments
        start = dockerfile.instructions[dockerfile.base_line()]
        base_steps: int | None = min(spans, default=len(steps))
        if dockerfile.final() and not matches:
            base_steps = None
        return cls(dockerfile.name, spans, instructions, (start.first + 1, start.end), base_steps)

    def as_written(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """The steps of an image with their arguments as the Dockerfile has them: sources, variables and flags that
        builders do not record."""
        return tuple(
            replace(step, arguments=self.instructions.get(step.index, step.arguments))
            for step in steps
        )

    def of_steps(self, steps: Sequence[int]) -> tuple[int, int] | None:
        """The lines of the first of these steps that is written down; FROM for those of the base image. None if there
        is none."""
        for step in steps:
            if step in self.spans:
                return self.spans[step]
            if self.base_steps is not None and step < self.base_steps:
                return self.base
        return None
