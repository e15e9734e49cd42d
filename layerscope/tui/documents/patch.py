"""A patch as rows: the changes of each file, then the findings that it leaves out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from layerscope import text
from layerscope.analysis.findings.finding import Finding
from layerscope.image.secret_spans import masked
from layerscope.report.patch import FileChange, Patch, hunks
from layerscope.tui.documents.base import Piece, clipped, matching_rows

_SIZE = 9
_STYLES = {"-": "removed", "+": "added", "@": "metadata", "\\": "quiet"}
"""Styles of lines by their first character."""


class PatchDocument(Struct, frozen=True):
    """Rows of a patch."""

    rows: tuple[Piece, ...]

    @classmethod
    def of(cls, patch: Patch, found: Sequence[Finding]) -> PatchDocument:
        """`found` are all findings of the image. Secrets are masked."""
        rows: list[Piece] = []
        for change in patch.files:
            rows += [("", "")] if rows else []
            new = " · new file" if change.old is None else ""
            rows.append((f"{text.safe_name(str(change.path))}{new}", "strong"))
            rows += (_row(line) for line in hunks(_masked(change)))
        if patch.plan.left_out:
            rows += [("", "")] if rows else []
            rows.append(
                (f"Left out: {text.count_of(len(patch.plan.left_out), 'finding')}", "strong")
            )
        for left in patch.plan.left_out:
            finding = found[left.number]
            rows.append((f"{text.size(finding.bytes):>{_SIZE}}  {finding.title}", ""))
            rows.append((f"{'':>{_SIZE}}  {left.why}", "quiet"))
        return cls(tuple(rows))

    def __len__(self) -> int:
        return len(self.rows)

    def label(self, row: int) -> str:
        return ""

    def pieces(self, row: int) -> list[Piece]:
        line, style = self.rows[row]
        return [(clipped(line), style)]

    def matching(self, pattern: re.Pattern[str], cancelled: Callable[[], bool]) -> list[int]:
        return matching_rows(self, pattern, cancelled)


def _row(line: str) -> Piece:
    style = _STYLES.get(line[:1], "")
    return (line if line[:1] in "@\\" else f"{line[:1]} {line[1:]}", style)


def _masked(change: FileChange) -> FileChange:
    return replace(
        change,
        old=None if change.old is None else masked(change.old),
        new=masked(change.new),
    )
