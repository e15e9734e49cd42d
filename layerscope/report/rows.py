"""Rows of tables, shared by all formats: safe names, bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote
from typing import NamedTuple

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.steps import step_kind
from layerscope.image.history import Step
from layerscope.image.summary import one_line, step_names
from layerscope.opening.opened import Opened
from layerscope.text import clip, safe_name
from layerscope.words import REASONS, StepKind

_STEPS = 4
"""Maximum steps listed in the place of a finding."""


def visible_end(name: str) -> str:
    """A safe name with a trailing space made visible."""
    return name[:-1] + "\\x20" if name.endswith(" ") else name


def safe_path(opened: Opened, path: int) -> str:
    """An absolute path, safe to show, with a trailing space made visible."""
    return shown_path(opened.filesystem.table.full(path))


def shown_path(full: bytes) -> str:
    """Like `safe_path`, for a path of the path table, which has no leading slash."""
    return visible_end("/" + safe_name(full))


class StepRow(NamedTuple):
    """A step with the bytes of its layer, 0 for a metadata step."""

    step: Step
    kind: StepKind
    stored: int
    wasted: int
    notes: tuple[str, ...]
    """Notes such as `damaged`."""
    text: str
    """The instruction on one line, safe to show."""


def step_rows(opened: Opened) -> Iterator[StepRow]:
    """All steps in build order."""
    for step in opened.image.steps:
        text = safe_name(one_line(step))
        if step.layer is None:
            yield StepRow(step, StepKind.METADATA, 0, 0, (), text)
            continue
        account = opened.accounting.layers[step.layer]
        kind = step_kind(opened.filesystem, opened.indexes[step.layer], step.layer)
        notes = layer_notes(opened, step.layer)
        if word := kind_word(opened, step.layer):
            notes.insert(0, word)
        yield StepRow(step, kind, account.stored, account.wasted, tuple(notes), text)


def kind_word(opened: Opened, layer: int) -> str:
    """The kind of a layer's step; empty if it adds files, or if the layer is damaged."""
    index = opened.indexes[layer]
    if index.broken is not None:
        return ""
    kind = step_kind(opened.filesystem, index, layer)
    return "" if kind is StepKind.FILES else kind.word


def layer_notes(opened: Opened, layer: int) -> list[str]:
    """Notes on a layer, in addition to its kind."""
    repeat = opened.image.layers[layer].repeat_of
    notes = [] if repeat is None else [f"same blob as layer {repeat}, stored once"]
    return notes if opened.indexes[layer].broken is None else [*notes, "damaged"]


def layer_label(opened: Opened, layer: int) -> str:
    """The number of a layer and the keyword of its step: 4 RUN."""
    step = opened.image.steps[opened.image.layers[layer].step]
    return f"{layer} {clip(safe_name(step.instruction or ''), 11)}".rstrip()


class WasteRow(NamedTuple):
    """A wasted file."""

    bytes: int
    path: str
    """Safe to show."""
    reason: str
    stored_in: int
    hidden_by: int


def waste_rows(opened: Opened, limit: int) -> Iterator[WasteRow]:
    """The largest wasted files."""
    waste = opened.accounting.waste
    for row in range(min(len(waste), limit)):
        yield WasteRow(
            int(waste.bytes[row]),
            safe_path(opened, int(waste.paths[row])),
            REASONS[int(waste.reasons[row])].word,
            int(waste.stored_in[row]),
            int(waste.hidden_by[row]),
        )


def place_words(opened: Opened, finding: Finding) -> str:
    """The place of a finding: layer 4, base image, Dockerfile:12."""
    steps = [opened.image.steps[step] for step in finding.steps]
    names = safe_name(step_names(steps, _STEPS, " …")) if steps else "the image"
    words = [names, "base image"] if finding.base else [names]
    return ", ".join(filter(None, [*words, line_words(opened, finding.steps)]))


def fix_command(opened: Opened) -> str:
    """The command that writes the fixes, with the names of the image and its Dockerfile; safe to show."""
    name = opened.image.reference
    image = "IMAGE" if opened.image.source_kind == "stdin" or not name.isprintable() else quote(name)  # fmt: skip
    file = "FILE" if opened.dockerfile_lines is None else opened.dockerfile_lines.name
    dockerfile = quote(file) if file.isprintable() else "FILE"
    return f"layerscope fix {image} --dockerfile {dockerfile}"


def line_words(opened: Opened, steps: Sequence[int]) -> str:
    """The first line of these steps in the Dockerfile, safe to show: Dockerfile:12. Empty if no step is in it."""
    lines = lines_of(opened, steps)
    if lines is None or opened.dockerfile_lines is None:
        return ""
    return f"{safe_name(opened.dockerfile_lines.name)}:{lines[0]}"


def lines_of(opened: Opened, steps: Sequence[int]) -> tuple[int, int] | None:
    """First and last line, from 1, of the first of these steps that is in the Dockerfile; None if no step is."""
    return None if opened.dockerfile_lines is None else opened.dockerfile_lines.of_steps(steps)
