"""Secrets in files. Only their paths are reported: values are never stored, shown or written."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.secrets.claims import (
    dummy_claims,
    secret_claims,
    unread_claims,
)
from layerscope.analysis.findings.secrets.detectors import PRIVATE_KEY
from layerscope.analysis.findings.secrets.files import DUMMIES, SETTINGS
from layerscope.analysis.findings.secrets.known_files import CONFIGURATION, CREDENTIALS, HISTORY
from layerscope.analysis.findings.secrets.scan import UNREAD, UNREAD_KEY
from layerscope.words import Confidence, Severity

_DEFAULT_KEYS = ("/etc/ssl/private/ssl-cert-snakeoil.key",)
"""Keys of self-signed certificates that a package generates, so that a server can start (Debian's ssl-cert)."""
_BY_NAME = {HISTORY, CONFIGURATION, SETTINGS}
"""Kinds recognized only by the names of values."""
_NOT_CREDENTIALS = {PRIVATE_KEY, *_BY_NAME, *DUMMIES.values(), UNREAD, UNREAD_KEY}


def _private_keys(evidence: Evidence) -> Iterator[Claim]:
    defaults = evidence.selector.select(_DEFAULT_KEYS)
    yield from secret_claims(evidence, _is_key, "Private key", ~defaults)
    for claim in secret_claims(evidence, _is_key, "Private key of a default certificate", defaults):
        yield replace(claim, why=_DEFAULT_KEY_WHY, confidence=Confidence.LOW)
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
    for claim in secret_claims(
        evidence, lambda kinds: _is_only(kinds, HISTORY), "Secret in a command history"
    ):
        yield replace(claim, confidence=Confidence.MEDIUM)
    yield from dummy_claims(evidence, CREDENTIALS, "Dummy credentials")
    yield from dummy_claims(evidence, HISTORY, "Dummy secret in a command history")
    yield from unread_claims(evidence, UNREAD)


def _is_only(kinds: frozenset[str], kind: str) -> bool:
    """Whether a file has secrets of this kind, and none that another rule or claim reports."""
    first = next((each for each in (HISTORY, SETTINGS, CONFIGURATION) if each in kinds), None)
    return first == kind and PRIVATE_KEY not in kinds and kinds <= _NOT_CREDENTIALS


def _environment_files(evidence: Evidence) -> Iterator[Claim]:
    yield from secret_claims(evidence, lambda kinds: _is_only(kinds, SETTINGS), "Environment file")
    yield from dummy_claims(evidence, SETTINGS, "Environment file with dummies")


def _configurations(evidence: Evidence) -> Iterator[Claim]:
    yield from secret_claims(
        evidence, lambda kinds: _is_only(kinds, CONFIGURATION), "Password in a configuration file"
    )
    yield from dummy_claims(evidence, CONFIGURATION, "Dummy password in a configuration")


RULES: tuple[Rule, ...] = (
    Rule(
        "secret-private-key",
        title="Private key",
        why="Anyone who can pull the image can read the key from any layer that ever stored it.",
        finds="PEM keys, OpenPGP keys in armour and keyrings, and keys in the formats of PuTTY and age, in any layer. Keys with a passphrase, and keys in package directories (`/usr/lib`, `site-packages` …), are not reported.",
        wrong="A key that a package generates for a default certificate is a warning of low confidence. Test keys protect nothing: keep them out of the image with `.dockerignore`, or accept the path with an `[[ignore]]` entry.",
        find=_private_keys,
        severity=Severity.ERROR,
        min_bytes=0,
    ),
    Rule(
        "secret-credentials",
        title="Credentials",
        why="Anyone who can pull the image can use them to access the cloud, registry or service that they unlock.",
        finds="Service tokens with a known format, anywhere, and passwords and tokens in credential files of package managers, registries, Git and clouds, and in command histories.",
        wrong="Placeholders and variables are not reported; values that look like dummies are warnings of low confidence. If a value protects nothing, give it a name that says so (`dummy`, `placeholder`), or accept the path with an `[[ignore]]` entry.",
        find=_credentials,
        severity=Severity.ERROR,
        min_bytes=0,
    ),
    Rule(
        "secret-environment-file",
        title="Environment file with secrets",
        why="An .env file holds settings of one deployment. Anyone who can pull the image can read it.",
        finds="`.env`, `.env.*` and `*.env` with a setting whose name is that of a secret. Samples (`.env.example`, `.env.test` …) are not reported.",
        wrong="A file with values for development only is not a secret: keep it out of the image anyway, or name it `.env.example`.",
        find=_environment_files,
        severity=Severity.ERROR,
        confidence=Confidence.MEDIUM,
        min_bytes=0,
    ),
    Rule(
        "secret-configuration",
        title="Password in a configuration file",
        why="Anyone who can pull the image can read it, and it cannot be changed without building the image again.",
        finds="Passwords, keys and connection strings in configuration files: `application.properties`, `settings.py`, `wp-config.php`, `database.yml`, `web.config`, `appsettings.json`, Compose files and many more.",
        wrong="Secrets are recognized by the names of settings. If a value is not a secret, or is replaced when the container starts, use a variable or a placeholder instead, or accept the path with an `[[ignore]]` entry.",
        find=_configurations,
        severity=Severity.ERROR,
        confidence=Confidence.MEDIUM,
        min_bytes=0,
    ),
)
