"""Errors in a Dockerfile that no builder accepts: unknown instructions, and unclosed quotes."""

from __future__ import annotations

import difflib

from layerscope.image.dockerfile import Dockerfile, DockerfileError, Written
from layerscope.image.instruction import INSTRUCTIONS
from layerscope.image.shell import can_be_read

_QUOTED = ("ENV", "LABEL", "ARG")
"""Instructions whose quotes the builder itself parses."""


def check_dockerfile(dockerfile: Dockerfile) -> None:
    """Raise `DockerfileError` for the first instruction that no builder accepts."""
    other_shell = any(written.name == "SHELL" for written in dockerfile.instructions)
    for written in dockerfile.instructions:
        for each in (written, written.inner):
            why = None if each is None else _fault(each, dockerfile.escape, other_shell)
            if why is not None:
                place = f"{dockerfile.name}: line {written.first + 1}"
                near = difflib.get_close_matches(written.name, sorted(INSTRUCTIONS), 1)
                known = written.name in INSTRUCTIONS or not near
                hint = "correct it and try again" if known else f"did you mean {near[0]}?"
                raise DockerfileError(f"{place}: {why}", hint=hint)


def _fault(written: Written, escape: str, other_shell: bool) -> str | None:
    if written.name not in INSTRUCTIONS:
        return f"unknown instruction {written.name[:40]}"
    if written.name in _QUOTED and not _ends(written.arguments, escape):
        return "a quote that does not end"
    plain = not written.exec_form and not written.heredocs and escape == "\\" and not other_shell
    if written.name == "RUN" and plain:
        script = written.script()
        if not can_be_read(script) and not _ends(script, "\\"):
            return "a quote that does not end"
    return None


def _ends(text: str, escape: str) -> bool:
    """Whether all quotes in a text are closed."""
    inside, at = "", 0
    while at < len(text):
        one = text[at]
        if inside == "'":
            inside = "" if one == "'" else inside
        elif one == escape:
            at += 1
        elif inside:
            inside = "" if one == inside else inside
        elif one in "\"'":
            inside = one
        at += 1
    return not inside
