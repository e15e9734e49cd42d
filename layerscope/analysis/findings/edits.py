"""A fix as Dockerfile text for people and as edits."""

from __future__ import annotations

from msgspec import Struct

from layerscope.image.dockerfile_syntax import heredocs_in

IN_DOCKERIGNORE = "# in .dockerignore:"
NOT_COPIED = "# so that this does not copy it:"
IN_PLACE_OF_LAYER = "# in place of layer"
LEFT_OUT_OF_LAYER = "# and left out of layer"
IN_LATER_STEPS = "# and in later steps that would store it again:"
ONE_RUN = "# one RUN for"
AT_THE_END = "# at the end of the same RUN:"
AND_AT_ITS_END = "# and at its end:"
WITH_OPTION = "# with --"

_SHOWN_BY_EDITS = (
    IN_DOCKERIGNORE,
    NOT_COPIED,
    IN_PLACE_OF_LAYER,
    LEFT_OUT_OF_LAYER,
    IN_LATER_STEPS,
    ONE_RUN,
    AT_THE_END,
    AND_AT_ITS_END,
    WITH_OPTION,
)
"""Beginnings of comments that only describe edits, and are redundant beside their diff."""


class Edit(Struct, frozen=True):
    """One change of a Dockerfile."""

    kind: str
    """`change` a RUN's script, add a `flag` to an instruction, `drop` an instruction, `merge` the RUNs `steps` into that of
    `step`, `ignore`: add a line to .dockerignore, `insert` an instruction after a step, or `before` it."""
    step: int
    text: str = ""
    start: int = 0
    """For `change`: the first character of the script to replace; `end` is one past the last one."""
    end: int = 0
    steps: tuple[int, ...] = ()


class Fix(Struct, frozen=True):
    """What to change: Dockerfile text with comments, and the same as edits if it needs no decision."""

    text: str
    edits: tuple[Edit, ...] = ()
    advice: str | None = None
    """The same as comments only, for instructions that must not be quoted; None if the text quotes none."""

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
    """The comments of a fix that its diff does not show: what to know or to decide."""
    shown = {" ".join(line[1:].split()) for line in difference.split("\n")}
    comments, heredoc, continued = [], "", False
    for line in text.split("\n"):
        if heredoc or continued:
            if line.strip() == heredoc:
                heredoc = ""
        elif line.startswith("#"):
            if not line.startswith(_SHOWN_BY_EDITS) and " ".join(line[1:].split()) not in shown:
                comments.append(line)
            continue
        if not heredoc:
            heredoc = next((name for name, _, _ in heredocs_in(line)), "")
        continued = not heredoc and line.rstrip().endswith("\\")
    return comments
