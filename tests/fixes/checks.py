"""Properties that a fix has to keep: the commands, their order, where they run, and which failures fail it."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from tests.fixes.chroot import Call, Chroot, Outcome
from tests.fixes.dockerfile import Instruction
from tests.fixes.entry import Entry

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_RUNNABLE = re.compile(r"(?:/bin/|/usr/bin/)?(?:ba|da|a)?sh")
_SHEBANG = re.compile(r"#!\s*(?:/usr/bin/env\s+)?(?:\S*/)?(ba|da|a)?sh\b")
_DELETES = re.compile(r"(?:rm|rmdir|unlink)\b|find .*(?:-delete|-exec rm )")
_CHANGES = re.compile(r"(?:chown|chmod|chgrp|touch|setcap)\b")
_APT = r"apt(-get)?\b.* (update|install|upgrade|dist-upgrade|build-dep|source)\b"


@dataclass(frozen=True)
class Kind:
    """What the fix of a rule may change in the commands that run."""

    fills: str = r"^\b$"
    """Pattern of the commands that store the files of the finding."""
    adds: str = ""
    """Pattern of commands, besides deletions, that remove them again."""
    options: str = r"^\b$"
    """Pattern of options that prevent storing them."""
    drops: str = r"^\b$"
    """Pattern of commands that are no longer needed."""
    words: bool = False
    """Whether the fix may remove words of an installation."""


KINDS = {
    "apt-lists": Kind(_APT, r"apt(-get)? dist-?clean"),
    "apt-archives": Kind(_APT, r"apt(-get)? (dist-?)?clean"),
    "debian-backups": Kind(_APT),
    "apk-cache": Kind(r"apk\b.* (add|update|upgrade)\b", r"apk cache clean", "--no-cache"),
    "dnf-cache": Kind(
        r"((micro|t)?dnf5?|yum)\b.* (install|update|upgrade|groupinstall|makecache)\b",
        r"((micro|t)?dnf5?|yum)( -\S+)* clean",
        r"--setopt=\S+",
    ),
    "zypper-cache": Kind(
        r"zypper\b.* (refresh|ref|install|in|update|up)\b", r"zypper( -\S+)* (clean|cc)\b"
    ),
    "pacman-cache": Kind(r"pacman -S", r"pacman -Sc+"),
    "pip-cache": Kind(
        r"(python[\d.]* -m )?pip[\d.]*( -\S+)* install\b", r"pip cache purge", "--no-cache-dir"
    ),
    "uv-cache": Kind(r"uv (sync|pip|add|tool)\b", "uv cache clean", "--no-cache|-n"),
    "poetry-cache": Kind(r"poetry (install|add)\b", "poetry cache clear", "--no-cache"),
    "npm-cache": Kind(r"npm (ci|install|i|run|rebuild|exec)\b|npx|corepack", "npm cache clean"),
    "yarn-cache": Kind(r"yarn( install| add| global| build|$)", "yarn cache clean"),
    "pnpm-store": Kind(r"(pnpm|bun) (install|i|add|fetch)\b", "pnpm store prune"),
    "go-cache": Kind(r"(go (build|mod|install|get|vet|test|run)|make)\b", "go clean"),
    "cargo-registry": Kind(r"cargo (build|install|fetch|test)\b"),
    "maven-repository": Kind("mvnw?"),
    "gradle-cache": Kind("gradlew?"),
    "composer-cache": Kind(
        r"composer (install|update|require)\b", "composer clear-?cache", "--no-cache"
    ),
    "gem-cache": Kind("(gem|bundle) install", "gem cleanup"),
    "conda-packages": Kind(
        r"(conda|mamba|micromamba)( -\S+)* (env|install|create|update)\b",
        "(conda|mamba|micromamba) clean",
    ),
    "deleted-later": Kind(
        adds=r"apk del|(apt-get|dnf|yum) .*(purge|remove)|\S+ cache clean|apt-get clean",
        drops=_DELETES.pattern,
    ),
    "rewritten-for-attributes": Kind(drops=_CHANGES.pattern),
    "stored-again": Kind(drops=_CHANGES.pattern),
    "node-development": Kind(r"(npm|yarn|pnpm)\b", "npm prune", "--omit=dev|--production|--prod"),
    "sparse-giant": Kind(options="--no-log-init|-l"),
    "python-bytecode": Kind(options="--no-compile"),
}
"""The kinds of rules whose fixes do more than delete the files of the finding."""
for _rule in ("compilers", "headers", "static-libraries", "toolchains", "debug-symbols"):
    KINDS[_rule] = Kind(
        adds=r"(apt-get|apk|dnf|microdnf|yum|zypper) .*(purge|remove|del|autoremove)", words=True
    )


def runnable(instruction: Instruction) -> bool:
    """Whether a RUN uses a shell that the chroot has."""
    if instruction.name != "RUN":
        return False
    if instruction.is_script:
        return bool(_SHEBANG.match(instruction.script))
    return instruction.words is not None or bool(_RUNNABLE.fullmatch(instruction.shell[0]))


class Runner:
    """Runs the instructions of an entry and of its fixes, each once for each command that fails."""

    def __init__(self, chroot: Chroot, entry: Entry) -> None:
        self._chroot = chroot
        self._declared = {name for each in entry.instructions for name in each.variables}
        self._known: dict[tuple[object, ...], Outcome] = {}

    def run(self, instruction: Instruction, failing: Sequence[str] = ()) -> Outcome:
        """The outcome of a RUN if a command with these words fails."""
        user = instruction.user
        environment = {"PATH": PATH, "HOME": "/root" if user in ("root", "0") else f"/home/{user}"}
        environment |= instruction.variables
        environment |= {"RUN_AS": "root" if user == "0" else user, "FAIL": "\037".join(failing)}
        files: dict[str, str] = {}
        words = instruction.words
        if instruction.is_script:
            name = f"/dev/pipes/{instruction.heredocs[0][0]}"
            files, words = {name: instruction.script}, (name,)
        elif words is None:
            words = (*instruction.shell, instruction.script)
        key = (words, tuple(environment.items()), instruction.folder, tuple(files.items()))
        if key not in self._known:
            outcome = self._chroot.run(words, environment, instruction.folder, files)
            self._known[key] = replace(outcome, calls=tuple(map(self._undeclared, outcome.calls)))
        return self._known[key]

    def _undeclared(self, call: Call) -> Call:
        """A call without the variables of ENV and ARG: a merged RUN may well see those of all."""
        environment = (
            each for each in call.environment if each.partition("=")[0] not in self._declared
        )
        return replace(call, environment=frozenset(environment))

    def run_all(self, instructions: Iterable[Instruction], failing: Sequence[str] = ()) -> Outcome:
        """RUNs one after the other, up to the first that fails."""
        calls: list[Call] = []
        for instruction in instructions:
            outcome = self.run(instruction, failing)
            calls += outcome.calls
            if outcome.failed:
                return Outcome(tuple(calls), failed=True, errors=outcome.errors)
        return Outcome(tuple(calls), failed=False, errors="")


@dataclass(frozen=True)
class Pair:
    """A command of the original and the same command in the fix; None for one that only one of both runs."""

    old: Call | None
    new: Call | None


def faults(
    runner: Runner,
    entry: Entry,
    rule: str,
    steps: Sequence[int],
    paths: Sequence[str],
    fix: Sequence[Instruction],
) -> list[str]:
    """What is wrong with the run of a fix; `steps` are those that the fix claims to replace."""
    new = [each for each in fix if each.name == "RUN"]
    if not new or _is_described(entry, new):
        return []
    if not all(map(runnable, new)):
        return _changed_foreign_scripts(entry, new)
    runs = [(n, each) for n, each in enumerate(entry.steps()) if each and each.name == "RUN"]
    if not all(runnable(each) for _, each in runs):
        return []
    replaced = [each for n, each in runs if n in steps]
    others = [each for _, each in runs]
    candidates = [replaced]
    for count in range(len(others), 0, -1):
        candidates += [list(chosen) for chosen in combinations(others, count)]
    wrong_so_far: list[str] = []
    for old in filter(None, candidates):
        pairs = _pairs_of_calls(runner, entry, KINDS.get(rule, Kind()), old, new)
        if isinstance(pairs, str):
            wrong_so_far = wrong_so_far or [pairs]
            continue
        wrong = _compare(runner, entry, [(rule, paths)], old, new, pairs)
        if not wrong:
            return []
        wrong_so_far = wrong
    return wrong_so_far


def patch_faults(
    runner: Runner,
    entry: Entry,
    claims: Sequence[tuple[str, Sequence[str]]],
    fixed: Sequence[Instruction],
) -> list[str]:
    """What is wrong with the run of the last stage of a whole Dockerfile; `claims` are the rules and paths that were fixed."""
    old = [each for each in entry.instructions if each.name == "RUN"]
    new = [each for each in fixed if each.name == "RUN"]
    if not all(map(runnable, (*old, *new))):
        return _changed_foreign_scripts(entry, new)
    kinds = [KINDS.get(rule, Kind()) for rule, _ in claims]
    pairs = _pairs_of_calls(runner, entry, _combined(kinds), old, new)
    if isinstance(pairs, str):
        return [pairs]
    return _compare(runner, entry, claims, old, new, pairs)


def _combined(kinds: Sequence[Kind]) -> Kind:
    """What the fixes of several rules may change together."""
    return Kind(
        fills="|".join(f"(?:{kind.fills})" for kind in kinds),
        adds="|".join(f"(?:{kind.adds})" for kind in kinds if kind.adds),
        options="|".join(f"(?:{kind.options})" for kind in kinds),
        drops="|".join(f"(?:{kind.drops})" for kind in kinds),
        words=any(kind.words for kind in kinds),
    )


def _is_described(entry: Entry, new: Sequence[Instruction]) -> bool:
    """Whether a fix quotes commands unchanged and describes in words what to do."""
    return all(
        any(
            _words(each) == _words(before) and {*each.flags} <= {*before.flags}
            for before in entry.instructions
            if before.name == "RUN"
        )
        for each in new
    )


def _words(run: Instruction) -> list[str]:
    return list(run.words) if run.words is not None else run.script.split()


def _changed_foreign_scripts(entry: Entry, new: Sequence[Instruction]) -> list[str]:
    """Faults for scripts of shells that the chroot lacks: they have to stay unchanged."""
    scripts = {each.script.strip() for each in entry.instructions if each.name == "RUN"}
    return [
        f"changes what {' '.join(each.shell)} runs: {each.script}"
        for each in new
        if each.script.strip() not in scripts and not runnable(each)
    ]


def _pairs_of_calls(
    runner: Runner,
    entry: Entry,
    kind: Kind,
    old: Sequence[Instruction],
    new: Sequence[Instruction],
) -> list[Pair] | str:
    before, after = runner.run_all(old), runner.run_all(new)
    if before.failed:
        return f"the corpus itself: {before.errors}"
    if after.failed:
        return f"fails: {after.errors}"
    return _align(before.calls, after.calls, kind, entry.unordered)


def _compare(
    runner: Runner,
    entry: Entry,
    claims: Sequence[tuple[str, Sequence[str]]],
    old: Sequence[Instruction],
    new: Sequence[Instruction],
    pairs: Sequence[Pair],
) -> list[str]:
    """Faults other than different commands."""
    wrong = _lost_files(entry, claims, pairs)
    for rule, paths in claims:
        wrong += _remaining_paths(KINDS.get(rule, Kind()), rule, paths, new, pairs)
    for pair in pairs:
        if pair.old is None or pair.new is None:
            continue
        failed_before = runner.run_all(old, pair.old.words).failed
        failed_after = runner.run_all(new, pair.new.words).failed
        if failed_before and not failed_after:
            wrong.append(f"passes though `{' '.join(pair.new.words)}` fails")
        if failed_after and not failed_before:
            wrong.append(
                f"fails where the original passed though `{' '.join(pair.old.words)}` fails"
            )
    return list(dict.fromkeys(wrong))


def _align(
    old: Sequence[Call], new: Sequence[Call], kind: Kind, unordered: bool
) -> list[Pair] | str:
    """The commands of both, side by side; a sentence if they differ."""
    if unordered:
        old, new = (
            sorted(old, key=lambda call: call.words),
            sorted(new, key=lambda call: call.words),
        )
    # reached[j]: how the first i of the old and j of the new can be side by side
    reached: dict[int, tuple[Pair, ...]] = {0: ()}
    for index in range(len(old) + 1):
        for position in range(len(new) + 1):
            if position not in reached:
                continue
            if (
                position < len(new)
                and position + 1 not in reached
                and _may_be_added(new[position], kind)
            ):
                reached[position + 1] = (*reached[position], Pair(None, new[position]))
        if index == len(old):
            break
        following: dict[int, tuple[Pair, ...]] = {}
        for position, pairs in reached.items():
            if position < len(new) and _is_same_call(old[index], new[position], kind):
                following.setdefault(position + 1, (*pairs, Pair(old[index], new[position])))
        for position, pairs in reached.items():
            if re.match(kind.drops, " ".join(old[index].words)):
                following.setdefault(position, (*pairs, Pair(old[index], None)))
        if not following:
            furthest = max(reached)
            place = new[furthest] if furthest < len(new) else None
            return f"does not run {_call_text(old[index])} but {_call_text(place)}"
        reached = following
    if len(new) not in reached:
        return f"runs {_call_text(new[max(reached)])} besides"
    return list(reached[len(new)])


def _call_text(call: Call | None) -> str:
    if call is None:
        return "nothing more"
    return (
        f"`{' '.join(call.words)}` in {call.folder} as {call.user} with {sorted(call.environment)}"
    )


def _may_be_added(call: Call, kind: Kind) -> bool:
    text = " ".join(call.words)
    if re.match(r"(?:gem|go|npm|conda) (?:env|config|root)\b", text):
        return True  # only prints a path
    return (
        bool(_DELETES.match(text))
        or bool(kind.adds and re.match(kind.adds, text))
        or call.words[0] == "ln"
    )


def _is_same_call(old: Call, new: Call, kind: Kind) -> bool:
    if (old.user, old.folder, old.environment) != (new.user, new.folder, new.environment):
        return False  # it would run in another environment
    if old.words == new.words:
        return True
    words = tuple(
        word for word in new.words if not re.fullmatch(kind.options, word) or word in old.words
    )
    if words == old.words:
        return True
    return kind.words and words[:2] == old.words[:2] and set(words) < set(old.words)


def _lost_files(
    entry: Entry, claims: Sequence[tuple[str, Sequence[str]]], pairs: Sequence[Pair]
) -> list[str]:
    """Faults for files of the final image that an added deletion removes."""
    if any(rule == "duplicate-directories" for rule, _ in claims):
        return []
    claimed = [path for _, paths in claims for path in paths]
    live = {path for path in entry.live() if not any(_covers(path, claim) for claim in claimed)}
    wrong = []
    for pair in pairs:
        if pair.old is None and pair.new is not None and pair.new.words[0] == "rm":
            for word in pair.new.words[1:]:
                deleted = [path for path in live if _covers(_absolute(word, pair.new), path)]
                if deleted and not word.startswith("-"):
                    wrong.append(f"deletes {deleted[0]}")
    return wrong


def _remaining_paths(
    kind: Kind,
    rule: str,
    paths: Sequence[str],
    new: Sequence[Instruction],
    pairs: Sequence[Pair],
) -> list[str]:
    """Faults for claimed paths that still exist in the end."""
    if rule in ("overwritten", "stored-again", "rewritten-for-attributes") or kind.words:
        return []
    mounts = [
        flag
        for each in new
        for flag in each.flags
        if re.match("--mount=.*type=(?:cache|tmpfs|bind)", flag)
    ]
    calls = [pair.new for pair in pairs if pair.new is not None]
    fillers = [n for n, call in enumerate(calls) if re.match(kind.fills, " ".join(call.words))]
    last = max(fillers, default=-1)
    later = calls[last + 1 :] if rule != "deleted-later" else calls
    filler = calls[last] if last >= 0 else None
    optioned = bool(fillers) and all(
        any(re.fullmatch(kind.options, word) for word in calls[n].words) for n in fillers
    )
    if optioned:
        return []
    wrong = []
    for path in (f"/{path.lstrip('/')}" for path in paths):
        users = {each.user for each in new}
        mount = next((flag for flag in mounts if _covers(_target(flag), path)), None)
        if mount is not None:
            owned = not path.startswith("/home/") or "uid=" in mount or "type=cache" not in mount
            if not owned and users != {"root"}:
                wrong.append(f"{path} is in a cache that its user cannot write to")
            continue
        if not any(_removes(call, path, kind, filler) for call in later):
            wrong.append(f"{path} is still there in the end")
    return wrong


def _removes(call: Call, path: str, kind: Kind, filler: Call | None) -> bool:
    """Whether a command removes a path."""
    if call.user != "root" and not path.startswith((f"/home/{call.user}/", "/tmp/")):
        return False  # the user does not own it
    text = " ".join(call.words)
    if kind.adds and re.match(kind.adds, text):
        return (
            filler is None or call.home == filler.home or not path.startswith(("/root/", "/home/"))
        )
    if call.words[0] == "rm":
        return any(_covers(_absolute(word, call), path) for word in call.words[1:])
    if call.words[0] == "find" and _DELETES.match(text):
        roots = [word for word in call.words[1:] if word.startswith(("/", "."))]
        return any(_covers(_absolute(word, call), path) for word in roots)
    return False


def _absolute(word: str, call: Call) -> str:
    return posixpath.normpath(posixpath.join(call.folder, word))


def _covers(pattern: str, path: str) -> bool:
    """Whether a shell pattern matches a path or a directory above it."""
    parts, names = pattern.strip("/").split("/"), path.strip("/").split("/")
    if len(parts) > len(names):
        return False
    return all(map(fnmatch.fnmatchcase, names, parts))


def _target(flag: str) -> str:
    found = re.search(r"(?:target|dst|destination)=([^,]*)", flag)
    return found[1].strip("\"'") if found else ""
