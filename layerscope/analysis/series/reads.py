"""Which of the files that a COPY brought a RUN reads, as far as its commands are known.

A RUN may read whatever it likes. Only commands that are known to read nothing of an application's sources, or nothing but the files
that name its dependencies, tell; of any other RUN nothing is claimed.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from layerscope.analysis.findings.runs import Run, called_words, program_index
from layerscope.image.shell import Command, Script

Read = Callable[[str], bytes | None]
"""The content of a file of the image by its absolute path; None if there is none, or it cannot be read."""

MOST_FILES = 20
"""Most files of which a RUN is known to need nothing but them."""
_SYSTEM = frozenset(("apt-get", "apt", "apk", "dnf", "microdnf", "yum", "zypper"))
_WITHOUT_FILES = frozenset(
    (
        *("set", "true", ":", "echo", "printf", "export", "locale-gen", "corepack"),
        *("useradd", "groupadd", "adduser", "addgroup", "usermod", "groupmod"),
    )
)
"""Commands that read no file of an application, whatever their arguments are."""
_OF_FILES = frozenset(
    ("rm", "mkdir", "ln", "chmod", "chown", "touch", "tar", "install", "test", "[", "mv", "cp")
)
"""Commands that touch the files that they are given, and no others."""
_FETCHING = frozenset(("curl", "wget"))
_SENDING = re.compile(r"@|-T|-K|--upload|--config|--post-file|--body-file|--input-file|-i$")
"""Words that have those read a file."""
_PYTHON = re.compile(r"python[\d.]*")
_PIP = re.compile(r"pip[\d.]*")
_NODE_HOOKS = ("preinstall", "install", "postinstall", "prepare")
_NODE_LOCKS = {
    "npm": ("package-lock.json", "npm-shrinkwrap.json", ".npmrc"),
    "yarn": ("yarn.lock", ".yarnrc", ".yarnrc.yml", ".npmrc"),
    "pnpm": ("pnpm-lock.yaml", ".npmrc"),
}
_LOCAL = re.compile(
    r"^\s*(?:-e|--editable|-f|--find-links|\.{0,2}/|\.|file:)|@\s*file:", re.MULTILINE
)
"""Lines of a requirements file that name something of the machine itself."""
_INCLUDED = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]\s*(\S+)", re.MULTILINE)
_TAKING = frozenset(("-r", "--requirement", "-c", "--constraint"))
_PIP_WORDS = frozenset(
    ("-i", "--index-url", "--extra-index-url", "--trusted-host", "-t", "--target")
)


class _UnknownError(Exception):
    """It is not known what a command reads."""


def files_read(run: Run, folder: str, tree: str, read: Read) -> list[str] | None:
    """The absolute paths of the files below `tree` that a RUN in `folder` reads; None if that is not known."""
    if run.parsed is None or not run.commands:
        return None
    try:
        found = [
            path
            for command in run.commands
            for path in _read_by(run.parsed, command, folder, tree, read)
        ]
    except _UnknownError:
        return None
    inside = list(dict.fromkeys(path for path in found if is_below(path, tree)))
    return inside if len(inside) <= MOST_FILES else None


def is_below(path: str, tree: str) -> bool:
    """Whether a path is that of a directory, or below it."""
    return path == tree or tree == "/" or path.startswith(f"{tree}/")


def _read_by(script: Script, command: Command, folder: str, tree: str, read: Read) -> Iterator[str]:
    """The files that a command reads. Raises `_UnknownError`."""
    if not command.words:
        return  # it sets variables
    name, *values = called_words(command)
    words = [_bare(script.word_text(word)) for word in command.words[program_index(command) + 1 :]]
    if _PYTHON.fullmatch(name) and values[:1] == ["-m"] and len(values) > 1:
        name, values, words = values[1], values[2:], words[2:]
    if name in _SYSTEM:
        _check_outside([word for word in words if "/" in word], folder, tree)
    elif name in _WITHOUT_FILES:
        return
    elif name in _FETCHING:
        if any(map(_SENDING.match, words)) or any("=@" in word for word in words):
            raise _UnknownError
    elif name in _OF_FILES:
        skipped = 1 if name in ("chmod", "chown") else 0  # the mode, the owner
        _check_outside(
            [word for word in words if word[:1] != "-" or "=" in word][skipped:], folder, tree
        )
    elif _PIP.fullmatch(name):
        yield from _pip(values, folder, read)
    elif name == "uv" and values[:1] == ["pip"]:
        yield from _pip(values[1:], folder, read)
    elif name in _NODE_LOCKS:
        yield from _node(name, values, folder, read)
    elif name == "go" and values[:2] == ["mod", "download"]:
        yield from _named(("go.mod", "go.sum"), folder, read, unless=r"=>\s*\.{0,2}/")
    elif name in ("bundle", "bundler") and values[:1] in ([], ["install"]):
        yield from _named(("Gemfile", "Gemfile.lock"), folder, read, unless=r"\bpath\b|\bgemspec\b")
    elif name == "poetry" and "install" in values and "--no-root" in values:
        yield from _named(("pyproject.toml", "poetry.lock"), folder, read, unless=r"\bpath\s*=")
    elif name == "uv" and values[:1] == ["sync"] and "--no-install-project" in values:
        yield from _named(
            ("pyproject.toml", "uv.lock"), folder, read, unless=r"\b(?:path|workspace)\s*="
        )
    elif name == "composer" and {"install", "--no-scripts", "--no-autoloader"} <= {*values}:
        yield from _named(("composer.json", "composer.lock"), folder, read, unless=r'"path"')
    elif name == "gem" and values[:1] == ["install"]:
        _check_outside(
            [word for word in words if "/" in word or word.endswith(".gem")], folder, tree
        )
    else:
        raise _UnknownError


def _bare(word: str) -> str:
    return word.strip("\"'")


def _check_outside(words: Sequence[str], folder: str, tree: str) -> None:
    """Raise `_UnknownError` if one of these words is a path in a tree, or above it."""
    for word in words:
        value = word.partition("=")[2] if word.startswith("-") else word
        if "://" in value:
            continue
        fixed = re.split(r"[*?\[$`{]", value)[0]  # what comes before a pattern or a variable
        if fixed != value and "/" not in fixed:
            raise _UnknownError
        path = posixpath.normpath(posixpath.join(folder, fixed))
        if is_below(path, tree) or is_below(tree, path):
            raise _UnknownError


def _pip(values: Sequence[str], folder: str, read: Read) -> Iterator[str]:
    if values[:1] != ["install"]:
        raise _UnknownError
    words = iter(values[1:])
    for word in words:
        option, _, value = word.partition("=")
        if option in _TAKING and word.startswith("-"):
            yield from _requirements(posixpath.join(folder, value or next(words, "")), read)
        elif word in _PIP_WORDS:
            next(words, None)
        elif (
            word in ("-e", "--editable")
            or word.startswith((".", "/"))
            or not word
            or (not word.startswith("-") and "/" in word and "://" not in word)
        ):
            raise _UnknownError


def _requirements(path: str, read: Read, depth: int = 0) -> Iterator[str]:
    """A requirements file, and those that it names."""
    path = posixpath.normpath(path)
    text = _text(path, read)
    if _LOCAL.search(text) or depth > 3:
        raise _UnknownError
    yield path
    for found in _INCLUDED.finditer(text):
        yield from _requirements(posixpath.join(posixpath.dirname(path), found[1]), read, depth + 1)


def _node(name: str, values: Sequence[str], folder: str, read: Read) -> Iterator[str]:
    words = [value for value in values if not value.startswith("-")]
    if {"-g", "--global"} & {*values} and words[:1] in (["install"], ["i"], ["add"]):
        if any(word.startswith((".", "/")) or not word for word in words[1:]):
            raise _UnknownError
        return
    if words not in (["install"], ["i"], ["ci"], *([[]] if name == "yarn" else [])):
        if words[:2] == ["cache", "clean"] or words[:2] == ["store", "prune"]:
            return
        raise _UnknownError
    path = posixpath.join(folder, "package.json")
    document = _json(_text(path, read))
    scripts = document.get("scripts")
    hooks = isinstance(scripts, dict) and any(hook in scripts for hook in _NODE_HOOKS)
    local = re.search(r'"(?:file|link|workspace|portal):', json.dumps(document))
    if (hooks and "--ignore-scripts" not in values) or local or "workspaces" in document:
        raise _UnknownError
    yield path
    for lock in _NODE_LOCKS[name]:
        if read(posixpath.join(folder, lock)) is not None:
            yield posixpath.join(folder, lock)


def _json(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _UnknownError from None
    if not isinstance(document, dict):
        raise _UnknownError
    return document


def _named(names: Sequence[str], folder: str, read: Read, *, unless: str) -> Iterator[str]:
    """A file with dependencies and the one with their exact versions, unless something in the first matches `unless`: then the
    command reads more."""
    if re.search(unless, _text(posixpath.join(folder, names[0]), read)):
        raise _UnknownError
    for name in names:
        path = posixpath.join(folder, name)
        if read(path) is not None:
            yield path


def _text(path: str, read: Read) -> str:
    data = read(path)
    if data is None:
        raise _UnknownError
    return data.decode(errors="replace")
