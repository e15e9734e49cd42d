"""Findings as issues, for formats that other programs show line by line: SARIF, JUnit, annotations.

All texts are safe to show; each format adds the escapes of its own syntax.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from layerscope.analysis.findings.finding import Finding
from layerscope.opening.opened import Opened
from layerscope.report.rows import lines_of, place_words, safe_path
from layerscope.text import safe_lines, safe_name, size
from layerscope.words import Severity

PATHS = 10
"""Paths that an issue lists."""
_FIX = 60_000
"""Maximum characters of a fix; no real one is longer."""


class Issue(Struct, frozen=True):
    """A finding, or a failed check of a gate."""

    rule: str
    level: Severity
    title: str
    """A short title."""
    place: str
    """Step and line, in words; empty for the whole image."""
    text: str
    """Sentences, each ended by a full stop."""
    fix: str
    """Dockerfile text of several lines; empty if there is none."""
    lines: tuple[int, int] | None
    """First and last line in the Dockerfile, from 1; None without a Dockerfile or a matching line."""
    bytes: int | None
    paths: tuple[str, ...]
    """At most `PATHS`."""
    path_count: int
    steps: tuple[int, ...]
    fingerprint: str
    """Stays the same across builds while rule and instruction do."""
    finding: Finding | None = None
    difference: str = ""
    """The fix as a diff of the Dockerfile; empty if the fix is described in words."""
    notes: tuple[str, ...] = ()
    """Comments of the fix that the diff does not show."""

    @property
    def details(self) -> str:
        """Text, paths and fix, line by line."""
        parts = [self.text]
        if self.paths:
            more = self.path_count - len(self.paths)
            parts += [*self.paths, *([f"… and {more:,} more"] if more else [])]
        if self.fix:
            parts += ["", "Fix:", self.fix]
        return "\n".join(parts)


def issues_of(opened: Opened, *, binary: bool = False) -> list[Issue]:
    """The findings, in the order in which to fix them."""
    findings = () if opened.findings is None else opened.findings.to_fix
    return with_unique_fingerprints(
        issue_of(opened, finding, binary=binary) for finding in findings
    )


def issue_of(
    opened: Opened, finding: Finding, *, binary: bool = False, level: Severity | None = None
) -> Issue:
    """The issue of a finding; `level` overrides its severity."""
    saved = f"{size(finding.bytes, binary=binary)}. " if finding.bytes else ""
    return Issue(
        rule=finding.rule,
        level=level or finding.severity,
        title=safe_name(finding.title),
        place=place_words(opened, finding),
        text=f"{saved}{safe_name(finding.why)}",
        fix=fix_text(finding.fix),
        difference=fix_text(finding.difference),
        notes=tuple(map(fix_text, finding.notes)),
        lines=lines_of(opened, finding.steps),
        bytes=finding.bytes,
        paths=tuple(safe_path(opened, path) for path in finding.paths[:PATHS].tolist()),
        path_count=len(finding.paths),
        steps=finding.steps,
        fingerprint=_instructions(opened, finding.steps[:1]),
        finding=finding,
    )


def fix_text(fix: str) -> str:
    """The lines of a fix, safe to show; cut if hostile input made it too long."""
    # Keep tabs: lines of `<<-` here-documents, and their delimiters, begin with them.
    text = safe_lines(fix, tabs="<<-" in fix)
    return (
        text if len(text) <= _FIX else f"{text[:_FIX]}…\n# … {len(text) - _FIX:,} more characters"
    )


def _instructions(opened: Opened, steps: Iterable[int]) -> str:
    all_steps = opened.image.steps
    return "\n".join(all_steps[step].created_by or "" for step in steps if step < len(all_steps))


def with_unique_fingerprints(issues: Iterable[Issue]) -> list[Issue]:
    """Issues with unique fingerprints: equal ones are numbered in order."""
    counts: Counter[str] = Counter()
    unique = []
    for issue in issues:
        text = f"{issue.rule}\n{issue.fingerprint}".encode(errors="surrogatepass")
        digest = hashlib.sha256(text).hexdigest()[:32]
        counts[digest] += 1
        unique.append(replace(issue, fingerprint=f"{digest}:{counts[digest]}"))
    return unique


def dockerfile_path(opened: Opened) -> str | None:
    """The path of the Dockerfile, relative to the working directory if it is below it; None if none was given."""
    if opened.dockerfile_lines is None:
        return None
    path = Path(opened.dockerfile_lines.name)
    here = Path.cwd()
    if path.is_absolute() and path.is_relative_to(here):
        path = path.relative_to(here)
    return path.as_posix()
