"""What differs between two images, as rows that all formats share. All texts are safe to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from layerscope.analysis.compare.comparison import Comparison
from layerscope.analysis.compare.config import ConfigDifference, shown_value
from layerscope.analysis.compare.directories import DirectoryChange
from layerscope.analysis.compare.packages import PackageChange
from layerscope.analysis.compare.risks import privileges_counted
from layerscope.analysis.compare.steps import StepChange, StepPair
from layerscope.analysis.headline import BETWEEN, Role
from layerscope.filesystem.inodes import Inodes, Why
from layerscope.filesystem.paths import PathTable
from layerscope.image.summary import one_line
from layerscope.layers.index import KIND_NAMES, Kind
from layerscope.opening.opened import Opened
from layerscope.report.console import signed
from layerscope.report.diff_schema import blob_bytes, stored_bytes
from layerscope.report.rows import place_words, safe_path, shown_path
from layerscope.text import clip, count_of, safe_name, size
from layerscope.words import CHANGES, Change

_TARGET = 40
"""Columns that link targets are clipped to."""
_FIELDS = {
    "workingDir": "workdir",
    "labels": "label",
    "exposedPorts": "port",
    "volumes": "volume",
}
"""Config fields that have a different name in a Dockerfile."""

STEP_GLYPHS = {
    StepChange.ADDED: Change.ADDED.glyph,
    StepChange.REMOVED: Change.REMOVED.glyph,
    StepChange.CHANGED: Change.MODIFIED.glyph,
    StepChange.REBUILT: "·",
}
"""Glyphs of the steps that are listed."""


def directory_name(table: PathTable, group: DirectoryChange, count: int) -> str:
    """The directory of one of `count` groups; "elsewhere" for the group of the root, unless it is the only one."""
    if group.path == 0 and count > 1:
        return "elsewhere"
    return shown_path(table.full(group.path))


class SecretRow(NamedTuple):
    """A secret that only the new image has."""

    title: str
    path: str
    """Empty if it is in no file."""
    place: str


def secret_rows(new: Opened, comparison: Comparison) -> list[SecretRow]:
    """All new secrets; empty if they were not searched for."""
    return [
        SecretRow(
            safe_name(secret.finding.title),
            "" if secret.path is None else safe_path(new, secret.path),
            place_words(new, secret.finding),
        )
        for secret in comparison.secrets or ()
    ]


class PrivilegeRow(NamedTuple):
    """A file with new setuid or setgid bits."""

    bits: str
    path: str
    details: str
    """Mode, owner and the layer that stores it."""


def privilege_rows(new: Opened, comparison: Comparison) -> list[PrivilegeRow]:
    """All files with new setuid or setgid bits."""
    table, inodes = comparison.files.table, new.filesystem.inodes
    columns = inodes.columns
    return [
        PrivilegeRow(
            each.word,
            shown_path(table.full(each.path)),
            f"mode {columns.modes[each.inode]:04o}, owner {columns.uids[each.inode]}:{columns.gids[each.inode]}, "
            f"layer {inodes.layer(each.inode)}",
        )
        for each in comparison.privileges
    ]


class StepRow(NamedTuple):
    """A step that differs."""

    change: StepChange
    growth: int
    place: str
    text: str
    old_text: str
    """The old instruction; empty if it is the same."""


def step_rows(comparison: Comparison) -> Iterator[StepRow]:
    """The steps that differ, in the order of the new image."""
    for pair in comparison.steps:
        if pair.change is not StepChange.SAME:
            text, *old_text = _instructions(pair)
            growth = pair.new_bytes - pair.old_bytes
            yield StepRow(pair.change, growth, _place(pair), text, *(old_text or [""]))


def changed_steps(comparison: Comparison) -> list[StepPair]:
    """The steps that differ in more than their digest."""
    unlisted = (StepChange.SAME, StepChange.REBUILT)
    return [pair for pair in comparison.steps if pair.change not in unlisted]


def _place(pair: StepPair) -> str:
    """The layers of a pair of steps: 3, 3 → 4, or · for a step without a layer."""
    numbers = [
        "·" if step.layer is None else str(step.layer) for step in (pair.old, pair.new) if step
    ]
    return " → ".join(dict.fromkeys(numbers))


def _instructions(pair: StepPair) -> Iterator[str]:
    """The instruction of a step, and the old one if it changed."""
    lines = [safe_name(one_line(step)) for step in (pair.new, pair.old) if step is not None]
    yield from dict.fromkeys(lines)


class PackageRow(NamedTuple):
    """A package that was added, removed or changed version."""

    change: Change
    growth: int
    name: str
    versions: str
    kind: str


def package_row(change: PackageChange) -> PackageRow:
    """The row of a package."""
    kind = Change.ADDED if not change.old else Change.MODIFIED if change.new else Change.REMOVED
    versions = [safe_name(side.version) for side in (change.old, change.new) if side]
    return PackageRow(
        kind, change.growth, safe_name(change.name), " → ".join(versions), change.kind
    )


class ConfigRow(NamedTuple):
    """A setting that differs."""

    change: Change
    field: str
    name: str
    """Which variable, label, port or volume; empty for settings with a single value."""
    values: list[str]
    """Old and new value; a value that is not set is left out."""


def config_row(difference: ConfigDifference) -> ConfigRow:
    """The row of a setting; secrets are masked."""
    kind = (
        Change.REMOVED
        if difference.new is None
        else Change.ADDED
        if difference.old is None
        else Change.MODIFIED
    )
    name = "" if difference.name is None else safe_name(difference.name)
    values = [
        shown_value(difference.name, value) for value in (difference.old, difference.new) if value
    ]
    return ConfigRow(kind, _FIELDS.get(difference.field, difference.field), name, values)


def counts_words(counts: Mapping[Change, int]) -> str:
    """+12 ~3 ±1 -4"""
    return " ".join(f"{change.glyph}{counts[change]:,}" for change in CHANGES if counts[change])


def differences(
    old_inodes: Inodes, new_inodes: Inodes, old: int, new: int, why: int, binary: bool
) -> Iterator[str]:
    """The differences of a path other than its size."""
    if old < 0 or new < 0:
        inodes, inode = (old_inodes, old) if new < 0 else (new_inodes, new)
        kind = Kind(int(inodes.columns.kinds[inode]))
        if kind is not Kind.FILE:
            yield KIND_NAMES[kind]
        return
    before, after = old_inodes.columns, new_inodes.columns
    if why & Why.TYPE:
        kinds = [
            Kind(int(columns.kinds[inode])) for columns, inode in ((before, old), (after, new))
        ]
        yield " → ".join(KIND_NAMES[kind] for kind in kinds)
    if why & Why.CONTENT:
        sizes = int(before.stored[old]), int(after.stored[new])
        yield "content " + " → ".join(size(count, binary=binary) for count in dict.fromkeys(sizes))
    if why & Why.TARGET:
        targets = old_inodes.links[int(before.links[old])], new_inodes.links[int(after.links[new])]
        yield "target " + " → ".join(clip(safe_name(target), _TARGET) for target in targets)
    if why & Why.DEVICE:
        yield "device numbers"
    if why & Why.MODE:
        yield f"mode {before.modes[old]:04o} → {after.modes[new]:04o}"
    if why & Why.OWNER:
        yield f"owner {before.uids[old]}:{before.gids[old]} → {after.uids[new]}:{after.gids[new]}"
    if why & Why.MTIME:
        yield "mtime"
    if why & Why.XATTRS:
        yield "xattrs"


class PathRow(NamedTuple):
    """A path that differs."""

    change: Change
    growth: int
    path: str
    differences: str
    """What differs besides the size."""


def largest_rows(
    old: Opened, new: Opened, comparison: Comparison, limit: int, *, binary: bool
) -> Iterator[PathRow]:
    """The paths with the largest differences, largest first."""
    changes = comparison.files
    old_inodes, new_inodes = old.filesystem.inodes, new.filesystem.inodes
    rows = changes.largest(limit)
    columns = (changes.paths, changes.kinds, changes.why, changes.old, changes.new)
    for path, change, why, before, after in zip(
        *(column[rows].tolist() for column in columns), strict=True
    ):
        yield PathRow(
            Change(change),
            int(changes.growth[path]),
            shown_path(changes.table.full(path)),
            " · ".join(differences(old_inodes, new_inodes, before, after, why, binary)),
        )


def verdict(comparison: Comparison) -> str:
    """The result in one line."""
    counts = [(len(comparison.files), "path")]
    if not comparison.only:
        counts += [(len(changed_steps(comparison)), "step"), (len(comparison.config), "setting")]
    words = [count_of(count, word) for count, word in counts if count]
    rebuilt = any(pair.change is StepChange.REBUILT for pair in comparison.steps)
    if words:
        return f"Differences: {', '.join(words)}."
    if comparison.differ:
        return "Only layer digests differ."
    if comparison.only:
        return "No differences in these paths."
    if rebuilt:
        return "No differences except layer digests (file times); use --mtime to compare times."
    return "No differences."


def headline_parts(
    old: Opened, new: Opened, comparison: Comparison, *, binary: bool
) -> list[tuple[str, Role]]:
    """The parts of the headline: growth of stored and avoidable bytes, new secrets, new setuid files."""
    parts = [
        (_amount_words(old.accounting.stored, new.accounting.stored, "stored", binary), Role.STORED)
    ]
    if old.findings is not None and new.findings is not None:
        amounts = old.findings.saving(), new.findings.saving()
        if any(amounts):
            role = Role.AVOIDABLE if amounts[1] > amounts[0] else Role.BASE
            parts.append((_amount_words(*amounts, "avoidable", binary), role))
    if comparison.secrets:
        parts.append((count_of(len(comparison.secrets), "new secret"), Role.RISK))
    if comparison.privileges:
        parts.append((privileges_counted(comparison.privileges), Role.RISK))
    return parts


def headline_text(old: Opened, new: Opened, comparison: Comparison, *, binary: bool) -> str:
    """The headline in one line."""
    return BETWEEN.join(text for text, _ in headline_parts(old, new, comparison, binary=binary))


def _amount_words(before: int, after: int, word: str, binary: bool) -> str:
    growth = signed(after - before, binary=binary) if after != before else "no change"
    return f"{size(after, binary=binary)} {word} ({growth})"


def upgrade_words(new: Opened, comparison: Comparison, *, binary: bool) -> str:
    """What a host with the old image fetches to upgrade to the new one."""
    layers = comparison.layers
    if not layers.fetched:
        return "Upgrading from the old image fetches no layers."
    content = size(stored_bytes(new, layers.fetched), binary=binary)
    blobs = blob_bytes(new, layers.fetched)
    compressed = f"{size(blobs, binary=binary)} compressed, " if blobs is not None else ""
    return f"Upgrading from the old image fetches {count_of(len(layers.fetched), 'layer')}: {compressed}{content} of content."
