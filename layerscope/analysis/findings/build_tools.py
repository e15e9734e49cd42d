"""Rules about files that are only needed for building. Their fixes remove the packages again, do not install them, or use a
separate stage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence, Group
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.finding import MAX_NAMED, Claim
from layerscope.analysis.findings.fixes import (
    can_append,
    commented,
    instruction_text,
    run_and,
    run_in,
)
from layerscope.analysis.findings.known_paths import Place, not_copied
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.run_time_compilers import compiles_at_run_time
from layerscope.analysis.findings.runs import Run, called_words, programs, subcommand, without_words
from layerscope.analysis.packages.apt_dependencies import AptDatabase, read_apt_database
from layerscope.image.history import Step
from layerscope.image.shell import Command, Word
from layerscope.words import Confidence

_INSTALLERS = "apt-get|apt|apk|dnf|microdnf|yum|zypper"
_REMOVE = {
    "apt-get": "apt-get purge -y --auto-remove {}",
    "apt": "apt-get purge -y --auto-remove {}",
    "apk": "apk del {}",
    "dnf": "dnf remove -y {}",
    "microdnf": "microdnf remove -y {}",
    "yum": "yum remove -y {}",
    "zypper": "zypper remove -y --clean-deps {}",
}
_BUILD_PACKAGES = re.compile(
    r"(?:build-essential|build-base|gcc|g\+\+|gcc-c\+\+|clang|cpp|make|cmake|autoconf|automake|libtool|binutils|dpkg-dev"
    r"|pkg-config|linux-headers|musl-dev|rustc|cargo|golang|golang-go|.*-dev|.*-devel|.*-headers)(?:=.*|-\d+)?"
)
"""Packages that are only needed for building."""
_ALTERNATIVES = b"var/lib/dpkg/alternatives/"
_MAX_PACKAGES = 100
"""Maximum packages of one installation that are examined."""
_BUILD_PROGRAMS = frozenset(
    (
        "gcc",
        "g++",
        "cc",
        "c++",
        "clang",
        "make",
        "cmake",
        "ninja",
        "cargo",
        "rustc",
        "go",
        "bazel",
        "mvn",
        "gradle",
    )
)
_SHELLS = frozenset(
    ("sh", "bash", "ash", "dash", "zsh", "fish", "tini", "docker-entrypoint.sh", "")
)
_NEVER_COMPILE = frozenset(
    (
        *(
            "apt-get",
            "apt",
            "apk",
            "dnf",
            "microdnf",
            "yum",
            "zypper",
            "apt-mark",
            "adduser",
            "addgroup",
        ),
        *(
            "update-ca-certificates",
            "useradd",
            "groupadd",
            "set",
            "export",
            "echo",
            "true",
            "rm",
            "mkdir",
        ),
        *(
            "ln",
            "chmod",
            "chown",
            "cp",
            "mv",
            "cat",
            "touch",
            "sed",
            "ldconfig",
            "test",
            "[",
            "apt-key",
        ),
    )
)
"""Commands that compile nothing."""


class Installation(Struct, frozen=True):
    """A command of a RUN that installs packages."""

    run: Run
    command: Command
    manager: str
    words: tuple[Word, ...]
    """The arguments after the subcommand: packages and options."""

    def text(self, word: Word) -> str:
        return self.run.script[word.start : word.end]

    @property
    def packages(self) -> list[Word]:
        return [word for word in self.words if not self.text(word).startswith("-")]


def installation_of(evidence: Evidence, step: Step) -> Installation | None:
    """The first installation of a step; None if there is none."""
    run = run_in(evidence, step)
    for command in () if run is None else run.commands:
        word = subcommand(command, _INSTALLERS, ("install", "add"))
        if word is not None and run is not None:
            at = command.words.index(word)
            return Installation(run, command, called_words(command)[0], command.words[at + 1 :])
    return None


def build_rule(
    name: str,
    *,
    title: str,
    why: str,
    patterns: Sequence[str],
    spare: Sequence[str] = (),
    family: Sequence[str] = (),
    needing: Callable[[Evidence], str | None] = compiles_at_run_time,
    finds: str = "",
    wrong: str = "",
) -> Rule:
    """A rule that claims files at or below `patterns`, except `spare`, in an image that runs a program. If the image has software
    that needs them at run time (`needing` returns its name), the finding has low confidence. Of the rules with patterns in
    `family`, the first one whose fix removes packages also claims the other files of these packages.
    """

    def find(evidence: Evidence) -> Iterator[Claim]:
        files = evidence.live_under(*patterns)
        if not files.any() or not runs_something(evidence):
            return
        if spare:
            files &= ~evidence.selector.select(spare)
        compiling = evidence.once(needing)
        for group in evidence.by_layer(files):
            for claim in _claims(evidence, group, patterns, family, spare):
                yield claim if compiling is None else _low_confidence(claim, compiling)

    return Rule(
        name,
        title,
        why,
        find,
        confidence=Confidence.MEDIUM,
        min_bytes=1_000_000,
        finds=finds,
        places=tuple(patterns),
        wrong=wrong,
    )


def _low_confidence(claim: Claim, compiling: str) -> Claim:
    """A claim about files that software of the image may need."""
    why = f"Only compilers and linkers read it, but this image has {compiling}, which compiles while the container runs."
    return replace(claim, why=why, confidence=Confidence.LOW)


def runs_something(evidence: Evidence) -> bool:
    """Whether the image starts a program other than a compiler, a build tool or a shell."""
    config = evidence.image.config
    words = [*config.entrypoint, *config.cmd]
    names = [word.rpartition("/")[2] for word in words[:3]]
    if not names or _BUILD_PROGRAMS & set(names):
        return False
    return not all(name in _SHELLS or name.startswith("-") for name in names)


def _claims(
    evidence: Evidence,
    group: Group,
    patterns: Sequence[str],
    family: Sequence[str],
    spare: Sequence[str],
) -> Iterator[Claim]:
    """Claims about the files added by a step, split by whether the packages that it names can be removed again."""
    step = evidence.step(group.layer)
    installation = installation_of(evidence, step)
    database = (
        evidence.once(read_apt_database)
        if installation and installation.manager in ("apt-get", "apt")
        else None
    )
    if installation is None or database is None or evidence.is_base(group.layer):
        place = Place(evidence, group, patterns)
        yield _claim(group, not_copied(place) or _removal_fix(evidence, step, installation, None))
        return
    names, removed = database.removed_with(
        _package(installation.text(word)) for word in _build_packages(installation)
    )
    owners = _owners(evidence, database, group.paths)
    is_removed = np.array([owner in removed for owner in owners], bool)
    is_unowned = np.array([owner is None for owner in owners], bool)
    if is_removed.any():
        fix = _removal_fix(evidence, step, installation, names)
        related = None
        if fix.edits and family:
            related = _with_their_packages(evidence, database, group.layer, removed, family, spare)
        yield _claim(_part(evidence, group, is_removed, related), fix)
    if is_unowned.any():
        yield _claim(_part(evidence, group, is_unowned), _stage_fix(evidence, step))
    # The remaining files belong to packages that are needed at run time.
    pulled_in = {} if names else _pulled_in(database, installation, {*owners})
    is_pulled_in = np.array([owner in pulled_in for owner in owners], bool)
    if is_pulled_in.any():
        yield _claim(
            _part(evidence, group, is_pulled_in),
            _exclusion_fix(evidence, step, installation, pulled_in),
            Confidence.LOW,
        )


def _claim(group: Group, fix: Fix, confidence: Confidence | None = None) -> Claim:
    return Claim(
        fix,
        (group.layer,),
        inodes=group.inodes,
        paths=group.paths,
        confidence=confidence,
    )


def _part(
    evidence: Evidence,
    group: Group,
    chosen: NDArray[np.bool_],
    further: NDArray[np.int32] | None = None,
) -> Group:
    """Some files of a group, and further ones of its layer; with all names of a content, or none, as in `by_layer`."""
    paths = group.paths[chosen]
    if further is not None and len(further):
        paths = np.concatenate((paths, further))
        paths = paths[np.lexsort((paths, -evidence.live_sizes[paths]))]
    paths = evidence.without_other_names(paths)
    inodes = np.unique(evidence.live_inodes[paths])
    return Group(group.layer, paths, inodes, int(evidence.stored(inodes).sum()))


def _with_their_packages(
    evidence: Evidence,
    database: AptDatabase,
    layer: int,
    removed: frozenset[str],
    family: Sequence[str],
    spare: Sequence[str],
) -> NDArray[np.int32]:
    """Files of removed packages that a layer stores, except those that a rule of the family looks for (all but `spare`); none if
    they are already claimed.
    """
    claimed_layers = evidence.once(_purged)
    if layer in claimed_layers:
        return np.zeros(0, np.int32)
    claimed_layers.add(layer)
    selected = evidence.selector.select(family) & ~evidence.selector.select(spare)
    paths = np.flatnonzero(evidence.live_files & ~selected).astype(np.int32)
    paths = paths[evidence.filesystem.inodes.layers(evidence.live_inodes[paths]) == layer]
    owners = _owners(evidence, database, paths)
    owned: NDArray[np.int32] = paths[np.array([owner in removed for owner in owners], bool)]
    return owned


def _purged(_: Evidence) -> set[int]:
    """The layers whose removed packages are claimed already."""
    return set()


def _owners(
    evidence: Evidence, database: AptDatabase, paths: NDArray[np.int32]
) -> list[str | None]:
    order = np.argsort(paths)
    table, inodes = evidence.filesystem.table, evidence.filesystem.inodes
    owners: list[str | None] = [None] * len(paths)
    for at, name in zip(order.tolist(), table.full_paths(paths[order]), strict=True):
        if name.startswith(_ALTERNATIVES):  # dpkg's record of a link from the package
            link = table.find(b"etc/alternatives/" + name.removeprefix(_ALTERNATIVES))
            inode = -1 if link is None else int(evidence.live_inodes[link])
            name = b"" if inode < 0 else inodes.target(inode).lstrip(b"/")
        owners[at] = database.owner(name)
    return owners


def _build_packages(installation: Installation) -> list[Word]:
    """The packages named by an installation that are only needed for building."""
    return [
        word for word in installation.packages if _BUILD_PACKAGES.fullmatch(installation.text(word))
    ][:_MAX_PACKAGES]


def _package(word: str) -> str:
    return re.split("[=:/]", word, maxsplit=1)[0]


def _pulled_in(
    database: AptDatabase, installation: Installation, owners: set[str | None]
) -> dict[str | None, str]:
    """For each package that is removed together with a named one, the argument that names it."""
    pulled_in: dict[str | None, str] = {}
    for word in map(installation.text, installation.packages[:_MAX_PACKAGES]):
        _, removed = database.removed_with([_package(word)])
        pulled_in |= dict.fromkeys((removed & owners) - {_package(word)}, word)
    return pulled_in


def _exclusion_fix(
    evidence: Evidence, step: Step, installation: Installation, pulled_in: dict[str | None, str]
) -> Fix:
    """A fix that leaves out packages which pull in build tools."""
    comment = []
    for word in dict.fromkeys(pulled_in.values()):
        names = sorted(name for name in pulled_in if name and pulled_in[name] == word)
        more = " and others" if len(names) > MAX_NAMED else ""
        comment.append(f"# {word} pulls in {', '.join(names[:MAX_NAMED])}{more}")
    left_out = [
        word for word in installation.packages if installation.text(word) in pulled_in.values()
    ]
    without = _without(evidence, step, installation, left_out)
    return (
        "\n".join(comment)
        + "\n# if nothing in the container runs it, use it in a separate stage (FROM … AS build) and leave it out here:\n"
        + Fix(without.text, advice=without.advice)  # whether anything runs it is not known
    )


def _without(
    evidence: Evidence, step: Step, installation: Installation, left_out: Sequence[Word]
) -> Fix:
    """The installation without some packages; a comment if it installs no others."""
    if len(left_out) == len(installation.packages):
        return Fix(commented(instruction_text(evidence, step)))
    changes = without_words(installation.command, left_out)
    names = " ".join(map(installation.text, left_out))
    return run_and(evidence, step, "", changes=changes, advice=f"# without {names}")


def _removal_fix(
    evidence: Evidence, step: Step, installation: Installation | None, usable: frozenset[str] | None
) -> Fix:
    """A fix that removes build packages in the step that installs them, or leaves them out if the step uses none of them;
    otherwise a separate stage. Only packages in `usable` can be removed without harm; None means all.
    """
    if installation is None or installation.run.parsed is None or not can_append(evidence, step):
        return _stage_fix(evidence, step)
    words = [
        word
        for word in _build_packages(installation)
        if usable is None or _package(installation.text(word)) in usable
    ]
    if not words:
        return _stage_fix(evidence, step)
    names = [installation.text(word) for word in words]
    if all(name in _NEVER_COMPILE for name in programs(installation.run)):
        comment = (
            f"# nothing in this step uses {', '.join(names)}: leave it out, or, if a later step builds with it, install it and build in a"
            " separate stage (FROM … AS build), and copy only the result\n"
        )
        without = _without(evidence, step, installation, words)
        return comment + Fix(without.text, advice=without.advice)  # its purpose is not known
    comment = "# build in the same RUN and then remove them, or build in a separate stage\n"
    return comment + run_and(evidence, step, _REMOVE[installation.manager].format(" ".join(names)))


def _stage_fix(evidence: Evidence, step: Step) -> Fix:
    return Fix(
        "# build in a separate stage, and copy only the result\n"
        f"FROM … AS build\n{instruction_text(evidence, step)}\n\nFROM …\nCOPY --from=build … …"
    )
