"""What an extraction did."""

from __future__ import annotations

from dataclasses import dataclass, field

from layerscope.text import count_of, size

LISTED = 100
"""Paths that are told of by name; of more only the number is known."""


@dataclass(slots=True)
class Extracted:
    """What an extraction did."""

    files: int = 0
    """Names of regular files, each hard link one."""
    directories: int = 0
    links: int = 0
    """Symbolic links."""
    bytes: int = 0
    """Content bytes written."""
    left_out: int = 0
    """Device nodes and named pipes."""
    without_bits: int = 0
    """Files and directories that lost a setuid or setgid bit."""
    skipped: int = 0
    """Paths that the filesystem refuses, or that hold nothing to write."""
    unreadable: int = 0
    """Files whose content could not be read whole."""
    reasons: list[tuple[int, str]] = field(default_factory=list)
    """Path and reason of what was skipped or unreadable, `LISTED` at most."""

    def skip(self, path: int, why: str, count: int = 1) -> None:
        """A path, and `count - 1` below it, cannot be written."""
        self.skipped += count
        self._add_reason(path, why)

    def cannot_read(self, path: int, why: str) -> None:
        """A content is damaged."""
        self.unreadable += 1
        self._add_reason(path, why)

    def written(self) -> str:
        """What was written, for people: `2 files, 1 symlink, 3 B`."""
        links = [count_of(self.links, "symlink")] if self.links else []
        return ", ".join([count_of(self.files, "file"), *links, size(self.bytes)])

    def notes(self) -> list[str]:
        """What was done besides what was asked for, a phrase each, without names from the image."""
        counts = {
            "setuid and setgid bits not kept": self.without_bits,
            "device nodes and pipes left out": self.left_out,
            "paths skipped": self.skipped,
            "files unreadable": self.unreadable,
        }
        return [f"{phrase}: {count:,}" for phrase, count in counts.items() if count]

    def _add_reason(self, path: int, why: str) -> None:
        if len(self.reasons) < LISTED:
            self.reasons.append((path, why))
