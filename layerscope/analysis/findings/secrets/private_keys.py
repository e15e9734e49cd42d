"""Private keys without a password."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.findings.evidence import Evidence
from layerscope.analysis.findings.finding import Claim, Severity
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.secrets.claims import secret_claims
from layerscope.analysis.findings.secrets.detectors import PRIVATE_KEY


def _find(evidence: Evidence) -> Iterator[Claim]:
    yield from secret_claims(evidence, lambda kinds: PRIVATE_KEY in kinds, "Private key")


RULE = Rule(
    "secret-private-key",
    title="Private key",
    why="Whoever can pull the image can read the key, in every layer that ever stored it.",
    find=_find,
    severity=Severity.ERROR,
    min_bytes=0,
)
