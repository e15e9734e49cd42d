"""The result of an extraction."""

from __future__ import annotations

from msgspec import Struct, field

from layerscope.text import count_of, size

LISTED = 100
"""Maximum number of paths with a reason; further ones are only counted."""


class Extracted(Struct):
    """The result of an extraction: counts, and the paths that could not be written."""

    files: int = 0
    """Regular files, counting every hard link."""
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
    """Paths that the filesystem refuses, or that have nothing to write."""
    unreadable: int = 0
    """Files whose content could not be read completely."""
    reasons: list[tuple[int, str]] = field(default_factory=list)
    """Path and reason for skipped and unreadable paths, at most `LISTED`."""

    def skip(self, path: int, why: str, count: int = 1) -> None:
        """Record that a path, and `count - 1` paths below it, cannot be written."""
        self.skipped += count
        self._add_reason(path, why)

    def cannot_read(self, path: int, why: str) -> None:
        """Record that the content of a path cannot be read."""
        self.unreadable += 1
        self._add_reason(path, why)

    def written(self) -> str:
        """What was written, for people: `2 files, 1 symlink, 3 B`."""
        links = [count_of(self.links, "symlink")] if self.links else []
        return ", ".join([count_of(self.files, "file"), *links, size(self.bytes)])

    def notes(self) -> list[str]:
        """Phrases about everything that was left out, without names from the image."""
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
