"""Formats of files according to their paths, and the secrets where these formats keep passwords or tokens."""

from __future__ import annotations

from msgspec import Struct

from layerscope.analysis.findings.secrets.credential_formats import settings
from layerscope.analysis.findings.secrets.detectors import PRIVATE_KEY
from layerscope.analysis.findings.secrets.keyrings import holds_unprotected
from layerscope.analysis.findings.secrets.known_files import (
    CONFIGURATION,
    CREDENTIALS,
    HISTORY,
    KNOWN_FILES,
    KnownFile,
)
from layerscope.analysis.findings.secrets.values import Grade, grade

SETTINGS = "secret settings"
"""The kind of a secret assigned in an environment file."""
DUMMIES = {kind: f"dummy {kind}" for kind in (CREDENTIALS, HISTORY, CONFIGURATION, SETTINGS)}
"""Kinds of secrets → the kinds to use if all of them are dummies."""
ENVIRONMENT = (".env", ".env.*", "*.env")
"""Names of environment files."""
SAMPLES = tuple(
    f"*.{word}" for word in ("example", "sample", "template", "dist", "defaults", "test")
)
"""Names of samples of such files, which contain no secrets."""
KEYRINGS = ("secring.gpg", "*.gpg", "*.pgp", "**/private-keys-v1.d/*")
"""Names of binary files that may contain OpenPGP keys."""
_SHORTEST_SETTING = 6
"""Minimum length of a secret in an environment file."""


class Formats(Struct, frozen=True):
    """The format of a file according to its paths."""

    known: KnownFile | None = None
    """One of `KNOWN_FILES`; None for all others."""
    environment: bool = False
    """Whether it is an environment file, not a sample of one."""
    keyring: bool = False
    """Whether it may contain binary OpenPGP keys."""

    def kinds(self, text: str) -> set[str]:
        """The kinds of secrets in a text of this format."""
        kinds = set()
        if self.known is not None:
            highest = grade(self.known.find(text), self.known.shortest)
            kinds |= _kinds(self.known.kind, highest)
        if self.environment:
            kinds |= _kinds(SETTINGS, grade(settings(text), _SHORTEST_SETTING))
        return kinds

    def kinds_of_binary(self, data: bytes) -> set[str]:
        """The same for a binary file."""
        return {PRIVATE_KEY} if self.keyring and holds_unprotected(data) else set()


def _kinds(kind: str, highest: Grade) -> set[str]:
    return set() if highest is Grade.NONE else {kind if highest is Grade.REAL else DUMMIES[kind]}


PATTERNS = (
    *ENVIRONMENT,
    *KEYRINGS,
    *(pattern for file in KNOWN_FILES for pattern in file.patterns),
)
"""Matches every file with a known format."""
