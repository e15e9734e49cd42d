"""The files that are searched for secrets, and how much of each: preceding content never hides a secret."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layerscope.analysis.findings.secrets import reading
from layerscope.analysis.findings.secrets.detectors import (
    DETECTORS,
    KINDS,
    MARKS,
    detect,
    plugin_of,
)
from layerscope.analysis.findings.secrets.files import Formats
from layerscope.analysis.findings.secrets.reading import MAX_SUGGESTIVE_BYTES
from layerscope.words import Confidence, Severity
from tests.analysis.findings.rule_images import findings_by
from tests.analysis.findings.rules.test_secrets import BODY, COPY, ENV, FILES, GITHUB, KEY, KEYS
from tests.images import file

PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
PADDING = b"# nothing to see here\n" * 4000
LONG_KEY = KEY.replace(BODY, b"\n".join([base64.b64encode(bytes(range(48)))] * 3000))


@pytest.mark.parametrize(
    ("path", "data", "rule"),
    [
        ("root/.ssh/id_rsa", PADDING + KEY, "secret-private-key"),
        ("etc/ssl/private/x.key", LONG_KEY, "secret-private-key"),
        ("root/.ssh/id_rsa", KEY.decode().encode("utf-16"), "secret-private-key"),
        ("srv/token.txt", b"aws\n" * 5000 + GITHUB, "secret-credentials"),
        ("srv/key.pem", b"x aws PRIVATE KEY\n" * 500 + KEY, "secret-private-key"),
        ("srv/key.json", b"{" + b'"a": 1,' * 900 + KEYS["in JSON"][1:], "secret-private-key"),
        ("app/.env", PADDING + ENV, "secret-environment-file"),
        ("app/.env", b"#" * 90_000 + b"\n" + ENV, "secret-environment-file"),
        ("app/.env", ENV.decode().encode("utf-16"), "secret-environment-file"),
        ("app/.env", b"\xef\xbb\xbfDB_PASSWORD=correct-horse\n", "secret-environment-file"),
        ("root/.npmrc", PADDING + FILES[".npmrc"], "secret-credentials"),
        ("root/.netrc", PADDING + FILES["root/.netrc"], "secret-credentials"),
        ("root/.kube/config", PADDING + FILES["root/.kube/config"], "secret-credentials"),
        ("root/.aws/credentials", PADDING + FILES["root/.aws/credentials"], "secret-credentials"),
    ],
)
def test_preceding_text_never_hides_a_secret(path: str, data: bytes, rule: str) -> None:
    """Files with suggestive names are searched further than others, also in PowerShell's UTF-16."""
    (finding,) = findings_by([(COPY, [file(path, data)])], rule)
    assert finding.confidence is not Confidence.LOW
    assert finding.bytes == len(data)


@pytest.mark.parametrize(
    ("path", "rule", "title"),
    [
        ("root/.ssh/id_rsa", "secret-private-key", "Looks like a private key by its name"),
        ("app/.env", "secret-credentials", "Looks like credentials by its name"),
    ],
)
def test_files_too_large_to_read_are_reported_with_low_confidence(
    path: str, rule: str, title: str
) -> None:
    """They are not skipped silently."""
    data = b"#" * (MAX_SUGGESTIVE_BYTES + 1)
    (finding,) = findings_by([(COPY, [file(path, data)])], rule)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.LOW)
    assert finding.title == f"{title}; too large to search"
    assert findings_by([(COPY, [file(path, data[1:])])], rule) == []


def test_large_files_with_suspicious_names_are_read_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The smallest are searched first; the others are reported with low confidence."""
    monkeypatch.setattr(reading, "MAX_LARGE_BYTES", 2 * len(PADDING + KEY) + 1)
    members = [
        file(f"srv/{name}.key", PADDING + KEY + b"#" * (name == "a")) for name in ("a", "b", "c")
    ]
    found = findings_by([(COPY, members)], "secret-private-key")
    assert [(finding.confidence, len(finding.paths)) for finding in found] == [
        (Confidence.HIGH, 2),
        (Confidence.LOW, 1),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"A=" + b" x" * 2000,
        b"a" * 4000,
        b"A=" + b"a" * 4000,
        b"A= x" + b" " * 4000 + b"x",
        b"-----BEGIN RSA PRIVATE KEY-----" + b"\\n" * 50,
    ],
    ids=range(5),
)
def test_the_slowest_lines_are_searched_quickly(line: bytes) -> None:
    """Four megabytes of the worst lines take seconds."""
    data = (line + b"\n") * (MAX_SUGGESTIVE_BYTES // (len(line) + 1))
    started = time.process_time()
    assert detect(data) == set()
    assert not Formats(environment=True).kinds(data.decode())
    assert time.process_time() - started < 10


@pytest.mark.parametrize("kind", DETECTORS)
def test_every_detectable_secret_has_a_mark(kind: str) -> None:
    """The library is not called for texts without a mark."""
    plugin = plugin_of(kind)
    for pattern in plugin.denylist:

        @given(st.from_regex(pattern, fullmatch=True, alphabet=PRINTABLE))
        @settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
        def holds(text: str) -> None:
            if any(plugin.analyze_string(text)):
                for before in range(33):
                    places = MARKS.places(b"." * before + text.encode())
                    assert kind in {KINDS[mark] for _, mark in places}

        holds()
