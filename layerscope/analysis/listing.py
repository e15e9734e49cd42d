"""The instructions of an image as one listing, restored from its history or taken from its Dockerfile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto

from msgspec import Struct

from layerscope.image.dockerfile import Dockerfile
from layerscope.image.history import Step
from layerscope.image.instruction import readable
from layerscope.image.likeness import likeness
from layerscope.image.model import Image
from layerscope.image.provenance import read_provenance
from layerscope.image.summary import NOTHING_RECORDED, full_text, short_digests
from layerscope.limits import DEFAULT_LIMITS, Limits

MAX_LINES = 400
"""Maximum lines of one instruction: generated ones can be very long."""
MAX_MATCHED = 500
"""Maximum instructions of a Dockerfile that are matched with the history, from its end."""

KNOWN_LIKENESS = 10
"""The likeness of an instruction and a step that are known to match."""

_SKIPPED_STEP, _SKIPPED_INSTRUCTION = -2, -1
"""The cost of leaving out a step or an instruction in an alignment; `likeness` is the gain of a match."""


class Line(Enum):
    """The kind of a listing line."""

    STEP = auto()
    """Starts an instruction of the image."""
    MORE = auto()
    """Continues the instruction of the previous line."""
    REMARK = auto()
    """A comment, an empty line, or an instruction before the first stage."""
    BASE = auto()
    """The FROM that represents all steps of the base image."""
    STAGE = auto()
    """Belongs to a stage that is not part of the image."""
    ABSENT = auto()
    """An instruction without a step in the image."""
    UNWRITTEN = auto()
    """Starts an instruction of the image that is not in the Dockerfile."""


class ListingLine(Struct, frozen=True):
    """One line; its text is not yet safe for a terminal."""

    kind: Line
    text: str
    steps: range
    """The steps of this line; may be empty."""


class Listing(Struct, frozen=True):
    """All lines of an image."""

    lines: tuple[ListingLine, ...]
    source: str | None
    """The path of the Dockerfile; None for the history."""
    found: int
    """Number of Dockerfile instructions found in the image."""
    written: int
    """Number of Dockerfile instructions that should be in the image."""
    base_end: int | None
    """Number of base image steps according to the Dockerfile; None if unknown."""


def list_instructions(
    image: Image, dockerfile: Dockerfile | None = None, limits: Limits = DEFAULT_LIMITS
) -> Listing:
    """The listing of an image, from the given Dockerfile or the one in its provenance, otherwise from its history."""
    known: Mapping[int, int] = {}
    if dockerfile is None and image.beside.provenance is not None:
        provenance = read_provenance(image.beside.provenance, limits)
        if provenance is not None:
            dockerfile = provenance.dockerfile
            known = provenance.instructions(
                {layer.step: layer.digest for layer in image.layers if layer.digest is not None}
            )
    if dockerfile is None:
        lines = tuple(line for step in image.steps for line in _lines_of(step, Line.STEP))
        return Listing(lines, None, 0, 0, None)
    matches = match_steps(dockerfile, image.steps, known)
    written = len(dockerfile.final_instructions())
    if written and not matches:
        restored = [line for step in image.steps for line in _lines_of(step, Line.UNWRITTEN)]
        separator = ListingLine(Line.REMARK, "", range(0))
        lines = (*restored, separator, *_annotated(image, dockerfile, {}, None))
        return Listing(lines, dockerfile.name, 0, written, None)
    base_end = min(matches.values(), default=len(image.steps))
    lines = tuple(_annotated(image, dockerfile, matches, base_end))
    return Listing(lines, dockerfile.name, len(matches), written, base_end)


def match_steps(
    dockerfile: Dockerfile, steps: Sequence[Step], known: Mapping[int, int] | None = None
) -> dict[int, int]:
    """Which step each instruction of the Dockerfile made, as pairs of positions; some may be `known`.

    Both are aligned from their ends, because steps of the base image come first. Both keep their order; items without a
    counterpart are left out.
    """
    numbers = dockerfile.final_instructions()[-MAX_MATCHED:]
    first = max(len(steps) - 2 * len(numbers) - 50, 0)
    tail = steps[first:]
    rows = [[likeness(dockerfile.instructions[n], step) for step in tail] for n in numbers]
    _pin(rows, numbers, first, known or {})
    width = len(tail)
    # best[i][j]: the gain of aligning instructions from i on with steps from j on
    best = [[0] * (width + 1) for _ in range(len(numbers) + 1)]
    for j in range(width - 1, -1, -1):
        best[-1][j] = best[-1][j + 1] + _SKIPPED_STEP
    for i in range(len(numbers) - 1, -1, -1):
        below, row, here = best[i + 1], rows[i], best[i]
        here[width] = below[width] + _SKIPPED_INSTRUCTION
        for j in range(width - 1, -1, -1):
            gain = max(below[j] + _SKIPPED_INSTRUCTION, here[j + 1] + _SKIPPED_STEP)
            if row[j]:
                gain = max(gain, below[j + 1] + 2 * row[j])
            here[j] = gain
    start = max(range(width + 1), key=lambda place: (best[0][place], place))
    matches: dict[int, int] = {}
    i, j = 0, start
    while i < len(numbers) and j < width:
        if rows[i][j] and best[i][j] == best[i + 1][j + 1] + 2 * rows[i][j]:
            matches[numbers[i]] = first + j
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j] + _SKIPPED_INSTRUCTION:
            i += 1
        else:
            j += 1
    return matches


def _pin(
    rows: list[list[int]], numbers: Sequence[int], first: int, known: Mapping[int, int]
) -> None:
    """Force known pairs to match, and nothing else to match them."""
    taken = set(known.values())
    for number, row in zip(numbers, rows, strict=True):
        for place in range(len(row)):
            if number in known or first + place in taken:
                row[place] = KNOWN_LIKENESS if known.get(number) == first + place else 0


def _annotated(
    image: Image, dockerfile: Dockerfile, matches: dict[int, int], base_end: int | None
) -> Iterator[ListingLine]:
    """The lines of the Dockerfile, with missing steps inserted."""
    final = set(dockerfile.final_instructions())
    chain = {dockerfile.instructions[number].stage for number in final}
    base_line = dockerfile.base_from()
    nothing = range(0)
    listed, copied = base_end or 0, 0
    for number, written in enumerate(dockerfile.instructions):
        yield from (
            ListingLine(Line.REMARK, line, nothing)
            for line in dockerfile.lines[copied : written.first]
        )
        copied = written.end
        kind, steps = Line.ABSENT, nothing
        if number in matches:
            step = matches[number]
            yield from _unwritten(image.steps[listed:step])
            kind, steps, listed = Line.STEP, range(step, step + 1), step + 1
        elif number == base_line and base_end is not None:
            kind, steps = Line.BASE, range(base_end)
        elif written.stage < 0 or number == base_line:
            kind = Line.REMARK
        elif number not in final:
            kind = Line.REMARK if written.stage in chain else Line.STAGE
        for place, line in enumerate(dockerfile.lines[written.first : written.end]):
            yield ListingLine(Line.MORE if place else kind, line, steps)
    yield from (ListingLine(Line.REMARK, line, nothing) for line in dockerfile.lines[copied:])
    if base_end is not None:
        yield from _unwritten(image.steps[listed:])


def _unwritten(steps: Sequence[Step]) -> Iterator[ListingLine]:
    for step in steps:
        yield from _lines_of(step, Line.UNWRITTEN)


def _lines_of(step: Step, kind: Line) -> Iterator[ListingLine]:
    """The lines of a step's instruction, restored from the history."""
    text = short_digests(full_text(step))
    if not text:
        text = step.comment.strip() if step.comment else ""
    text = text or NOTHING_RECORDED
    lines = readable(text) if step.instruction in ("RUN", None) else text.splitlines()
    more = len(lines) - MAX_LINES
    if more > 0:
        lines = [*lines[:MAX_LINES], f"# … {more:,} more lines"]
    steps = range(step.index, step.index + 1)
    for place, line in enumerate(lines):
        yield ListingLine(Line.MORE if place else kind, line, steps)
