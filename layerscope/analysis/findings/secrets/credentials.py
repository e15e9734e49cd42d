"""Tokens and passwords in files: known by their looks, or by the place where they stand."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.secrets.claims import secret_claims, unread_claims
from layerscope.analysis.findings.secrets.detectors import PRIVATE_KEY
from layerscope.analysis.findings.secrets.scan import SETTINGS, UNREAD, UNREAD_KEY
from layerscope.words import Severity

_OTHERS = {PRIVATE_KEY, SETTINGS, UNREAD, UNREAD_KEY}


def _find(evidence: Evidence) -> Iterator[Claim]:
    yield from secret_claims(
        evidence, lambda kinds: PRIVATE_KEY not in kinds and bool(kinds - _OTHERS), "Credentials"
    )
    yield from unread_claims(evidence, UNREAD)


RULE = Rule(
    "secret-credentials",
    title="Credentials",
    why="Whoever can pull the image can use them: for the cloud, the registry or the service that they open.",
    find=_find,
    severity=Severity.ERROR,
    min_bytes=0,
)
