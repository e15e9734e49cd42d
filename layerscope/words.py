"""The vocabulary that code, JSON, reports and screens share: each value with its JSON name, glyph and word for people.

An enum's value, or `json_name`, is its name in JSON; it never changes. `word` is what people read. No code compares words.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Change(IntEnum):
    """What a layer does to a path. The numbers are those of the columns that hold changes."""

    UNCHANGED = 0
    """The layer has an entry for the path, and nothing differs."""
    ADDED = 1
    MODIFIED = 2
    """Type, content, link target or device numbers differ."""
    METADATA = 3
    """Only attributes differ."""
    REMOVED = 4

    @property
    def json_name(self) -> str:
        """Its name in JSON and in filters."""
        return self.name.lower()

    @property
    def glyph(self) -> str:
        """One character, legible without colours."""
        return _CHANGES[self][0]

    @property
    def word(self) -> str:
        """What people read."""
        return _CHANGES[self][1]


_CHANGES = {
    Change.UNCHANGED: ("=", "unchanged"),
    Change.ADDED: ("+", "added"),
    Change.MODIFIED: ("~", "modified"),
    Change.METADATA: ("±", "metadata"),
    Change.REMOVED: ("-", "deleted"),
}

CHANGES = (Change.ADDED, Change.MODIFIED, Change.METADATA, Change.REMOVED)
"""Changes that make a difference, in the order in which they are listed."""


class Reason(StrEnum):
    """Why stored bytes are no longer visible in the final image."""

    DELETED = "deleted"
    TYPE_CHANGED = "type-changed"
    OVERWRITTEN = "overwritten"
    """By a file with other content."""
    METADATA_ONLY = "metadata-only"
    """By the same content with other attributes."""
    IDENTICAL = "identical"
    """By the same content with the same attributes."""

    @property
    def word(self) -> str:
        """What people read."""
        return _REASONS[self][0]

    @property
    def sentence(self) -> str:
        """How bytes come to be wasted for this reason, without a full stop."""
        return _REASONS[self][1]


_REASONS = {
    Reason.DELETED: (
        "deleted",
        "a later layer deletes these files, but the layer that added them still stores them",
    ),
    Reason.TYPE_CHANGED: (
        "type changed",
        "a later layer replaces these files with something that is not a regular file",
    ),
    Reason.OVERWRITTEN: ("overwritten", "a later layer stores new content for these files"),
    Reason.METADATA_ONLY: (
        "chown/chmod copy",
        "a later layer changed only owner, mode, time or xattrs, and stored the files again",
    ),
    Reason.IDENTICAL: (
        "identical rewrite",
        "a later layer stores these files again without any difference",
    ),
}

REASONS = tuple(Reason)
"""All reasons; columns hold indices into it."""


class StepKind(StrEnum):
    """What a step does."""

    METADATA = "metadata"
    """A history entry without a layer: only the config changes."""
    EMPTY = "empty"
    """A layer without entries."""
    FILES = "files"
    """Something is added, modified or removed."""
    ATTRIBUTES = "attributes"
    """Only attributes change: chmod, chown, touch, setcap."""
    UNCHANGED = "unchanged"
    """Entries that change nothing."""

    @property
    def word(self) -> str:
        """What people read."""
        return _STEP_KINDS[self]


_STEP_KINDS = {
    StepKind.METADATA: "metadata",
    StepKind.EMPTY: "empty layer",
    StepKind.FILES: "files",
    StepKind.ATTRIBUTES: "attributes only",
    StepKind.UNCHANGED: "no changes",
}


class Severity(StrEnum):
    """How much a finding matters if it is right, most severe first; the values are SARIF's levels."""

    ERROR = "error"
    """A secret that anyone who can pull the image can read."""
    WARNING = "warning"
    """Bytes that no container of the image reads; something that is probably not a secret."""
    NOTE = "note"
    """Bytes that some containers read, depending on what they run; anything that costs next to nothing."""

    def at(self, confidence: Confidence) -> Severity:
        """The severity of a finding with this confidence: one step lower if it is low."""
        if confidence is not Confidence.LOW:
            return self
        return Severity.WARNING if self is Severity.ERROR else Severity.NOTE

    @property
    def glyph(self) -> str:
        """One character, legible without colours."""
        return _SEVERITIES[self][0]

    @property
    def word(self) -> str:
        """What people read above the findings of this severity."""
        return _SEVERITIES[self][1]

    @property
    def sentence(self) -> str:
        """What findings of this severity have in common, without a full stop."""
        return _SEVERITIES[self][2]


