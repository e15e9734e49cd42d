"""Secrets with a known format: private keys, and service tokens; detect-secrets knows the formats."""

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
"""Maximum characters of a line that is searched: minified programs have longer ones, which match anything by chance."""
_MAX_LINES = 200
"""Maximum lines of one text that are passed to the library."""


class _Detector(NamedTuple):
    module: str
    name: str
    """Class in a module of `detect_secrets.plugins`."""
    marks: tuple[str, ...]
    """Short Hyperscan expressions, which are fast to compile: every text with such a secret matches one."""
    line_pattern: bytes
    """Matched by every line with such a secret: only these lines are passed to the library, which takes a while to load."""


_PREFIXES = "pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas"
DETECTORS: Mapping[str, _Detector] = {
    "AWS access key": _Detector(
        "aws",
        "AWSKeyDetector",
        (
            r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]",
            r"(?i)aws[^\n\r\x00]*(?:key|pw|pass|token)",
        ),
        rb"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}|(?i:aws).{0,170}['\"][0-9a-zA-Z/+]{40}['\"]",
    ),
    "Azure storage key": _Detector(
        "azure_storage_key",
        "AzureStorageKeyDetector",
        ("AccountKey=",),
        rb"AccountKey=[a-zA-Z0-9+/=]{88}",
    ),
    "GitHub token": _Detector(
        "github_token",
        "GitHubTokenDetector",
        (r"gh[pousr]_[A-Za-z0-9_]",),
        rb"gh[pousr]_[A-Za-z0-9_]{36}",
    ),
    "GitLab token": _Detector(
        "gitlab_token",
        "GitLabTokenDetector",
        (f"gl(?:{_PREFIXES})-", "GR1348941"),
        rb"(?:gl(?:%b)-|GR1348941)[A-Za-z0-9_\-]{20}" % _PREFIXES.encode(),
    ),
    "npm token": _Detector("npm", "NpmDetector", ("/:_authToken=",), rb"//.+/:_authToken="),
    "OpenAI key": _Detector(
        "openai", "OpenAIDetector", ("T3BlbkFJ",), rb"[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"
    ),
    "PyPI token": _Detector(
        "pypi_token", "PypiTokenDetector", ("pypi-AgE",), rb"pypi-AgE[A-Za-z0-9_\-]{70}"
    ),
    "SendGrid key": _Detector(
        "sendgrid",
        "SendGridDetector",
        (r"SG\.[A-Za-z0-9_\-]",),
        rb"SG\.[a-zA-Z0-9_\-]{22}\.[a-zA-Z0-9_\-]{43}",
    ),
    "Slack token": _Detector(
        "slack",
        "SlackDetector",
        (r"(?i)xox[abpors]-", r"(?i)hooks\.slack\.com/services/"),
        rb"(?i)xox[abpors]-|hooks\.slack\.com/services/T",
    ),
    "Square secret": _Detector("square_oauth", "SquareOAuthDetector", ("sq0csp-",), rb"sq0csp-"),
    "Stripe key": _Detector(
        "stripe", "StripeDetector", ("[rs]k_live_",), rb"[rs]k_live_[0-9a-zA-Z]{24}"
    ),
}
"""Kind of secret → its detector. Detectors that mostly match by chance (entropy, words, addresses) are left out."""

_KIND_OF_MARK = {
    **dict.fromkeys(pem.MARKS, PRIVATE_KEY),
    **{mark: kind for kind, detector in DETECTORS.items() for mark in detector.marks},
}
KINDS = list(_KIND_OF_MARK.values())
"""The kind of secret that each of `MARKS` indicates."""
MARKS = Marks(list(_KIND_OF_MARK))
"""A text that matches none of these contains none of these secrets."""
_EXAMPLES = re.compile(r"EXAMPLE|example|XXXX|xxxx|\*\*\*\*|<[A-Za-z_ -]+>|YOUR[_-]")
"""What documentation samples have instead of a secret."""


def detect(data: bytes) -> set[str]:
    """The kinds of secrets in a text; never the secrets."""
    places = [(end, KINDS[mark]) for end, mark in MARKS.places(data)]
    token_places = [place for place in places if place[1] != PRIVATE_KEY]
    kinds = (
        {PRIVATE_KEY} if len(token_places) < len(places) and pem.holds_private_key(data) else set()
    )
    searched_lines = 0
    for line, marked in _lines(data, token_places):
        candidates = {
            kind for kind in marked - kinds if re.search(DETECTORS[kind].line_pattern, line)
        }
        if not candidates:
            continue
        searched_lines += 1
        if searched_lines > _MAX_LINES:
            break
        text = line.decode(errors="replace")
        if not _EXAMPLES.search(text):
            kinds |= {kind for kind in candidates if any(plugin_of(kind).analyze_string(text))}
    return kinds


def _lines(data: bytes, places: Sequence[tuple[int, str]]) -> Iterator[tuple[bytes, set[str]]]:
    """The lines with marks that end at `places`, with the kinds of these marks; lines that are too long are left out."""
    at = 0
    while at < len(places):
        place = places[at][0]
        stop = _end_of_line(data, place)
        low = max(place - LONGEST_LINE - 2, -1)
        start = 1 + max(low, *(data.rfind(end, max(low, 0), place) for end in (b"\n", b"\r")))
        kinds = set()
        while at < len(places) and places[at][0] <= stop:
            kinds.add(places[at][1])
            at += 1
        if stop - start <= LONGEST_LINE:
            yield data[start:stop], kinds


def _end_of_line(data: bytes, place: int) -> int:
    """The end of the line that contains `place`."""
    stop = data.find(b"\n", place)
    stop = len(data) if stop < 0 else stop
    carriage = data.find(b"\r", place, stop)
    return stop if carriage < 0 else carriage


@cache
def plugin_of(kind: str) -> Any:
    """The library's detector. Loading it takes a fifth of a second, so it is loaded only for a text that may need it."""
    detector = DETECTORS[kind]
    return getattr(import_module(f"detect_secrets.plugins.{detector.module}"), detector.name)()
