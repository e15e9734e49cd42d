"""Errors in a Dockerfile that no builder accepts: unknown instructions, and unclosed quotes."""

from __future__ import annotations

import difflib

from layerscope.image.dockerfile import Dockerfile, DockerfileError, DockerfileInstruction
from layerscope.image.instruction import INSTRUCTIONS
from layerscope.image.shell import is_valid_script

_QUOTED = ("ENV", "LABEL", "ARG")
"""Instructions whose quotes the builder itself parses."""


def check_dockerfile(dockerfile: Dockerfile) -> None:
    """Raise `DockerfileError` for the first instruction that no builder accepts."""
    other_shell = any(instruction.name == "SHELL" for instruction in dockerfile.instructions)
    for instruction in dockerfile.instructions:
        for checked in (instruction, instruction.inner):
            why = None if checked is None else _problem(checked, dockerfile.escape, other_shell)
            if why is not None:
                place = f"{dockerfile.name}: line {instruction.first + 1}"
                suggestions = difflib.get_close_matches(instruction.name, sorted(INSTRUCTIONS), 1)
                keeps_name = instruction.name in INSTRUCTIONS or not suggestions
                hint = (
                    "correct it and try again" if keeps_name else f"did you mean {suggestions[0]}?"
                )
                raise DockerfileError(f"{place}: {why}", hint=hint)


def _problem(instruction: DockerfileInstruction, escape: str, other_shell: bool) -> str | None:
    if instruction.name not in INSTRUCTIONS:
        return f"unknown instruction {instruction.name[:40]}"
    if instruction.name in _QUOTED and not _quotes_closed(instruction.arguments, escape):
        return "a quote that does not end"
    plain = (
        not instruction.exec_form
        and not instruction.heredocs
        and escape == "\\"
        and not other_shell
    )
    if instruction.name == "RUN" and plain:
        script = instruction.script()
        if not is_valid_script(script) and not _quotes_closed(script, "\\"):
            return "a quote that does not end"
    return None


def _quotes_closed(text: str, escape: str) -> bool:
    """Whether all quotes in a text are closed."""
    open_quote, at = "", 0
    while at < len(text):
        character = text[at]
        if open_quote == "'":
            open_quote = "" if character == "'" else open_quote
        elif character == escape:
            at += 1
        elif open_quote:
            open_quote = "" if character == open_quote else open_quote
        elif character in "\"'":
            open_quote = character
        at += 1
    return not open_quote
