"""Random layers: few names and few contents, so that everything collides often.

The hypothesis strategies and the plain seeded generator draw from the same tables.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, TypeVar

from hypothesis import strategies as st

from tests.images import (
    Attributes,
    Member,
    device,
    directory,
    fifo,
    file,
    hardlink,
    opaque,
    symlink,
    unknown,
    whiteout,
)

# The first of each table is what failing examples shrink to.

PATHS = (
    b"a",
    b"b",
    b"a/b",
    b"a/a",
    b"b/a",
    b"a-b",
    b"a.b",
    b"a/b/c",
    b"a-b/a",
    b"a/b/c/a",
    b"a\x01b",
    b"b/\xff",
    b"a/" + b"n" * 120,  # more than fits a plain header
)
"""Siblings whose byte order is not their tree order, and files where others have directories."""

CONTENTS = (b"x", b"", b"y", b"xx", b"yy", b"x" * 600)
"""Equal sizes with equal and with different bytes."""

ATTRIBUTES: tuple[Attributes, ...] = (
    *([Attributes()] * 12),  # most often nothing differs
    {"mode": 0o600},
    {"mode": 0o4755},
    {"mode": 0o100644},  # builders put the type of the file into the mode
    {"uid": 1000},
    {"gid": 1000},
    {"uid": 3_000_000},  # more than fits a plain header
    {"mtime": 1},
    {"mtime": 1.5},
    {"mtime": -1},
    {"mtime": -0.5},
    {"xattrs": {b"user.a": b"1"}},
    {"xattrs": {b"user.a": b"2"}},
    {"xattrs": {b"user.a": b"1", b"user.b": b"\x00\xff\n"}},
    {"mode": 0o600, "mtime": 1},
)

SPELLINGS = (
    *([(b"", b"/", b"")] * 10),  # most often as it should be
    (b"./", b"/", b""),
    (b"/", b"/", b""),
    (b"../", b"/", b""),
    (b"", b"//", b""),
    (b"", b"/./", b"/"),
    (b"", b"/", b"/"),
    (b"b/../../", b"/a/../", b""),
)
"""Prefixes of a path, separators between its components, and suffixes."""

DEVICES = ((1, 3), (1, 5), (8, 0))
"""Two character devices and a block device."""

OLD_TYPES = (b"\0", b"7")
"""Types of regular files in old tars; the second one is for contiguous files."""

AUFS_LINKS = (b".wh..wh.plnk/1", b"./.wh..wh.plnk/2", b"a/.wh..wh.plnk/1")
"""Files that AUFS keeps for hard links, and which are no paths themselves."""

ODD_NAMES = (
    b"./",
    b"/",
    b"a/..",
    b".wh..wh.aufs",
    *AUFS_LINKS,
    b"a/.wh..wh.orph/",
    b".wh..wh..opq/a",
    b".wh.",
    b"a/.wh..",
    b"a/.wh...",
    b".wh.a/b",
)
"""The root, AUFS metadata, whiteouts that name nothing, and a path that is no whiteout."""

WILD_KINDS = (
    *["file"] * 18,
    *["directory"] * 7,
    *["hardlink"] * 14,
    *["symlink"] * 4,
    *["whiteout"] * 5,
    *["opaque"] * 3,
    *["odd"] * 3,
    "old-file",
    *["device"] * 4,
    "fifo",
    "unknown",
    # What chance alone would bring together too seldom:
    "link-to-whited-out",
    "link-to-hidden",
    "link-under-its-target",
    "link-over-its-target",
    "link-of-aufs",
    "link-to-aufs",
    "twice",
    "put-back",
)
"""Kinds of entries, or of small groups of them, with their weights."""

ORDERLY_KINDS = (
    *["file"] * 10,
    *["directory"] * 5,
    *["hardlink"] * 4,
    *["symlink"] * 2,
    *["whiteout"] * 4,
    "opaque",
)
"""Kinds of entries that builders write, with their weights."""

MOST_LAYERS = 5
MOST_MEMBERS = 12
"""Of one layer, before `orderly` has added parents."""

Layers = list[list[Member]]


# --- From choices to members ----------------------------------------------------------------------

T = TypeVar("T")


class Pick(Protocol):
    """Whatever chooses from a table: hypothesis or a random number generator."""

    def __call__(self, table: Sequence[T], /) -> T: ...


def spellings_of(paths: Sequence[bytes]) -> list[bytes]:
    """All names of some paths, repeated by the weight of their spelling."""
    return [
        front + path.replace(b"/", between) + after
        for front, between, after in SPELLINGS
        for path in paths
    ]


def orderly_members(pick: Pick, names: Sequence[bytes]) -> list[Member]:
    """An entry as tar writers make it, before it is ordered."""
    return [_entry(pick(ORDERLY_KINDS), pick, names)]


def wild_members(pick: Pick, names: Sequence[bytes]) -> list[Member]:
    """An entry that may be anywhere, or a few that belong together."""
    kind = pick(WILD_KINDS)
    match kind:
        case "odd":
            name = pick(ODD_NAMES)
            form = b"5" if name.endswith(b"/") else b"0"
            return [Member(name, form, pick(CONTENTS), **pick(ATTRIBUTES))]
        case "whiteout" | "opaque":
            # A marker has no content, whatever it carries.
            return [replace(_entry(kind, pick, names), data=pick(CONTENTS))]
        case "link-to-whited-out":
            name = pick(names)
            return [whiteout(name.rstrip(b"/")), hardlink(pick(names), name)]
        case "link-to-hidden":
            name = pick(names)
            return [hardlink(pick(names), name), opaque(_parent(name))]
        case "link-under-its-target":
            name = pick(names)
            return [file(name, pick(CONTENTS)), hardlink(name + b"/a", name)]
        case "link-over-its-target":
            name = pick(names)
            return [file(name, pick(CONTENTS)), hardlink(_parent(name) or name, name)]
        case "link-of-aufs":
            kept = pick(AUFS_LINKS)
            link = hardlink(pick(names), kept)
            stored = file(kept, pick(CONTENTS), **pick(ATTRIBUTES))
            return [stored, link, replace(link, name=pick(names))]
        case "link-to-aufs":
            return [hardlink(pick(names), pick(AUFS_LINKS), **pick(ATTRIBUTES))]
        case "put-back":
            name = pick(names)
            return [file(name, pick(CONTENTS)), opaque(_parent(name))]
        case "twice":
            one = _entry("file", pick, names)
            return [one, replace(one, **pick(ATTRIBUTES))]
    return [_entry(kind, pick, names)]


def _entry(kind: str, pick: Pick, names: Sequence[bytes]) -> Member:
    """An entry of a kind; unneeded values are not drawn, so that examples shrink well."""
    name = pick(names)
    match kind:
        case "directory":
            return directory(name, **pick(ATTRIBUTES))
        case "hardlink":
            return hardlink(name, pick(names), **pick(ATTRIBUTES))
        case "symlink":
            return symlink(name, pick(names), **pick(ATTRIBUTES))
        case "whiteout":
            return whiteout(name.rstrip(b"/"))
        case "opaque":
            return opaque(name.rstrip(b"/"))
        case "device":
            numbers = pick(DEVICES)
            return device(name, *numbers, block=numbers[0] == 8, **pick(ATTRIBUTES))
        case "fifo":
            return fifo(name, **pick(ATTRIBUTES))
        case "unknown":
            return unknown(name, pick(CONTENTS), **pick(ATTRIBUTES))
        case "old-file":
            return Member(name, pick(OLD_TYPES), pick(CONTENTS), **pick(ATTRIBUTES))
        case _:
            return file(name, pick(CONTENTS), **pick(ATTRIBUTES))


def _parent(name: bytes) -> bytes:
    """The name of the directory of a name."""
    return name.rstrip(b"/").rpartition(b"/")[0]


def _flat(groups: Sequence[list[Member]]) -> list[Member]:
    """All members of some groups."""
    return [member for group in groups for member in group]


def orderly(members: Sequence[Member]) -> list[Member]:
    """The layer that an orderly tar writer makes of these entries.

    Directories come before what they hold, no path comes twice, nothing lies in a file, and links
    lead to earlier files of the layer: to the last one if they would lead anywhere else.
    """
    kinds: dict[bytes, bytes] = {}
    files: list[bytes] = []
    layer: list[Member] = []
    for member in members:
        path = member.name.removesuffix(b"/")
        parents = list(_parents(path))
        if path in kinds or any(kinds.get(parent, b"5") != b"5" for parent in parents):
            continue
        if member.type == b"1":
            if not files:
                continue
            if member.link not in files:
                member = replace(member, link=files[-1])
        for parent in parents:
            if parent not in kinds:
                kinds[parent] = b"5"
                layer.append(directory(parent))
        kinds[path] = member.type
        if member.type == b"0" and b".wh." not in path:
            files.append(path)
        layer.append(member)
    return layer


def _parents(path: bytes) -> Iterator[bytes]:
    """The directories above a path, outermost first."""
    parts = path.split(b"/")
    for count in range(1, len(parts)):
        yield b"/".join(parts[:count])


class Again(NamedTuple):
    """A layer that lists the entries of an earlier one again, unchanged or with other attributes."""

    layer: int
    attributes: Attributes


def _resolved(drawn: Sequence[list[Member] | Again]) -> Layers:
    """Layers, with repeated ones inserted."""
    layers: Layers = []
    for item in drawn:
        if not isinstance(item, Again):
            layers.append(item)
        elif layers:
            earlier = layers[item.layer % len(layers)]
            layers.append([_touched(member, item.attributes) for member in earlier])
    return layers


def _touched(member: Member, attributes: Attributes) -> Member:
    """An entry with other attributes and, for devices, other device numbers."""
    return replace(member, device=(9, 9), **attributes) if attributes else member


# --- Strategies -----------------------------------------------------------------------------------


@st.composite
def _orderly(draw: st.DrawFn) -> list[Member]:
    """A few members for an orderly layer."""

    def pick(table: Sequence[T], /) -> T:
        """Leave the choice to hypothesis."""
        return draw(st.sampled_from(table))

    return orderly_members(pick, PATHS)


@st.composite
def _wild(draw: st.DrawFn) -> list[Member]:
    """A few members for a wild layer."""

    def pick(table: Sequence[T], /) -> T:
        """Leave the choice to hypothesis."""
        return draw(st.sampled_from(table))

    return wild_members(pick, NAMES)


NAMES = spellings_of(PATHS)
_ORDERLY_LAYER = st.lists(_orderly(), max_size=MOST_MEMBERS).map(_flat).map(orderly)
_WILD_LAYER = st.lists(_wild(), max_size=MOST_MEMBERS).map(_flat)


def _layers(layer: st.SearchStrategy[list[Member]]) -> st.SearchStrategy[Layers]:
    """One to five layers, some of them listed again."""
    again = st.builds(Again, st.integers(0, MOST_LAYERS - 1), st.sampled_from(ATTRIBUTES))
    drawn = st.lists(st.one_of(layer, layer, layer, again), min_size=1, max_size=MOST_LAYERS)
    return drawn.map(_resolved).filter(bool)


def orderly_layers() -> st.SearchStrategy[Layers]:
    """Layers as builders make them."""
    return _layers(_ORDERLY_LAYER)


def wild_layers() -> st.SearchStrategy[Layers]:
    """Layers with anything that a tar can contain; some are orderly."""
    return _layers(st.one_of(_WILD_LAYER, _ORDERLY_LAYER))


# --- Seeded ---------------------------------------------------------------------------------------


def random_layers(seed: int, wild: bool) -> Layers:
    """Layers of the same kinds without hypothesis, for runs over many thousands."""
    rng = random.Random(seed)
    # Few paths in any one image, so that the rare collisions come often enough.
    paths = rng.sample(PATHS, rng.randint(2, 7))
    names = spellings_of(paths)
    drawn: list[list[Member] | Again] = []
    for index in range(rng.randint(1, MOST_LAYERS)):
        if index and rng.random() < 0.2:
            drawn.append(Again(rng.randrange(index), rng.choice(ATTRIBUTES)))
            continue
        members = range(rng.randint(0, MOST_MEMBERS))
        # What goes wrong needs something in order to go wrong with.
        if wild and rng.random() < 0.75:
            drawn.append(_flat([wild_members(rng.choice, names) for _ in members]))
        else:
            drawn.append(orderly(_flat([orderly_members(rng.choice, paths) for _ in members])))
    return _resolved(drawn)
