"""Secrets that are known by their looks: private keys, and tokens of services; detect-secrets knows what they look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from layerscope.analysis.findings.secrets.pem import holds_private_key

PRIVATE_KEY = "private key"
LONGEST_LINE = 4096
"""Characters of a line that is looked at: those of packed programs are longer, and hold everything by chance."""
_MOST_LINES = 200
"""Lines of one text that are looked at."""


class _Detector(NamedTuple):
    module: str
    name: str
    """Class in a module of `detect_secrets.plugins`."""
    marks: tuple[bytes, ...]
    """What a line with such a secret holds: the library is asked about no others, as it takes its time."""


_DETECTORS: Mapping[str, _Detector] = {
    "AWS access key": _Detector(
        "aws", "AWSKeyDetector", (b"AKIA", b"ASIA", b"ABIA", b"ACCA", b"aws", b"AWS")
    ),
    "Azure storage key": _Detector(
        "azure_storage_key", "AzureStorageKeyDetector", (b"AccountKey=",)
    ),
    "GitHub token": _Detector(
        "github_token", "GitHubTokenDetector", (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_")
    ),
    "GitLab token": _Detector(
        "gitlab_token",
        "GitLabTokenDetector",
        (
            b"glpat-",
            b"gldt-",
            b"glft-",
            b"glsoat-",
            b"glrt-",
            b"GR1348941",
            b"glcbt-",
            b"glptt-",
            b"gloas-",
        ),
    ),
    "npm token": _Detector("npm", "NpmDetector", (b"_authToken",)),
    "OpenAI key": _Detector("openai", "OpenAIDetector", (b"T3BlbkFJ",)),
    "PyPI token": _Detector("pypi_token", "PypiTokenDetector", (b"pypi-Ag",)),
    "SendGrid key": _Detector("sendgrid", "SendGridDetector", (b"SG.",)),
    "Slack token": _Detector("slack", "SlackDetector", (b"xox", b"hooks.slack.com")),
    "Square secret": _Detector("square_oauth", "SquareOAuthDetector", (b"sq0csp-",)),
    "Stripe key": _Detector("stripe", "StripeDetector", (b"sk_live_", b"rk_live_")),
}
"""What is found → who finds it. Those whose finds are mostly chance (entropy, words, addresses) are left out."""

_SIEVE = re.compile(
    b"|".join(re.escape(mark) for found in _DETECTORS.values() for mark in found.marks)
)
_EXAMPLES = re.compile(r"EXAMPLE|example|XXXX|xxxx|\*\*\*\*|<[A-Za-z_ -]+>|YOUR[_-]")
"""What samples in documents have in the place of a secret."""


def detect(data: bytes) -> set[str]:
    """The kinds of secrets that a text holds; never the secrets."""
    found = {PRIVATE_KEY} if holds_private_key(data) else set()
    if _SIEVE.search(data) is None:
        return found
    looked = 0
    for line in data.splitlines():
        if len(line) > LONGEST_LINE or _SIEVE.search(line) is None:
            continue
        looked += 1
        if looked > _MOST_LINES:
            break
        text = line.decode(errors="replace")
        if _EXAMPLES.search(text):
            continue
        found.update(
            kind
            for kind, detector in _DETECTORS.items()
            if kind not in found
            and any(mark in line for mark in detector.marks)
            and any(_plugin(kind).analyze_string(text))
        )
    return found


@cache
def _plugin(kind: str) -> Any:
    """The library's detector; loading it takes a fifth of a second, so it is loaded when a text looks like it."""
    detector = _DETECTORS[kind]
    return getattr(import_module(f"detect_secrets.plugins.{detector.module}"), detector.name)()
