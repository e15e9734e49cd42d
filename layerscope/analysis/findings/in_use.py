"""What an image declares to use: paths and programs named by CMD, ENTRYPOINT, HEALTHCHECK, WORKDIR, VOLUME and ENV."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.filesystem.lookup import PathLookup, components_of
from layerscope.filesystem.paths import with_ancestors
from layerscope.filesystem.selector import Mask
from layerscope.layers.index import Kind

_MAX_WORDS = 400
"""Maximum words that are looked up."""
_MAX_PATHS = 1000
"""Maximum paths in variables that are looked up."""
_MAX_CHARACTERS = 64 * 1024
"""Maximum characters of a command or a variable that are examined."""
_MAX_LINKS = 40
"""Maximum symlinks that are followed on the way to one path, as in Linux."""
_ABSOLUTE = re.compile(r"""(?:^|(?<=[\s:=,;"'(@\[{|&<>]))/[^\s:;,="'()\[\]{}|&<>`$*?\\]+""")
"""Absolute paths anywhere in a text."""
_WORDS = re.compile(r"""[^\s;&|()<>"'`=,\[\]{}]+""")
_DIRECTORIES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""The default of PATH."""
_NO_USE = frozenset(
    ("PATH", "TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "OLDPWD", "PWD", "HOME")
)
"""Variables that name places to write to, not files to read."""


class InUse(Struct, frozen=True):
    """Paths of the final image that are in use, and the text of the command that it starts."""

    started: frozenset[int]
    """What CMD, ENTRYPOINT and HEALTHCHECK name, with links followed; and volumes."""
    work: frozenset[int]
    """The working directory."""
    configured: frozenset[int]
    """What variables name."""
    search: frozenset[int]
    """The directories of PATH."""
    command: str
    """ENTRYPOINT and CMD as one text. Not safe for a terminal."""

    def runs(self, programs: str) -> bool:
        """Whether the image starts one of some programs; `programs` is an expression for their names and first arguments."""
        return re.search(rf"(?:^|[\s/;&|(])(?:{programs})(?=\s|[;&|)]|$)", self.command) is not None


def find_in_use(evidence: Evidence) -> InUse:
    """What an image uses. Call it through `Evidence.once`."""
    config = evidence.image.config
    resolve = _Resolver(evidence)
    work = config.working_dir or "/"
    pairs = [pair.partition("=")[::2] for pair in config.env]
    variables = [(name, value[:_MAX_CHARACTERS]) for name, value in pairs if name not in _NO_USE]
    search = next((value for name, value in pairs if name == "PATH"), "")
    programs = [*filter(None, search.split(":"))] or _DIRECTORIES
    commands = [*config.entrypoint, *config.cmd]
    healthy = [step for step in evidence.image.steps if step.instruction == "HEALTHCHECK"]
    texts = [*commands, *(step.arguments for step in healthy[-1:])]
    started: set[int] = set()
    for word in _words(texts):
        places = [f"{work}/{word}"] if "/" in word else [f"{place}/{word}" for place in programs]
        if "/" not in word:
            places.append(f"{work}/{word}")
        started |= resolve.all([word] if word.startswith("/") else places)
    started |= resolve.all(islice(config.volumes, _MAX_PATHS))
    configured = resolve.all(path for _, value in variables for path in _ABSOLUTE.findall(value))
    working = resolve.all([work]) if work.strip("/") else frozenset[int]()
    return InUse(
        frozenset(started),
        working,
        configured,
        resolve.all(programs),
        " ".join(commands)[:_MAX_CHARACTERS],
    )


def mask_in_use(evidence: Evidence, tops: Mask, *, configured: bool) -> Mask | None:
    """Mask of everything at or below those of these paths that are in use or contain something in use; None for nothing.

    `configured`: whether variables count; those of package managers name their caches.
    """
    masks = evidence.once(_masks_in_use)
    used = tops & masks[configured]
    return evidence.selector.below(np.flatnonzero(used)) if used.any() else None


def _masks_in_use(evidence: Evidence) -> dict[bool, Mask]:
    """Paths in use and all directories above them; with and without those that variables name."""
    in_use, table = evidence.once(find_in_use), evidence.filesystem.table
    named = np.zeros(len(table), bool)
    named[[*in_use.started, *in_use.work]] = True
    above = with_ancestors(table, named)
    for directory in in_use.work & {int(table.parents[path]) for path in in_use.started}:
        # A program that runs in place may read the files beside it.
        end = int(table.ends[directory])
        above[directory + 1 : end] |= table.parents[directory + 1 : end] == directory
    named[[*in_use.configured]] = True
    return {False: above, True: above | with_ancestors(table, named)}


def paths_in(text: str) -> list[str]:
    """The absolute paths in a text."""
    paths: list[str] = _ABSOLUTE.findall(text[:_MAX_CHARACTERS])
    return paths[:_MAX_WORDS]


def resolve_paths(evidence: Evidence, names: Iterable[str]) -> NDArray[np.int64]:
    """The paths of the final image that names resolve to, ascending."""
    return np.array(sorted(_Resolver(evidence).all(names)), np.int64)


def _words(texts: Iterable[str]) -> Iterator[str]:
    """Everything in some texts that may be a path or a program."""
    words: dict[str, None] = {}
    for text in texts:
        text = text[:_MAX_CHARACTERS]
        for word in (text, *_WORDS.findall(text), *_ABSOLUTE.findall(text)):
            if word and not word.startswith("-") and len(word) <= 4096:
                words[word] = None
            if len(words) >= _MAX_WORDS:
                break
    yield from words


class _Resolver:
    """Finds paths of the final image by name, through symlinks."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._lookup = PathLookup(evidence.filesystem.table)
        self._children: dict[tuple[int, bytes], int] = {}

    def all(self, names: Iterable[str]) -> frozenset[int]:
        """The paths that names resolve to, without the root."""
        paths = (self._find(name.encode(errors="surrogateescape")) for name in names)
        return frozenset(path for path in paths if path)

    def _find(self, name: bytes) -> int:
        """The path that a name resolves to; 0 for none."""
        parents = self._evidence.filesystem.table.parents
        components = components_of(name)[::-1]
        path = links = 0
        while components:
            component = components.pop()
            if component == b"..":
                path = int(parents[path]) if path else 0
                continue
            below = self._child(path, component)
            if below == 0:
                return 0
            target = self._target(below)
            if target:
                links += 1
                if links > _MAX_LINKS:
                    return 0
                components += [part for part in target.split(b"/")[::-1] if part not in (b"", b".")]
                path = 0 if target.startswith(b"/") else path
            else:
                path = below
        return path

    def _child(self, path: int, component: bytes) -> int:
        """The child of a directory in the final image; 0 for none."""
        key = path, component
        if key not in self._children:
            child = self._lookup.child(path, component)
            is_live = child is not None and self._evidence.live_inodes[child] >= 0
            self._children[key] = child if child is not None and is_live else 0
        return self._children[key]

    def _target(self, path: int) -> bytes:
        """The target of a path if it is a symlink, otherwise empty."""
        inodes, inode = self._evidence.filesystem.inodes, int(self._evidence.live_inodes[path])
        return inodes.target(inode) if inodes.columns.kinds[inode] == Kind.SYMLINK else b""
