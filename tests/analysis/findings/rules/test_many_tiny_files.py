"""Layers with very many tiny files."""

from __future__ import annotations

from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of
from tests.images import Member, file

RULE = "many-tiny-files"


def tiny(count: int, size: int) -> list[Member]:
    """This many files of this many bytes each, with different contents."""
    return [file(f"n/{number}", str(number).encode().zfill(size)) for number in range(count)]


def test_headers_and_padding_are_reported_without_a_saving() -> None:
    """Headers, padding after each file, and the end of the tar are not content, so the finding has 0 bytes."""
    opened = opened_of([("RUN /bin/sh -c npm ci # buildkit", tiny(20_000, 12))], RULE, None)
    findings = findings_of(opened)
    (finding,) = [found for found in findings.found if found.rule == RULE]
    assert (finding.bytes, finding.layers) == (0, (0,))
    assert finding.title.endswith(": 20.2 MB against 240 kB")
    assert finding.severity == "note"
    assert findings.saving() == 0
    assert finding.fix.endswith("\nRUN npm ci")
    assert "20,000 entries" in finding.why


def test_fewer_and_larger_files_are_not_reported() -> None:
    """Near misses have less overhead than content, or fewer than twenty thousand files."""
    assert findings_by([("RUN /bin/sh -c npm ci # buildkit", tiny(19_999, 12))], RULE) == []
    assert findings_by([("RUN /bin/sh -c npm ci # buildkit", tiny(20_000, 1000))], RULE) == []
