"""Runs rules on tiny images, written as a command and the members of its layer for each step."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from layerscope.analysis.findings.finding import Finding, Findings
from layerscope.opening.open import Opened, Options, open_image
from layerscope.settings import RuleChoice
from layerscope.sources import Request
from tests.images import CREATED, Member, docker_archive, layer_tar, write

Step = tuple[str, Sequence[Member] | None]
"""`created_by` of a step, and the members of its layer; None for a step without a layer."""

EVERYTHING = 0
"""A threshold that drops nothing."""


def opened_of(
    steps: Sequence[Step],
    rule: str | None = None,
    min_bytes: int | None = None,
    start: Sequence[str] = (),
    config: Mapping[str, object] | None = None,
) -> Opened:
    """Open and analyse an image of these steps that starts a program, with the threshold of one rule changed; `config` has
    further container settings.
    """
    history = [
        {"created": CREATED, "created_by": command}
        | ({"empty_layer": True} if members is None else {})
        for command, members in steps
    ]
    layers = [layer_tar(members) for _, members in steps if members is not None]
    document = {"config": {"Entrypoint": list(start), **(config or {})}}
    choices = {} if rule is None else {rule: RuleChoice(min_bytes=min_bytes)}
    with tempfile.TemporaryDirectory() as folder:
        path = write(
            Path(folder) / "image.tar", docker_archive(layers, history=history, config=document)
        )
        return open_image(Request(str(path)), Options(rules=choices))


def findings_by(
    steps: Sequence[Step],
    rule: str,
    min_bytes: int | None = EVERYTHING,
    config: Mapping[str, object] | None = None,
) -> list[Finding]:
    """Findings of one rule for an image of these steps; `min_bytes` None keeps the threshold of the rule."""
    findings = opened_of(steps, rule, min_bytes, config=config).findings
    assert findings is not None
    return [finding for finding in findings.found if finding.rule == rule]


def findings_of(opened: Opened) -> Findings:
    """The findings of an analysed image."""
    assert opened.findings is not None
    return opened.findings


def paths_of(opened: Opened, finding: Finding) -> list[str]:
    """The paths of a finding, as text."""
    table = opened.filesystem.table
    return [path.decode(errors="surrogateescape") for path in table.full_paths(finding.paths)]