_SEVERITIES = {
    Severity.ERROR: ("‼", "critical", "readable by anyone who can pull the image"),
    Severity.WARNING: ("!", "avoidable", "bytes that the image does not need"),
    Severity.NOTE: (
        "·",
        "possible",
        "bytes that the image may not need, depending on what it runs",
    ),
}


class Confidence(StrEnum):
    """How certain it is that a finding is right: that the image does not need the bytes, or that it is a secret."""

    HIGH = "high"
    """Content, format, or a place where only one program puts it leaves no doubt."""
    MEDIUM = "medium"
    """Name or place suggests it, and nothing in the image contradicts it."""
    LOW = "low"
    """A hint: something in the image contradicts it, or most images have it for a reason."""


class DigestState(StrEnum):
    """What is known about the digests of a layer, or of all layers of an image."""

    OK = "ok"
    UNCHECKED = "unchecked"
    MISMATCH = "mismatch"
    DAMAGED = "damaged"
    """The layer could not be read completely."""
    NONE = "none"
    """There is no claimed digest to check."""

    @property
    def bad(self) -> bool:
        """Whether the layers cannot be trusted."""
        return self in (DigestState.MISMATCH, DigestState.DAMAGED)

    @property
    def word(self) -> str:
        """What people read."""
        return _DIGEST_STATES[self][0]

    @property
    def short(self) -> str:
        """Short forms for narrow columns."""
        return _DIGEST_STATES[self][1]


_DIGEST_STATES = {
    DigestState.OK: ("digests ok", "ok"),
    DigestState.UNCHECKED: ("digests not checked", "unchecked"),
    DigestState.MISMATCH: ("digest MISMATCH", "MISMATCH"),
    DigestState.DAMAGED: ("DAMAGED", "DAMAGED"),
    DigestState.NONE: ("no digests", "no digests"),
}


class Extent(StrEnum):
    """What an index was made from, as JSON names it."""

    READ = "read"
    """The layer itself, as far as it can be read."""
    LISTED = "listed"
    """Its table of contents, whose digest is in the manifest; the layer was not read."""
    UNKNOWN = "unknown"
    """Nothing: the layer was not read, and has no such table."""


class Cause(StrEnum):
    """Why users of one release fetch a layer again for the next."""

    INSTRUCTION = "instruction"
    """The instruction, or a build argument that it sees, changed; or the step was added or removed."""
    FILES = "copied-files"
    """The instruction copies other files than before: their content, type, mode or owner differ."""
    TIMESTAMPS = "timestamps"
    """Nothing differs but times, or the form of the tar."""
    BASE = "base-image"
    """The base image changed."""
    NOT_REPRODUCIBLE = "not-reproducible"
    """The same instruction with the same input gave another result."""

    @property
    def word(self) -> str:
        """What people read."""
        return _CAUSES[self]


_CAUSES = {
    Cause.INSTRUCTION: "instruction changed",
    Cause.FILES: "copied files changed",
    Cause.TIMESTAMPS: "only times changed",
    Cause.BASE: "base image updated",
    Cause.NOT_REPRODUCIBLE: "not reproducible",
}


class ReleaseOrder(StrEnum):
    """What orders the releases of a series."""

    GIVEN = "given"
    """The command line."""
    CREATED = "created"
    """The dates in their configs."""
    VERSION = "version"
    """Their names: numbers in them count as numbers."""

    @property
    def word(self) -> str:
        """What people read after the number of releases."""
        return _RELEASE_ORDERS[self]


_RELEASE_ORDERS = {
    ReleaseOrder.GIVEN: "in the order given",
    ReleaseOrder.CREATED: "ordered by creation date",
    ReleaseOrder.VERSION: "ordered by version",
}
