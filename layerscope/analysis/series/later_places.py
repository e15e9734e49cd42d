"""Finds later places for the steps of a release.

A setting may come after steps that do not name it. A COPY may come after RUNs whose commands are known to read none of its files, or
only a few, which a separate COPY then copies first; and only if the layers show that none of the steps changes files of another.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope.analysis.compare.side import Side
from layerscope.analysis.findings.fixes import recorded_source, sources_of
from layerscope.analysis.findings.runs import Runs
from layerscope.analysis.series.reads import files_read
from layerscope.analysis.series.replay import Move
from layerscope.filesystem.content_reader import ContentReader
from layerscope.filesystem.model import Filesystem
from layerscope.image.dockerfile import DockerfileInstruction
from layerscope.image.dockerfile_syntax import split_flags
from layerscope.image.history import Step, earlier
from layerscope.layers.index import Kind
from layerscope.progress import NullProgress

SETTINGS = frozenset(("LABEL", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "MAINTAINER"))
"""Metadata steps that no other step reads."""
VARIABLES = frozenset(("ARG", "ENV"))
_PASSABLE = frozenset((*SETTINGS, "CMD", "ENTRYPOINT", "USER", "SHELL", "ONBUILD"))
"""Metadata steps that a COPY may come before or after."""
_READ_IMPLICITLY = re.compile(
    r"PATH|HOME|LANG(?:UAGE)?|LC_.*|LD_.*|TZ|.*_PROXY|.*_proxy|DEBIAN_FRONTEND|SOURCE_DATE_EPOCH|SHELL|USER|CC|CXX|.*FLAGS"
    r"|(?:PYTHON|PIP_|UV_|POETRY_|NODE_|NPM_|npm_|YARN_|GO|CGO_|CARGO_|RUST|JAVA_|MAVEN_|MAKE|BUNDLE_|GEM_|COMPOSER_).*"
)
"""Variables that programs read although no command names them."""
_MAX_STEPS = 1000
_MAX_PLACES = 12
"""Maximum places that are examined per step."""
_MAX_FILE_BYTES = 1 << 20
"""Maximum bytes of a file with dependencies."""
_BLOCK = 512


class LaterPlace(Struct, frozen=True):
    """A later place for a step."""

    step: Step
    after: Step
    move: Move
    partial_copy: str = ""
    """Instructions that copy `move.copied_first`; "" if it is empty, or if the paths in the build context are unknown."""


class LaterPlaces:
    """Finds later places for the steps of a release."""

    def __init__(
        self,
        last: Side,
        base_steps: int,
        written: Mapping[int, DockerfileInstruction],
        numbers: Sequence[int],
    ) -> None:
        """The first `base_steps` steps belong to the base image; `written` are the instructions of the Dockerfile, by step;
        `numbers` are the numbers of the steps in the series."""
        self._last = last
        self._base = base_steps
        self._written = written
        self._steps = last.image.steps
        self._runs = Runs(self._steps, written)
        self._numbers = numbers

    def of_steps(self, charged: Collection[int]) -> Iterator[list[LaterPlace]]:
        """The later places of each charged step, nearest first: settings before copies, because a copy may have to pass the same
        steps. `charged` are numbers of steps in the series."""
        candidates = [
            step
            for step in self._steps[self._base :][:_MAX_STEPS]
            if self._numbers[step.index] in charged
        ]
        settings = [self._setting_options(step) for step in candidates if step.layer is None]
        copies = [
            self._copy_options(step, step.layer)
            for step in candidates
            if step.instruction in ("COPY", "ADD") and step.layer is not None
        ]
        for options in (*settings, *copies):
            if places := list(islice(options, _MAX_PLACES)):
                yield places

    # settings

    def _setting_options(self, step: Step) -> Iterator[LaterPlace]:
        """The place after the last layer that does not need a LABEL, ENV or ARG."""
        names = names_set(step)
        variable = step.instruction in VARIABLES
        if not (variable or step.instruction in SETTINGS) or not names:
            return
        if variable and any(map(_READ_IMPLICITLY.fullmatch, names)):
            return
        used = re.compile(
            rf"(?<![A-Za-z0-9_])(?:{'|'.join(map(re.escape, names))})(?![A-Za-z0-9_])"
        )
        values = self._values(step, names) if variable else None
        after = None
        for later in self._steps[step.index + 1 :][:_MAX_STEPS]:
            same = later.instruction == step.instruction
            if same and {*names} & {*names_set(later)}:
                break
            if variable and (used.search(self._words_of(later)) or self._shows(later, values)):
                break
            if later.layer is not None:
                after = later
        if after is not None:
            yield LaterPlace(step, after, self._move(step, after))

    def _values(self, step: Step, names: Sequence[str]) -> list[str] | None:
        """The values of the variables that a step sets; None if one is unknown."""
        texts = [
            *step.arguments.split(),
            *(text for later in self._steps for text in later.build_args),
        ]
        values = dict.fromkeys(names, "")
        for text in texts:
            name, _, value = text.partition("=")
            if name in values:
                values[name] = values[name] or value.strip("\"'")
        return None if "" in values.values() else list(values.values())

    def _shows(self, step: Step, values: Sequence[str] | None) -> bool:
        """Whether a step may be recorded with the value of a variable instead of its name, as builders do for all instructions but
        RUN, CMD, ENTRYPOINT and ARG."""
        if step.index in self._written or step.instruction in ("RUN", "CMD", "ENTRYPOINT", "ARG"):
            return False
        return values is None or any(value in step.arguments for value in values)

    def _words_of(self, step: Step) -> str:
        """The text of a step without its build arguments: BuildKit records all that are in scope, used or not."""
        written = self._written.get(step.index)
        return step.arguments if written is None else written.arguments + "".join(
            heredoc.body for heredoc in written.heredocs
        )  # fmt: skip

    # copies

    def _copy_options(self, step: Step, layer: int) -> Iterator[LaterPlace]:
        """The place after each RUN that reads no files of a COPY, or few."""
        as_written = self._as_written(step)
        _, target = sources_of(as_written)
        if not target or "$" in target or "<<" in as_written.arguments:
            return
        target_path = self._absolute(step, target)
        stored = _stored_paths(self._last.filesystem, layer)
        files_read_first: dict[str, None] = {}
        for later in self._steps[step.index + 1 :][:_MAX_STEPS]:
            if not self._passes(step, later, target, stored):
                return
            if later.instruction != "RUN":
                continue
            files = self._files_read(later, target_path, stored)
            if files is None:
                return
            files_read_first.update(dict.fromkeys(files))
            partial_copy = self._part(as_written, target_path, list(files_read_first))
            paths = tuple(
                path.lstrip("/").encode(errors="surrogateescape") for path in files_read_first
            )
            yield LaterPlace(step, later, self._move(step, later, paths), partial_copy)

    def _passes(self, step: Step, later: Step, target: str, stored: NDArray[np.int32]) -> bool:
        """Whether a COPY may come after a step, judging by paths and settings."""
        if later.instruction in _PASSABLE:
            return True
        if later.instruction in VARIABLES:
            words = self._as_written(step).arguments
            return not any(
                re.search(rf"\$\{{?{re.escape(name)}\b", words) for name in names_set(later)
            )
        if later.instruction == "WORKDIR":
            return target.startswith("/")
        if later.instruction not in ("RUN", "COPY", "ADD"):
            return False
        return later.layer is None or not self._touches(later.layer, stored)

    def _touches(self, layer: int, paths: NDArray[np.int32]) -> bool:
        """Whether a layer stores or deletes one of these paths."""
        filesystem = self._last.filesystem
        rows = (filesystem.born == layer) | (filesystem.died == layer)
        files = rows & (filesystem.kinds != Kind.DIRECTORY)
        return bool(np.isin(filesystem.paths[files], paths).any())

    def _files_read(self, later: Step, tree: str, stored: NDArray[np.int32]) -> list[str] | None:
        """The files of a COPY that a RUN reads; None if unknown."""
        run = self._runs.of(later)
        if run is None or any(flag.startswith("--mount=type=bind") for flag in run.flags):
            return None
        paths = files_read(run, self._absolute(later, "."), tree, self._read)
        if paths is None:
            return None
        known = set(stored.tolist())
        numbers = {
            path: self._last.filesystem.table.find(
                path.lstrip("/").encode(errors="surrogateescape")
            )
            for path in paths
        }
        return [path for path, number in numbers.items() if number in known]

    def _read(self, path: str) -> bytes | None:
        """The content of a small file of the last release; None if there is none, or it cannot be read."""
        filesystem = self._last.filesystem
        number = filesystem.table.find(path.lstrip("/").encode(errors="surrogateescape"))
        row = (
            None if number is None else filesystem.version_after(number, filesystem.layer_count - 1)
        )
        if (
            row is None
            or filesystem.kinds[row] != Kind.FILE
            or filesystem.stored[row] > _MAX_FILE_BYTES
        ):
            return None
        reader = ContentReader(
            filesystem.inodes, self._last.contents, int(filesystem.inode_of[row])
        )
        data = reader.read(_MAX_FILE_BYTES, NullProgress())
        return None if reader.problem is not None else data

    def _part(self, step: Step, place: str, files: Sequence[str]) -> str:
        """Instructions that copy some files of a COPY to the same places; "" if their paths in the build context are unknown."""
        sources, _ = sources_of(step)
        if (
            len(sources) != 1
            or set(sources[0]) & set("*?[$\"'")
            or recorded_source(step)
            or step.instruction == "ADD"
        ):
            return ""
        flags, _ = split_flags(step.arguments)
        if any(flag.startswith(("--exclude", "--parents")) for flag in flags):
            return ""
        folders: dict[str, list[str]] = {}
        for path in files:
            inside = posixpath.relpath(path, place)
            if inside.startswith("..") or inside == "." or re.search(r"\s", inside):
                return ""
            source = posixpath.normpath(posixpath.join(sources[0], inside))
            folders.setdefault(posixpath.dirname(path), []).append(source)
        return "\n".join(
            " ".join(["COPY", *flags, *names, folder.rstrip("/") + "/"])
            for folder, names in folders.items()
        )

    # settings and copies

    def _absolute(self, step: Step, path: str) -> str:
        """A path resolved against the WORKDIR of a step."""
        for before in earlier(self._steps, step.index, "WORKDIR"):
            if path.startswith("/"):
                break
            path = posixpath.join(before.arguments.strip(), path)
        return posixpath.normpath(posixpath.join("/", path)).replace("//", "/")

    def _as_written(self, step: Step) -> Step:
        written = self._written.get(step.index)
        return step if written is None else replace(step, arguments=written.arguments)

    def _move(self, step: Step, after: Step, copied_first: tuple[bytes, ...] = ()) -> Move:
        size = _layer_bytes(self._last.filesystem, copied_first)
        return Move(self._numbers[step.index], self._numbers[after.index], copied_first, size)


def names_set(step: Step) -> list[str]:
    """The names that an ENV, ARG or LABEL sets; for other instructions, the name of the instruction."""
    if step.instruction not in ("ARG", "ENV", "LABEL"):
        return [step.instruction or ""]
    words = step.arguments.split()
    if words and "=" not in words[0]:
        return words[:1]  # the old form, with one name and a space; an ARG without a value
    names = re.findall(r"""(?:^|\s)["']?([A-Za-z_][\w.\-/]*)["']?=""", step.arguments)
    return list(dict.fromkeys(names))


def _stored_paths(filesystem: Filesystem, layer: int) -> NDArray[np.int32]:
    """Paths at which a layer stores something other than a directory."""
    rows = (filesystem.born == layer) & (filesystem.kinds != Kind.DIRECTORY)
    return np.unique(filesystem.paths[rows])


def _layer_bytes(filesystem: Filesystem, paths: Sequence[bytes]) -> int:
    """Bytes of a layer's tar with these files and their directories; 0 for no files."""
    if not paths:
        return 0
    folders = {
        b"/".join(path.split(b"/")[:depth])
        for path in paths
        for depth in range(1, path.count(b"/") + 1)
    }
    total = 2 * _BLOCK + _BLOCK * len(folders)
    for path in paths:
        number = filesystem.table.find(path)
        row = (
            None if number is None else filesystem.version_after(number, filesystem.layer_count - 1)
        )
        stored = 0 if row is None else int(filesystem.stored[row])
        total += _BLOCK + -(-stored // _BLOCK) * _BLOCK
    return total
