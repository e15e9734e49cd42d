"""A step in one line, for lists."""

from __future__ import annotations

import re

from layerscope.image.history import Step

_CONTINUED = re.compile(r"\\\s*\n")
"""A line that goes on in the next one, as Dockerfiles write it."""
_DIGEST = re.compile(r"\b((?:sha256|file|dir|multi):)?([0-9a-f]{12})[0-9a-f]{52}\b")
NOTHING_RECORDED = "(no instruction recorded)"


def one_line(step: Step) -> str:
    """Instruction and arguments of a step on one line, digests shortened; not yet safe for a terminal."""
    text = f"{step.instruction or ''} {step.arguments}".strip()
    if not text:
        return step.comment.strip() if step.comment and step.comment.strip() else NOTHING_RECORDED
    return " ".join(short_digests(_CONTINUED.sub(" ", text[:4096])).split())


def short_digests(text: str) -> str:
    """A text with the digests in it shortened to twelve digits."""
    return _DIGEST.sub(r"\1\2…", text)
