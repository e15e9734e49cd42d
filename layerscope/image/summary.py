"""A step in one line, for lists."""

from __future__ import annotations

import re

from layerscope.image.history import Step
from layerscope.image.secret_spans import masked

_CONTINUED = re.compile(r"\\\s*\n")
"""A line that goes on in the next one, as Dockerfiles write it."""
_DIGEST = re.compile(r"\b((?:sha256|file|dir|multi):)?([0-9a-f]{12})[0-9a-f]{52}\b")
_LONGEST = 4096
"""Characters of an instruction that lists look at."""
NOTHING_RECORDED = "(no instruction recorded)"


def one_line(step: Step) -> str:
    """Instruction and arguments of a step on one line, secrets masked, digests shortened; not yet safe for a terminal."""
    text = whole_text(step, _LONGEST)
    if not text:
        return step.comment.strip() if step.comment and step.comment.strip() else NOTHING_RECORDED
    return " ".join(short_digests(_CONTINUED.sub(" ", text)).split())


def whole_text(step: Step, most: int | None = None) -> str:
    """Instruction and arguments of a step, secrets masked, and no more than `most` characters of them; not yet safe for
    a terminal."""
    # What is cut may be a secret's half.
    arguments = step.arguments if most is None else step.arguments[: 2 * most]
    shown = masked(arguments, step.instruction)
    return f"{step.instruction or ''} {shown}".strip()[:most]


def short_digests(text: str) -> str:
    """A text with the digests in it shortened to twelve digits."""
    return _DIGEST.sub(r"\1\2…", text)
