"""Texts of findings and their groups."""

from __future__ import annotations

from layerscope import text
from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.grouping import BASE, SECRETS, FindingGroup, FindingsBy
from layerscope.image.model import Image
from layerscope.image.summary import one_line, step_name, step_names
from layerscope.words import Severity

GROUPED_BY = {
    FindingsBy.SEVERITY: "by severity",
    FindingsBy.STEP: "by instruction",
    FindingsBy.RULE: "by rule",
}
_KINDS = {
    SECRETS: ("secrets", "anyone who can pull the image can read them"),
    BASE: ("base image", "only another base image avoids it"),
}


def group_title(group: FindingGroup, by: FindingsBy, image: Image) -> tuple[str, str]:
    """Title of a group and a sentence about it, both safe for a terminal."""
    count = text.count_of(len(group.members), "finding")
    if by is FindingsBy.SEVERITY:
        key = group.key
        title, sentence = (
            (key.word, key.sentence) if isinstance(key, Severity) else _KINDS[str(key)]
        )
        return title, f"{count} · {sentence}"
    if by is FindingsBy.STEP:
        return step_words(image, int(group.key)), count
    return str(group.key), count


def step_words(image: Image, step: int) -> str:
    """A step with its instruction on one line; -1 is the image config."""
    if step < 0:
        return "the image's config"
    recorded = image.steps[step]
    name = text.safe_name(step_name(recorded)).capitalize()
    return f"{name} · {text.safe_name(one_line(recorded))}"


def where(finding: Finding, image: Image) -> str:
    """The steps of a finding, short and safe for a terminal."""
    if not finding.steps:
        return "config"
    return text.safe_name(step_names([image.steps[step] for step in finding.steps], 2, "…"))
