"""Parts of an image as the JSON report has them: its keys in snake case, indices from 0, sizes in bytes, unknown is None."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the build: an entry of the history, or one made up for a layer without an entry."""

    index: int
    layer: int | None
    """Its layer; None if it wrote none."""
    kind: str | None
    """`metadata`, `empty`, `files`, `attributes` or `unchanged`."""
    instruction: str | None
    """`RUN`, `COPY` …; None if unknown."""
    arguments: str
    """Rest of the instruction; the whole text if the instruction is unknown."""
    build_args: tuple[str, ...]
    created_by: str | None
    """The text in the history."""
    created: str | None
    author: str | None
    comment: str | None
    line: int | None
    """Line in the Dockerfile, from 1; None without one."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a damaged layer ends."""

    offset: int
    """Byte in the uncompressed tar."""
    message: str


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many paths a layer changes."""

    added: int
    modified: int
    metadata: int
    removed: int


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, with what it adds and costs."""

    index: int
    step: int
    """Its step."""
    digest: str | None
    """Digest of the blob: as claimed, or computed if nothing is claimed."""
    diff_id: str | None
    """Digest of the uncompressed tar: as claimed, or computed."""
    chain_id: str | None
    media_type: str | None
    repeat_of: int | None
    """First layer with the same blob; None if it is the first itself."""
    verified: bool | None
    """Whether the digests match; None if they were not checked."""
    broken: Broken | None
    """None if it is complete."""
    extent: str
    """What the figures were made from; always `read`: the layer itself."""
    entries: int
    """Members of the tar."""
    whiteouts: int
    compressed_bytes: int | None
    """Bytes of the compressed blob; None if it is not compressed."""
    tar_bytes: int
    stored_bytes: int
    """Content of its files."""
    net_bytes: int
    """Stored bytes minus content that this layer hides; can be negative."""
    wasted_bytes: int
    """Content bytes of this layer that the final image does not show."""
    hides_bytes: int
    """Content bytes of lower layers that this layer hides."""
    changes: ChangeCounts


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of the Dockerfile in a fix."""

    kind: str
    """`change`, `flag`, `drop`, `merge`, `ignore`, `insert` or `before`."""
    step: int
    steps: tuple[int, ...]
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found."""

    rule: str
    title: str
    severity: str
    """`error`, `warning` or `note`."""
    confidence: str
    """`high`, `medium` or `low`."""
    bytes: int
    """Bytes that the fix saves."""
    steps: tuple[int, ...]
    layers: tuple[int, ...]
    line: int | None
    """Line to change in the Dockerfile, from 1; None without one."""
    paths: tuple[str, ...]
    """The 100 largest."""
    path_count: int
    base: bool
    """Whether it is in the base image."""
    why: str
    fix: str
    """Dockerfile text; explanations are comments."""
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package."""

    type: str
    """`dpkg`, `rpm`, `apk`, `python`, `npm` …"""
    name: str
    version: str
    bytes: int
    """Content of its files in the final image."""
    files: int
    layer: int
    """The layer that installed it."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Equal contents at several paths of the final image."""

    bytes: int
    """Content bytes of one copy."""
    saving_bytes: int
    """Content bytes of all copies except one."""
    digest: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageWarning:
    """An oddity of an image that opens nevertheless."""

    code: str
    layer: int | None
    """None for the whole image."""
    message: str


@dataclass(frozen=True, slots=True)
class Config:
    """How a container of the image starts."""

    env: tuple[str, ...]
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    user: str | None
    working_dir: str | None
    labels: dict[str, str]
    exposed_ports: tuple[str, ...]
    volumes: tuple[str, ...]
