"""New risks in an image: secrets, and setuid and setgid files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.compare.files import FileChanges
from layerscope.analysis.compare.side import Side
from layerscope.layers.index import Columns, Kind
from layerscope.text import count_of

if TYPE_CHECKING:
    from layerscope.analysis.findings.finding import Finding

SETUID, SETGID = 0o4000, 0o2000


class NewSecret(Struct, frozen=True):
    """A secret that only the new image has, in any layer."""

    finding: Finding
    """The finding of the new image that names it."""
    path: int | None
    """Its file, in the table of the new image; None if it is in the history or the config."""


class NewPrivilege(Struct, frozen=True):
    """A file of the final image with setuid or setgid bits that it did not have in the old image."""

    path: int
    """Path in the common table."""
    inode: int
    """Inode of the new image."""
    bits: int
    """The new ones of `SETUID` and `SETGID`."""

    @property
    def word(self) -> str:
        """The bits in words."""
        names = [name for bit, name in ((SETUID, "setuid"), (SETGID, "setgid")) if self.bits & bit]
        return " and ".join(names)


def privileges_counted(privileges: Sequence[NewPrivilege]) -> str:
    """The number of new files in words: `8 new setuid and 3 new setgid files`; a file with both bits counts as setuid."""
    setuid = sum(bool(each.bits & SETUID) for each in privileges)
    setgid = len(privileges) - setuid
    if not setuid or not setgid:
        return count_of(len(privileges), f"new {'setgid' if setgid else 'setuid'} file")
    return f"{setuid:,} new setuid and {count_of(setgid, 'new setgid file')}"


SecretKey = tuple[str, bytes]


def secret_keys(side: Side, finding: Finding) -> Iterator[tuple[SecretKey, int | None]]:
    """What identifies the secrets of a finding: the rule with the path, or without a file the title; each with its path."""
    if not len(finding.paths):
        yield (finding.rule, finding.title.encode(errors="surrogateescape")), None
    names = side.filesystem.table.full_paths(finding.paths)
    for name, path in zip(names, finding.paths.tolist(), strict=True):
        yield (finding.rule, name), path


def new_secrets(old: Side, new: Side) -> list[NewSecret] | None:
    """All new secrets, in the order of the findings; None unless both images were searched."""
    if old.findings is None or new.findings is None:
        return None
    known = {
        key
        for finding in old.findings.found
        if finding.secret
        for key, _ in secret_keys(old, finding)
    }
    return [
        NewSecret(finding, path)
        for finding in new.findings.to_fix
        if finding.secret
        for key, path in secret_keys(new, finding)
        if key not in known
    ]


def new_privileges(old: Side, new: Side, changes: FileChanges) -> list[NewPrivilege]:
    """All files with new setuid or setgid bits among the paths that differ, in path order."""
    old_columns, new_columns = old.filesystem.inodes.columns, new.filesystem.inodes.columns

    def bits(columns: Columns, inodes: NDArray[np.int32]) -> NDArray[np.int64]:
        files = (inodes >= 0) & (columns.kinds[inodes] == Kind.FILE)
        modes = columns.modes[inodes].astype(np.int64)
        return np.where(files, modes & (SETUID | SETGID), 0)

    gained = bits(new_columns, changes.new) & ~bits(old_columns, changes.old)
    rows = np.flatnonzero(gained)
    return [
        NewPrivilege(path, inode, bits)
        for path, inode, bits in zip(
            changes.paths[rows].tolist(),
            changes.new[rows].tolist(),
            gained[rows].tolist(),
            strict=True,
        )
    ]
