"""Secrets in the history and the config: build arguments, ENV, and arguments of commands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set

from msgspec import Struct, field

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.secrets.detectors import detect
from layerscope.image.dummy_secrets import is_dummy, is_dummy_at
from layerscope.image.history import Step
from layerscope.image.model import ImageConfig
from layerscope.image.secret_names import is_secret
from layerscope.image.secret_spans import IN_URL, find_spans
from layerscope.text import safe_name
from layerscope.words import Confidence, Severity

_MAX_CHARACTERS = 64 * 1024
"""Maximum characters of a command that are searched."""


def _find(evidence: Evidence) -> Iterator[Claim]:
    reported: set[str] = set()
    for step in evidence.image.steps:
        secrets = _secrets(step)
        reported |= secrets.values
        for dummy in (False, True):
            names, kinds = secrets.dummies if dummy else secrets.real
            if names or kinds:
                yield Claim(
                    fix=_fix(step, list(names)),
                    steps=(step.index,),
                    layers=() if step.layer is None else (step.layer,),
                    title=f"{_SUBJECTS[dummy]} in the history: {', '.join(map(safe_name, [*names, *sorted(kinds)]))}",
                    why=_DUMMY_WHY if dummy else None,
                    confidence=_confidence(dummy, bool(kinds & secrets.certain)),
                )
    labels: dict[bool, dict[str, None]] = {False: {}, True: {}}
    for label, dummy in _configured(evidence.image.config, reported):
        labels[dummy][label] = None
    for dummy, names in labels.items():
        if names:
            yield Claim(
                fix="# set it when the container starts: docker run --env-file …",
                steps=(),
                title=f"{_SUBJECTS[dummy]} in the config: {', '.join(map(safe_name, names))}",
                why=_DUMMY_WHY if dummy else None,
                confidence=_confidence(dummy, certain=False),
            )


_SUBJECTS = {False: "Secret", True: "Dummy secret"}
_DUMMY_WHY = "It looks like a placeholder for the build, or like the password for a service on the same machine. Make sure that no real service uses it: `docker history` shows it to anyone who can pull the image."


def _confidence(dummy: bool, certain: bool) -> Confidence:
    if dummy:
        return Confidence.LOW
    return Confidence.HIGH if certain else Confidence.MEDIUM


_Labels = tuple[dict[str, None], set[str]]
"""Names of variables, and kinds of secrets without a name."""


class _Found(Struct):
    """The secrets of a step."""

    real: _Labels = field(default_factory=lambda: ({}, set()))
    dummies: _Labels = field(default_factory=lambda: ({}, set()))
    certain: set[str] = field(default_factory=set)
    """Kinds recognized by their format."""
    values: set[str] = field(default_factory=set)
    """Their values, which are never shown."""


def _secrets(step: Step) -> _Found:
    """The secrets in a step; a name or kind with a real secret is not listed as a dummy."""
    secrets = _Found()
    for pair in step.build_args:
        name, _, value = pair.partition("=")
        if is_secret(name, value):
            (secrets.dummies if is_dummy(value) else secrets.real)[0][name] = None
    text = step.arguments[:_MAX_CHARACTERS]
    for span in find_spans(text, step.instruction):
        secrets.values.add(text[span.start : span.end])
        names, kinds = secrets.dummies if is_dummy_at(text, span.start, span.end) else secrets.real
        if span.named:
            names[span.label] = None
        elif span.label:
            kinds.add(span.label)
    secrets.certain |= detect((step.created_by or "")[:_MAX_CHARACTERS].encode(errors="replace"))
    secrets.real[1].update(secrets.certain)
    if IN_URL in secrets.real[1]:
        secrets.certain.add(IN_URL)
    for name in secrets.real[0]:
        secrets.dummies[0].pop(name, None)
    secrets.dummies[1].difference_update(secrets.real[1])
    return secrets


def _configured(config: ImageConfig, reported: Set[str]) -> Iterator[tuple[str, bool]]:
    """Names and kinds of secrets in the config that no step contains, and whether each is a dummy."""
    pairs = [(name, value) for name, _, value in (pair.partition("=") for pair in config.env)]
    for name, value in (*pairs, *config.labels.items()):
        if value not in reported and is_secret(name, value):
            yield name, is_dummy(value)
    for command in (config.entrypoint, config.cmd):
        # As a JSON list, so that word boundaries are known.
        text = json.dumps(command, ensure_ascii=False)[:_MAX_CHARACTERS]
        for span in find_spans(text, "CMD"):
            if span.label and text[span.start : span.end] not in reported:
                yield span.label, is_dummy_at(text, span.start, span.end)


def _fix(step: Step, names: list[str]) -> str:
    """How to avoid the secret. The instruction is not quoted, because it contains the secret."""
    name = safe_name(names[0]) if names else "TOKEN"
    if step.instruction in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
        return f"# let it read {name} from the environment or a file that is provided when the container starts"
    if step.instruction == "RUN":
        return f"# RUN --mount=type=secret,id={name},env={name} …"
    if step.instruction == "ARG":
        return f"# ARG is kept in the history: mount it where it is needed\n# RUN --mount=type=secret,id={name},env={name} …"
    return f"# leave {name} out of {step.instruction or 'the image'}; set it when the container starts: docker run -e {name} …"


RULE = Rule(
    "secret-history",
    title="Secret in the history",
    why="Build arguments and ENV are stored in the image config: `docker history` and `docker inspect` show them.",
    finds="Values of build arguments, `ENV` and `LABEL`, and values that commands assign or pass in options, headers or URLs.",
    wrong="Placeholders for the build and passwords for services on the same machine are warnings of low confidence. If another value is not a secret, give it a name that says so (`dummy`, `placeholder`), or accept the rule with an `[[ignore]]` entry.",
    codes=("DL3064", "SecretsUsedInArgOrEnv"),
    find=_find,
    severity=Severity.ERROR,
    min_bytes=0,
)
