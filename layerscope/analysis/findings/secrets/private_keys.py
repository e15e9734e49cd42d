"""Private keys without a password."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.secrets.claims import secret_claims, unread_claims
from layerscope.analysis.findings.secrets.detectors import PRIVATE_KEY
from layerscope.analysis.findings.secrets.scan import UNREAD_KEY
from layerscope.words import Confidence, Severity

_DEFAULTS = ("/etc/ssl/private/ssl-cert-snakeoil.key",)
"""Keys of the certificates that packages sign themselves, so that a server starts before it has one of its own (Debian's
ssl-cert)."""


def _find(evidence: Evidence) -> Iterator[Claim]:
    defaults = evidence.selector.select(_DEFAULTS)
    yield from secret_claims(evidence, _is_key, "Private key", ~defaults)
    for claim in secret_claims(evidence, _is_key, "Private key of a default certificate", defaults):
        yield replace(claim, why=_WHY, severity=Severity.WARNING, confidence=Confidence.LOW)
    yield from unread_claims(evidence, UNREAD_KEY)


def _is_key(kinds: frozenset[str]) -> bool:
    return PRIVATE_KEY in kinds


_WHY = (
    "A package made it while it was installed, for a certificate that nobody trusts. It only matters if a server in this image "
    "uses it: then all containers share one key, which whoever can pull the image has."
)


RULE = Rule(
    "secret-private-key",
    title="Private key",
    why="Whoever can pull the image can read the key, in every layer that ever stored it.",
    find=_find,
    severity=Severity.ERROR,
    min_bytes=0,
)
