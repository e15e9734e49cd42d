"""Secrets that are known by their looks: private keys, and tokens of services; detect-secrets knows what they look like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from layerscope.analysis.findings.secrets import pem
from layerscope.analysis.marks import Marks

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

MARKS = Marks([*pem.MARKS, *(mark for found in _DETECTORS.values() for mark in found.marks)])
"""A text without any of these holds none of these secrets."""
_EXAMPLES = re.compile(r"EXAMPLE|example|XXXX|xxxx|\*\*\*\*|<[A-Za-z_ -]+>|YOUR[_-]")
"""What samples in documents have in the place of a secret."""


def detect(data: bytes) -> set[str]:
    """The kinds of secrets that a text holds; never the secrets."""
    found: set[str] = set()
    places = MARKS.places(data)
    if places and pem.holds_private_key(data):
        found.add(PRIVATE_KEY)
    for line in _lines(data, places):
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


def _lines(data: bytes, places: Sequence[int]) -> Iterator[bytes]:
    """The first `_MOST_LINES` lines in which marks end at `places`, those that are too long left out."""
    looked = stop = 0
    for place in places:
        if place <= stop:
            continue
        stop = _end_of_line(data, place)
        low = max(place - LONGEST_LINE - 2, -1)
        start = 1 + max(low, *(data.rfind(end, max(low, 0), place) for end in (b"\n", b"\r")))
        if stop - start <= LONGEST_LINE:
            looked += 1
            yield data[start:stop]
            if looked == _MOST_LINES:
                return


def _end_of_line(data: bytes, place: int) -> int:
    """Where the line ends that `place` is in."""
    stop = data.find(b"\n", place)
    stop = len(data) if stop < 0 else stop
    carriage = data.find(b"\r", place, stop)
    return stop if carriage < 0 else carriage


@cache
def _plugin(kind: str) -> Any:
    """The library's detector; loading it takes a fifth of a second, so it is loaded when a text looks like it."""
    detector = _DETECTORS[kind]
    return getattr(import_module(f"detect_secrets.plugins.{detector.module}"), detector.name)()
