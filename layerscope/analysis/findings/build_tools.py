"""Rules about what is for building alone: taking its packages out again, not installing them, or a stage of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence, Group
from layerscope.analysis.findings.finding import NAMED, Claim
from layerscope.analysis.findings.fixes import commented, instruction_text, is_open_run, run_and
from layerscope.analysis.findings.known_paths import Place, not_copied
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.run_time_compilers import compiles_at_run_time
from layerscope.analysis.packages.apt_dependencies import AptDatabase, read_apt_database
from layerscope.image.history import Step
from layerscope.image.instruction import readable
from layerscope.words import Confidence

_INSTALL = re.compile(
    r"\b(apt-get|apt|apk|dnf|microdnf|yum|zypper)\s+(?:-\S+\s+)*(?:install|add)\s+([^;&|]*)"
)
_REMOVE = {
    "apt-get": "apt-get purge -y --auto-remove {}",
    "apt": "apt-get purge -y --auto-remove {}",
    "apk": "apk del {}",
    "dnf": "dnf remove -y {}",
    "microdnf": "microdnf remove -y {}",
    "yum": "yum remove -y {}",
    "zypper": "zypper remove -y --clean-deps {}",
}
_BUILDS = re.compile(
    r"(?:build-essential|build-base|gcc|g\+\+|gcc-c\+\+|clang|cpp|make|cmake|autoconf|automake|libtool|binutils|dpkg-dev"
    r"|pkg-config|linux-headers|musl-dev|rustc|cargo|golang|golang-go|.*-dev|.*-devel|.*-headers)(?:=.*|-\d+)?"
)
"""Packages that are for building alone."""
_LOOKED = 100
"""Packages of one installation that are looked at."""
_BUILDERS = frozenset(
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
_INSTALLS = re.compile(
    r"(?:&&|;|\|\|)?\s*(?:[A-Z_]+=\S+\s+)*(?:set\s+-|export\s|echo\s|true\b|(?:rm|mkdir|ln|chmod|chown|cp|mv|cat|touch)\s|sed\s+-i\b.*/etc/(?:apt|apk|yum)"
    r"|(?:apt-get|apt|apk|dnf|microdnf|yum|zypper|apt-mark|update-ca-certificates|adduser|addgroup|useradd|groupadd)(?:\s|$))"
)
"""Commands that compile nothing."""


def build_rule(
    name: str,
    *,
    title: str,
    why: str,
    patterns: Sequence[str],
    spare: Sequence[str] = (),
    needing: Callable[[Evidence], str | None] = compiles_at_run_time,
    finds: str = "",
    wrong: str = "",
) -> Rule:
    """A rule that claims what lies at or below `patterns`, but for `spare`, in an image that runs something. Beside software that
    needs it at run time, whose name `needing` returns, it is a mere hint."""

    def find(evidence: Evidence) -> Iterator[Claim]:
        files = evidence.live_under(*patterns)
        if not files.any() or not runs_something(evidence):
            return
        if spare:
            files &= ~evidence.selector.select(spare)
        compiling = evidence.once(needing)
        for group in evidence.by_layer(files):
            for claim in _claims(evidence, group, patterns):
                yield claim if compiling is None else _doubted(claim, compiling)

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


def _doubted(claim: Claim, compiling: str) -> Claim:
    """A claim about what software of the image may need."""
    why = f"Only compilers and linkers read it. But this image has {compiling}, which compiles while the container runs."
    return replace(claim, why=why, confidence=Confidence.LOW)


def runs_something(evidence: Evidence) -> bool:
    """Whether the image starts a program other than a compiler, a build tool or a shell."""
    config = evidence.image.config
    words = [*config.entrypoint, *config.cmd]
    names = [word.rpartition("/")[2] for word in words[:3]]
    if not names or _BUILDERS & set(names):
        return False
    return not all(name in _SHELLS or name.startswith("-") for name in names)


def _claims(evidence: Evidence, group: Group, patterns: Sequence[str]) -> Iterator[Claim]:
    """The files added by a step, split by whether the packages it names can be removed again."""
    step = evidence.step(group.layer)
    found = _INSTALL.search(step.arguments)
    database = (
        evidence.once(read_apt_database) if found and found[1] in ("apt-get", "apt") else None
    )
    if found is None or database is None or evidence.is_base(group.layer):
        place = Place(evidence, group, patterns)
        yield _claim(group, not_copied(place) or _taken_out(step, found, None))
        return
    names, gone = database.removed_with(_package(word) for word in _for_building(found))
    owners = _owners(evidence, database, group.paths)
    ours = np.array([owner in gone for owner in owners], bool)
    loose = np.array([owner is None for owner in owners], bool)
    if ours.any():
        yield _claim(_part(evidence, group, ours), _taken_out(step, found, names))
    if loose.any():
        yield _claim(_part(evidence, group, loose), _staged(step))
    # What is left is there for packages that run: it is weight of these.
    bringing = {} if names else _bringing(database, found, {*owners})
    theirs = np.array([owner in bringing for owner in owners], bool)
    if theirs.any():
        yield _claim(
            _part(evidence, group, theirs), _not_brought(step, found, bringing), Confidence.LOW
        )


def _claim(group: Group, fix: str, confidence: Confidence | None = None) -> Claim:
    return Claim(
        fix,
        (group.layer,),
        inodes=group.inodes,
        paths=group.paths,
        confidence=confidence,
    )


def _part(evidence: Evidence, group: Group, chosen: NDArray[np.bool_]) -> Group:
    """Some files of a group; all names of a content, or none, as `by_layer` has it."""
    paths = evidence.sole(group.paths[chosen])
    inodes = np.unique(evidence.live_inodes[paths])
    return Group(group.layer, paths, inodes, int(evidence.stored(inodes).sum()))


def _owners(
    evidence: Evidence, database: AptDatabase, paths: NDArray[np.int32]
) -> list[str | None]:
    order = np.argsort(paths)
    names = evidence.filesystem.table.full_paths(paths[order])
    found: list[str | None] = [None] * len(paths)
    for at, name in zip(order.tolist(), names, strict=True):
        found[at] = database.owner(name)
    return found


def _for_building(found: re.Match[str]) -> list[str]:
    """The packages that an installation names and that are for building alone."""
    return [word for word in found[2].split() if _BUILDS.fullmatch(word)][:_LOOKED]


def _package(word: str) -> str:
    return re.split("[=:/]", word, maxsplit=1)[0]


def _bringing(
    database: AptDatabase, found: re.Match[str], owners: set[str | None]
) -> dict[str | None, str]:
    """For packages removed together with one that an installation names, the word that names it."""
    words = [word for word in found[2].split() if not word.startswith("-")]
    brought: dict[str | None, str] = {}
    for word in words[:_LOOKED]:
        _, gone = database.removed_with([_package(word)])
        brought |= dict.fromkeys((gone & owners) - {_package(word)}, word)
    return brought


def _not_brought(step: Step, found: re.Match[str], bringing: dict[str | None, str]) -> str:
    """Do without the packages that bring others for building."""
    comment = []
    for word in dict.fromkeys(bringing.values()):
        brought = sorted(name for name in bringing if name and bringing[name] == word)
        more = " and others" if len(brought) > NAMED else ""
        comment.append(f"# {word} brings {', '.join(brought[:NAMED])}{more}")
    return (
        "\n".join(comment)
        + "\n# where nothing runs it in the container, use it in a stage of its own (FROM … AS build), and here do"
        f" without:\n{_without(step, found, {*bringing.values()})}"
    )


def _without(step: Step, found: re.Match[str], words: Collection[str]) -> str:
    """An installation without some packages, a comment if it installs no others."""
    kept = [word for word in found[2].split() if word not in words]
    if all(word.startswith("-") for word in kept):
        return commented(instruction_text(step))
    start, end = found.span(2)
    space = " " if end < len(step.arguments) else ""
    text = f"{step.arguments[:start]}{' '.join(kept)}{space}{step.arguments[end:]}"
    return instruction_text(replace(step, arguments=text))


def _taken_out(step: Step, found: re.Match[str] | None, usable: frozenset[str] | None) -> str:
    """Take the packages for building out again where the step itself installs them, or do not install them if it uses none
    of them; else a stage of its own. Only those that are `usable` can be taken out without harm; None for all."""
    if found is None or not is_open_run(step):
        return _staged(step)
    words = [word for word in _for_building(found) if usable is None or _package(word) in usable]
    if not words:
        return _staged(step)
    if all(_INSTALLS.match(part.strip()) for part in readable(step.arguments)):
        named = ", ".join(words)
        comment = (
            f"# nothing in this step uses {named}: do without, or, where a later step builds with that, install it and build in a"
            " stage of its own (FROM … AS build), and copy only what was built\n"
        )
        return comment + _without(step, found, words)
    comment = (
        "# build what needs them in the same RUN, or in a stage of its own, then take them out"
    )
    return f"{comment}\n{run_and(step, _REMOVE[found[1]].format(' '.join(words)))}"


def _staged(step: Step) -> str:
    return (
        "# build in a stage of its own, and copy only what was built\n"
        f"FROM … AS build\n{instruction_text(step)}\n\nFROM …\nCOPY --from=build … …"
    )
