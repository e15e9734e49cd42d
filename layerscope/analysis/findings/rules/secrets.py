"""Secrets in files. Only their places are reported: values are never stored, shown or written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.secrets.claims import secret_claims, unread_claims
from layerscope.analysis.findings.secrets.detectors import PRIVATE_KEY
from layerscope.analysis.findings.secrets.files import SETTINGS
from layerscope.analysis.findings.secrets.scan import UNREAD, UNREAD_KEY
from layerscope.words import Confidence, Severity

_DEFAULT_KEYS = ("/etc/ssl/private/ssl-cert-snakeoil.key",)
"""Keys of self-signed certificates that a package generates, so that a server can start (Debian's ssl-cert)."""
_NOT_CREDENTIALS = {PRIVATE_KEY, SETTINGS, UNREAD, UNREAD_KEY}


def _private_keys(evidence: Evidence) -> Iterator[Claim]:
    defaults = evidence.selector.select(_DEFAULT_KEYS)
    yield from secret_claims(evidence, _is_key, "Private key", ~defaults)
    for claim in secret_claims(evidence, _is_key, "Private key of a default certificate", defaults):
        yield replace(
            claim, why=_DEFAULT_KEY_WHY, severity=Severity.WARNING, confidence=Confidence.LOW
        )
    yield from unread_claims(evidence, UNREAD_KEY)


def _is_key(kinds: frozenset[str]) -> bool:
    return PRIVATE_KEY in kinds


_DEFAULT_KEY_WHY = (
    "A package generated it during installation, for a self-signed certificate. It only matters if a server in this image "
    "uses it: every container then shares a key that anyone who can pull the image can read."
)


def _credentials(evidence: Evidence) -> Iterator[Claim]:
    yield from secret_claims(
        evidence,
        lambda kinds: PRIVATE_KEY not in kinds and bool(kinds - _NOT_CREDENTIALS),
        "Credentials",
    )
    yield from unread_claims(evidence, UNREAD)


def _environment_files(evidence: Evidence) -> Iterator[Claim]:
    yield from secret_claims(evidence, lambda kinds: kinds == {SETTINGS}, "Environment file")


RULES: tuple[Rule, ...] = (
    Rule(
        "secret-private-key",
        title="Private key",
        why="Anyone who can pull the image can read the key from any layer that ever stored it.",
        find=_private_keys,
        severity=Severity.ERROR,
        min_bytes=0,
    ),
    Rule(
        "secret-credentials",
        title="Credentials",
        why="Anyone who can pull the image can use them to access the cloud, registry or service that they unlock.",
        find=_credentials,
        severity=Severity.ERROR,
        min_bytes=0,
    ),
    Rule(
        "secret-environment-file",
        title="Environment file with secrets",
        why="An .env file holds settings of one deployment. Anyone who can pull the image can read it.",
        find=_environment_files,
        confidence=Confidence.MEDIUM,
        min_bytes=0,
    ),
)
