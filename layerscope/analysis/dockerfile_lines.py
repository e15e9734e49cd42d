"""Maps the steps of an image to lines of its Dockerfile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from layerscope.analysis.listing import MAX_MATCHED, match_steps
from layerscope.image.dockerfile import Dockerfile, DockerfileInstruction
from layerscope.image.history import Step

_STEPLESS = ("ARG",)
"""Instructions that may not create a step."""
_NAMED = 5
"""Maximum lines that a message names."""


class DockerfileLines(Struct, frozen=True):
    """The Dockerfile lines of the instructions that made an image, counted from 1."""

    dockerfile: Dockerfile
    spans: Mapping[int, tuple[int, int]]
    """First and last line, by step."""
    instructions: Mapping[int, DockerfileInstruction]
    """The instructions of the Dockerfile, by step."""
    base: tuple[int, int]
    """First and last line of the FROM that names the base image."""
    base_steps: int | None
    """How many first steps are the base image's; None if the Dockerfile's first instructions are not in the image."""
    missing: tuple[int, ...]
    """Lines of instructions that should have made a step but have none in the image."""

    @classmethod
    def of(cls, dockerfile: Dockerfile, steps: Sequence[Step]) -> DockerfileLines:
        """Match the instructions of a Dockerfile with the steps of an image."""
        matches = match_steps(dockerfile, steps)
        spans, instructions = {}, {}
        for number, step in matches.items():
            written = dockerfile.instructions[number]
            spans[step] = (written.first + 1, written.end)
            instructions[step] = written
        start = dockerfile.instructions[dockerfile.base_from()]
        base_steps: int | None = min(spans, default=len(steps))
        missing = [
            number
            for number in dockerfile.final_instructions()[-MAX_MATCHED:]
            if number not in matches and dockerfile.instructions[number].name not in _STEPLESS
        ]
        if missing and missing[0] < min(matches, default=len(dockerfile.instructions)):
            base_steps = None
        lines = tuple(dockerfile.instructions[number].first + 1 for number in missing)
        place = (start.first + 1, start.end)
        return cls(dockerfile, spans, instructions, place, base_steps, lines)

    @property
    def name(self) -> str:
        """The path of the Dockerfile."""
        return self.dockerfile.name

    def mismatch(self) -> str | None:
        """A sentence on why this may not be the Dockerfile of the image; None if it matches."""
        if not self.missing:
            return None
        if not self.spans:
            return "none of its instructions are among the steps of the image"
        lines = ", ".join(map(str, self.missing[:_NAMED]))
        more = f" and {len(self.missing) - _NAMED} more" if len(self.missing) > _NAMED else ""
        subject = (
            f"the instruction of line {lines} is"
            if len(self.missing) == 1
            else f"the instructions of lines {lines}{more} are"
        )
        return f"{subject} not among the steps of the image: was it built from this file?"

    def as_written(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """The steps of an image with their arguments as in the Dockerfile, which has sources, variables and flags that builders
        do not record.
        """
        return tuple(
            replace(step, arguments=_arguments(self.instructions[step.index]))
            if step.index in self.instructions
            else step
            for step in steps
        )

    def of_steps(self, steps: Sequence[int]) -> tuple[int, int] | None:
        """The lines of the first of these steps that is in the Dockerfile; of FROM for steps of the base image. None if there are
        none.
        """
        for step in steps:
            if step in self.spans:
                return self.spans[step]
            if self.base_steps is not None and step < self.base_steps:
                return self.base
        return None


def _arguments(written: DockerfileInstruction) -> str:
    """The arguments of an instruction; for a RUN with here-documents, the script that its shell runs."""
    if written.name == "RUN" and written.heredocs:
        return written.arguments[: written.body] + written.script()
    return written.arguments
