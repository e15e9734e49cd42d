"""What a report complains of, for formats that other programs show line by line: SARIF, JUnit, annotations.

All texts are safe to show; each format adds the escapes of its own syntax.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from layerscope.analysis.findings.finding import Finding, Severity
from layerscope.analysis.gate.verdict import Check, Offender, Outcome, Verdict
from layerscope.opening import Opened
from layerscope.report.rows import lines_of, place_words, safe_path, visible_end
from layerscope.text import safe_lines, safe_name, size

PATHS = 10
"""Paths of an issue that are named."""
_LINES = 60
_LINE = 2000
"""Lines of a fix that are quoted, and characters of a line."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One complaint."""

    rule: str
    level: Severity
    title: str
    """In a few words."""
    place: str
    """Step and line, in words; empty where it is the whole image."""
    text: str
    """Sentences, each ended by a full stop."""
    fix: str
    """Dockerfile text of several lines; empty if there is none."""
    lines: tuple[int, int] | None
    """First and last line of the Dockerfile, counted from 1; None if it has none, or none was given."""
    bytes: int | None
    paths: tuple[str, ...]
    """At most `PATHS`."""
    path_count: int
    steps: tuple[int, ...]
    fingerprint: str
    """The same in the next build, as long as the rule and the instruction are."""
    finding: Finding | None = None

    @property
    def details(self) -> str:
        """All of it in lines: what, where, how to mend it."""
        parts = [self.text]
        if self.paths:
            more = self.path_count - len(self.paths)
            parts += [*self.paths, *([f"… and {more:,} more"] if more else [])]
        if self.fix:
            parts += ["", "Fix:", self.fix]
        return "\n".join(parts)


def issues_of(opened: Opened, *, binary: bool = False) -> list[Issue]:
    """The findings, most bytes first."""
    findings = () if opened.findings is None else opened.findings.found
    return _numbered(_of_finding(opened, finding, binary) for finding in findings)


def issues_of_verdict(opened: Opened, verdict: Verdict, *, binary: bool = False) -> list[Issue]:
    """What the checks complain of that failed or warn: each finding, and each other check as a whole."""
    return _numbered(
        issue
        for check in verdict.checks
        if check.outcome in (Outcome.FAIL, Outcome.WARN)
        for issue in _of_check(opened, check, binary)
    )


def _of_finding(
    opened: Opened, finding: Finding, binary: bool, level: Severity | None = None, said: str = ""
) -> Issue:
    saved = f"{size(finding.bytes, binary=binary)}. " if finding.bytes else ""
    return Issue(
        rule=finding.rule,
        level=level or finding.severity,
        title=safe_name(finding.title),
        place=place_words(opened, finding),
        text=f"{said}{saved}{safe_name(finding.why)}",
        fix=fix_text(finding.fix),
        lines=lines_of(opened, finding),
        bytes=finding.bytes,
        paths=tuple(safe_path(opened, path) for path in finding.paths[:PATHS].tolist()),
        path_count=len(finding.paths),
        steps=finding.steps,
        fingerprint=_instructions(opened, finding.steps[:1]),
        finding=finding,
    )


def _of_check(opened: Opened, check: Check, binary: bool) -> Iterator[Issue]:
    """The findings that a check complains of; the check itself if those are not its only offenders."""
    level = level_of(check)
    found = [each.finding for each in check.offenders if each.finding is not None]
    if found and len(found) == check.offender_count:
        for finding in found:
            yield _of_finding(opened, finding, binary, level)
        return
    steps = tuple(dict.fromkeys(each.step for each in check.offenders if each.step is not None))
    paths = [offender_words(each, binary=binary) for each in check.offenders[:PATHS]]
    yield Issue(
        rule=check.rule,
        level=level,
        title=safe_name(check.title),
        place="",
        text=safe_name(check.message),
        fix="",
        lines=None if opened.written is None else opened.written.of_steps(steps[:1]),
        bytes=None,
        paths=tuple(words for words in paths if words),
        path_count=check.offender_count,
        steps=steps,
        fingerprint="",
    )


def level_of(check: Check) -> Severity:
    """How loud a check is that is not met."""
    return Severity.ERROR if check.outcome is Outcome.FAIL else Severity.WARNING


def offender_words(offender: Offender, *, binary: bool = False) -> str:
    """An offender in one line: size, path, step, what is wrong with it."""
    words = []
    if offender.bytes is not None:
        words.append(size(offender.bytes, binary=binary))
    if offender.path is not None:
        words.append(visible_end(safe_name(offender.path)))
    elif offender.finding is not None:
        words.append(safe_name(offender.finding.title))
    if offender.step is not None:
        words.append(f"step {offender.step}")
    if offender.note:
        words.append(offender.note)
    return "  ".join(words)


def fix_text(fix: str) -> str:
    """The lines of a fix, safe to show; endless ones are cut."""
    lines = safe_lines(fix).split("\n")
    shown = [line if len(line) <= _LINE else line[: _LINE - 1] + "…" for line in lines[:_LINES]]
    more = len(lines) - len(shown)
    return "\n".join([*shown, f"# … {more:,} more lines"] if more else shown)


def _instructions(opened: Opened, steps: Iterable[int]) -> str:
    known = opened.image.steps
    return "\n".join(known[step].created_by or "" for step in steps if step < len(known))


def _numbered(issues: Iterable[Issue]) -> list[Issue]:
    """Issues with fingerprints that differ: of those that are alike, by their order."""
    from dataclasses import replace

    seen: Counter[str] = Counter()
    found = []
    for issue in issues:
        text = f"{issue.rule}\n{issue.fingerprint}".encode(errors="surrogatepass")
        digest = hashlib.sha256(text).hexdigest()[:32]
        seen[digest] += 1
        found.append(replace(issue, fingerprint=f"{digest}:{seen[digest]}"))
    return found


def dockerfile_path(opened: Opened) -> str | None:
    """The Dockerfile as a repository names it: from the working folder if it lies below; None if none was given."""
    if opened.written is None:
        return None
    path = Path(opened.written.name)
    here = Path.cwd()
    if path.is_absolute() and path.is_relative_to(here):
        path = path.relative_to(here)
    return path.as_posix()
