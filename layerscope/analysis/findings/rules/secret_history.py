"""Secrets in the history and the config: build arguments, ENV, and arguments of commands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.secrets.detectors import detect
from layerscope.image.history import Step
from layerscope.image.model import ImageConfig
from layerscope.image.secret_names import is_secret
from layerscope.image.secret_spans import IN_URL, find_spans
from layerscope.text import safe_name
from layerscope.words import Confidence, Severity

_LONGEST = 64 * 1024
"""Maximum characters of a command that are searched."""


def _find(evidence: Evidence) -> Iterator[Claim]:
    reported: set[str] = set()
    for step in evidence.image.steps:
        names, kinds, values = _secrets(step)
        reported |= values
        sure = detect((step.created_by or "")[:_LONGEST].encode(errors="replace"))
        if IN_URL in kinds:
            sure.add(IN_URL)
        kinds |= sure
        if names or kinds:
            yield Claim(
                fix=_fix(step, names),
                steps=(step.index,),
                layers=() if step.layer is None else (step.layer,),
                title=f"Secret in the history: {', '.join(map(safe_name, [*names, *sorted(kinds)]))}",
                confidence=None if sure else Confidence.MEDIUM,
            )
    left = [*dict.fromkeys(_configured(evidence.image.config, reported))]
    if left:
        yield Claim(
            fix="# set it when the container starts: docker run --env-file …",
            steps=(),
            title=f"Secret in the config: {', '.join(map(safe_name, left))}",
            confidence=Confidence.MEDIUM,
        )


def _secrets(step: Step) -> tuple[list[str], set[str], set[str]]:
    """Names of variables with secrets in a step, kinds of unnamed secrets, and their values, which are never shown."""
    names: dict[str, None] = {}
    kinds: set[str] = set()
    values: set[str] = set()
    for pair in step.build_args:
        name, _, value = pair.partition("=")
        if is_secret(name, value):
            names[name] = None
    text = step.arguments[:_LONGEST]
    for span in find_spans(text, step.instruction):
        values.add(text[span.start : span.end])
        if span.named:
            names[span.label] = None
        elif span.label:
            kinds.add(span.label)
    return list(names), kinds, values


def _configured(config: ImageConfig, reported: Set[str]) -> Iterator[str]:
    """Names and kinds of secrets in the config that no step contains."""
    pairs = [(name, value) for name, _, value in (pair.partition("=") for pair in config.env)]
    for name, value in (*pairs, *config.labels.items()):
        if value not in reported and is_secret(name, value):
            yield name
    for command in (config.entrypoint, config.cmd):
        # As a JSON list, so that the ends of words are known.
        text = json.dumps(command, ensure_ascii=False)[:_LONGEST]
        for span in find_spans(text, "CMD"):
            if span.label and text[span.start : span.end] not in reported:
                yield span.label


def _fix(step: Step, names: list[str]) -> str:
    """How to do without the secret. The instruction is not quoted: it contains the secret."""
    name = safe_name(names[0]) if names else "TOKEN"
    if step.instruction in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
        return f"# let it read {name} from the environment or a file, and give it that when the container starts"
    if step.instruction == "RUN":
        return f"# RUN --mount=type=secret,id={name},env={name} …"
    if step.instruction == "ARG":
        return f"# ARG is kept in the history: mount it where it is needed\n# RUN --mount=type=secret,id={name},env={name} …"
    return f"# leave {name} out of {step.instruction or 'the image'}; set it when the container starts: docker run -e {name} …"


RULE = Rule(
    "secret-history",
    title="Secret in the history",
    why="Build arguments and ENV are stored in the image config: `docker history` and `docker inspect` show them.",
    find=_find,
    severity=Severity.ERROR,
    min_bytes=0,
)
