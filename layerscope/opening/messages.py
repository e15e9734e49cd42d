"""Messages between the explorer and its worker: requests one way, events the other, as JSON.

Uses Python's `json`, because an image's documents may hold lone surrogates and numbers beyond 64 bits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from layerscope.image.dockerfile import Dockerfile, parse_dockerfile
from layerscope.image.model import Beside, Image
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning
from layerscope.limits import Limits
from layerscope.settings import Remote, RuleChoice


class Cache(msgspec.Struct):
    """The user's cache."""

    folder: str
    size: int


class DockerfileText(msgspec.Struct):
    """A Dockerfile; the worker parses it again, which is faster than sending the parsed one."""

    name: str
    text: str

    @classmethod
    def of(cls, dockerfile: Dockerfile | None) -> DockerfileText | None:
        return None if dockerfile is None else cls(dockerfile.name, dockerfile.text)

    def parse(self) -> Dockerfile:
        return parse_dockerfile(self.text.encode(errors="surrogateescape"), self.name)


class Open(msgspec.Struct, tag=True):
    """Open an image: `Request` and `Options`."""

    reference: str
    image: str | None
    platform: Platform | None
    limits: Limits
    store_root: str | None
    pull: bool
    remote: Remote
    max_download: int | None
    verify: bool
    verify_small: bool
    duplicates: bool
    rules: dict[str, RuleChoice] | None
    dockerfile: DockerfileText | None
    base_steps: int | None
    cache: Cache | None
    private: str
    """A folder for entries that must not be cached; created when needed."""
    stdin: int | None
    """File descriptor of the explorer's stdin; None if there is none."""
    binary: bool
    """Whether sizes in errors are in MiB instead of MB."""


class Choose(msgspec.Struct, tag=True):
    """The answer to `ChoiceNeeded`: the number of a candidate; None to cancel."""

    number: int | None


class Begin(msgspec.Struct, tag=True):
    """Start reading layers: the explorer now shows the description, which reading would have delayed."""


class Read(msgspec.Struct, tag=True):
    """Read bytes of a layer."""

    layer: int
    length: int
    offset: int
    alone: bool = False
    """Whether to fetch nothing else of a ranged layer."""


class ReadZtoc(msgspec.Struct, tag=True):
    """Read the table of contents beside a layer."""

    layer: int
    most: int
    """Its maximum size in bytes."""


AnyRequest: TypeAlias = Open | Choose | Begin | Read | ReadZtoc


class Offer(msgspec.Struct):
    """A candidate as shown to the user."""

    tags: list[str]
    platform: Platform | None
    digests: list[str]
    groups: tuple[int, ...]


class BlobFacts(msgspec.Struct):
    """Facts about a layer's blob, without its bytes."""

    name: str
    size: int
    is_tar: bool
    digest: str | None
    """The verified digest of a blob that is fetched at its first read."""
    missing: str | None
    """Why the blob is missing; None if it is present."""
    saved: str | None = None
    """The file of a saved image, which has no contents; None for other images."""
    ranged: bool = False
    """Whether each read is a network request."""


class StageProgress(msgspec.Struct, tag=True):
    """Progress of a stage."""

    stage: str
    total: int | None
    done: int


class ChoiceNeeded(msgspec.Struct, tag=True):
    """The user has to choose one of several images."""

    candidates: list[Offer]


class Described(msgspec.Struct, tag=True):
    """The image was found, or exported."""

    image: Image
    blobs: list[BlobFacts]
    damage: str | None
    awaiting: bool
    """Whether an engine is still exporting it."""


class Expected(msgspec.Struct, tag=True):
    """The filesystem according to tables of contents, in the private store."""

    key: str


class Indexed(msgspec.Struct, tag=True):
    """A layer was indexed."""

    number: int
    key: str
    private: bool
    """Whether it is in the private store instead of the cache."""


class Stacked(msgspec.Struct, tag=True):
    """All layers are stacked and accounted."""

    layers: list[str]
    """Their keys."""
    private: bool
    accounting_private: bool
    warnings: list[ImageWarning]
    overwritten: list[int]
    """Layers whose file was written to since it was opened."""
    dockerfile: DockerfileText | None
    """The Dockerfile that a saved image was saved with."""
    problem: str | None = None
    """Why the cache cannot be used; None if it can."""


class DuplicatesFound(msgspec.Struct, tag=True):
    """Duplicates are known."""

    private: bool


class BesideFound(msgspec.Struct, tag=True):
    """Attestations and other artifacts beside the image are known."""

    beside: Beside
    warnings: list[ImageWarning]
    """All warnings about the image, including earlier ones."""


class FindingsFound(msgspec.Struct, tag=True):
    """Findings are known."""

    words: list[str]
    """The key of their cache entry, together with the keys of the layers."""
    private: bool


class Checked(msgspec.Struct, tag=True):
    """The digests of a layer were checked."""

    number: int
    matches: bool


class Done(msgspec.Struct, tag=True):
    """Everything is known."""

    problem: str | None
    """Why the cache cannot be used; None if it can."""


class Failed(msgspec.Struct, tag=True):
    """Opening failed with an error; the last event."""

    message: str
    hint: str | None
    title: str
    exit_code: int
    problem: str | None
    report: str | None = None
    """The traceback of an internal error."""
    place: str = ""
    """Where the internal error occurred."""
    cancelled: bool = False
    registry_reference: str | None = None
    """See `LayerscopeError`."""


Event: TypeAlias = (
    StageProgress | ChoiceNeeded | Described | Expected | Indexed | Stacked | DuplicatesFound | BesideFound | FindingsFound | Checked | Done | Failed
)  # fmt: skip


class ReadFailed(msgspec.Struct):
    """Reading a layer failed with an OSError."""

    errno: int | None
    why: str
    name: str | None
    changed: bool
    """Whether the file was written to since it was opened."""


def encode(message: msgspec.Struct) -> bytes:
    """A message as bytes."""
    return json.dumps(msgspec.to_builtins(message, str_keys=True)).encode()


def decode(body: bytes | bytearray, kind: Any) -> Any:
    """Decode a message of this type. Raises ValueError for anything else."""
    try:
        return msgspec.convert(json.loads(body), kind, str_keys=True)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, TypeError) as error:
        raise ValueError(str(error)) from error


def path_or_none(path: str | None) -> Path | None:
    """A path that was sent as text."""
    return None if path is None else Path(path)


def offers(candidates: Sequence[Any]) -> list[Offer]:
    """Candidates as sent in a message."""
    return [
        Offer(list(one.tags), one.platform, list(one.digests), tuple(one.groups))
        for one in candidates
    ]


def rules_or_none(rules: Mapping[str, RuleChoice] | None) -> dict[str, RuleChoice] | None:
    """Settings of rules as sent in a message."""
    return None if rules is None else dict(rules)
