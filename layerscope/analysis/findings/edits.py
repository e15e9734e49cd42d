"""A fix: Dockerfile text for people, and the same as edits."""

from __future__ import annotations

import re
from dataclasses import dataclass

from layerscope.image.dockerfile_syntax import opened_heredocs

_SAID = re.compile(
    r"# (?:in \.dockerignore:|so that this does not copy it:|in place of layers? |and layer \d+ without: |and where it would be stored again:|one RUN for "
    r"|at the end of the same RUN: |and at its end: |with --)"
)
"""How comments begin that say what the edits do."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a Dockerfile."""

    kind: str
    """`change` of the script of a RUN, `flag` of an instruction, `drop` of an instruction, `merge` of the RUNs `steps` into
    that of `step`, `ignore`: a line for .dockerignore, `insert` of an instruction behind one, `before` of one before it."""
    step: int
    text: str = ""
    start: int = 0
    """For `change`: the first character of the script that goes, `end` one past the last one."""
    end: int = 0
    steps: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """What to change: Dockerfile text in which words stand in comments, and the same as edits where all of it is that."""

    text: str
    edits: tuple[Edit, ...] = ()
    advice: str | None = None
    """The same in comments alone, for instructions that must not be quoted; None if the text quotes none."""

    def __add__(self, after: str | Fix) -> Fix:
        other = after if isinstance(after, Fix) else Fix(after)
        advice = None
        if self.advice is not None or other.advice is not None:
            advice = (_words(self) + "\n" + _words(other)).strip("\n")
        return Fix(self.text + other.text, self.edits + other.edits, advice)

    def __radd__(self, before: str) -> Fix:
        return Fix(before) + self


def _words(fix: Fix) -> str:
    if fix.advice is not None:
        return fix.advice
    return "\n".join(line for line in fix.text.split("\n") if line.startswith("#"))


def notes(text: str, difference: str) -> list[str]:
    """The comments of a fix that its difference does not say: what to know, or to decide."""
    shown = {" ".join(line[1:].split()) for line in difference.split("\n")}
    found, inside, continued = [], "", False
    for line in text.split("\n"):
        if inside or continued:
            if line.strip() == inside:
                inside = ""
        elif line.startswith("#"):
            if not _SAID.match(line) and " ".join(line[1:].split()) not in shown:
                found.append(line)
            continue
        if not inside:
            inside = next((name for name, _, _ in opened_heredocs(line)), "")
        continued = not inside and line.rstrip().endswith("\\")
    return found
