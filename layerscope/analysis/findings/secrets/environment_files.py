"""Environment files with passwords or tokens in them."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.secrets.claims import secret_claims
from layerscope.analysis.findings.secrets.scan import SETTINGS
from layerscope.words import Confidence


def _find(evidence: Evidence) -> Iterator[Claim]:
    yield from secret_claims(evidence, lambda kinds: kinds == {SETTINGS}, "Environment file")


RULE = Rule(
    "secret-environment-file",
    title="Environment file with secrets",
    why="An .env file holds what one place of running needs; whoever can pull the image reads it.",
    find=_find,
    confidence=Confidence.MEDIUM,
    min_bytes=0,
)
