"""Determines which files of a COPY a RUN reads, if all of its commands are known.

Known commands read none of an application's sources, or only the files that list its dependencies. For a RUN with any other
command, the answer is unknown.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from layerscope.analysis.findings.runs import Run, called_words, program_index
from layerscope.image.shell import Command, Script

ReadFile = Callable[[str], bytes | None]
"""The content of a file of the image by its absolute path; None if there is none, or it cannot be read."""

MAX_FILES = 20
"""Maximum files that a RUN may read for them to be copied separately."""
_SYSTEM_MANAGERS = frozenset(("apt-get", "apt", "apk", "dnf", "microdnf", "yum", "zypper"))
_WITHOUT_FILES = frozenset(
    (
        *("set", "true", ":", "echo", "printf", "export", "locale-gen", "corepack"),
        *("useradd", "groupadd", "adduser", "addgroup", "usermod", "groupmod"),
    )
)
"""Commands that read no files of an application, whatever their arguments."""
_ONLY_ARGUMENTS = frozenset(
    ("rm", "mkdir", "ln", "chmod", "chown", "touch", "tar", "install", "test", "[", "mv", "cp")
)
"""Commands that access only the files in their arguments."""
_DOWNLOADERS = frozenset(("curl", "wget"))
_FILE_OPTIONS = re.compile(r"@|-T|-K|--upload|--config|--post-file|--body-file|--input-file|-i$")
"""Options with which downloaders read a file."""
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
"""Lines of a requirements file that refer to local files."""
_INCLUDED = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]\s*(\S+)", re.MULTILINE)
_REQUIREMENT_OPTIONS = frozenset(("-r", "--requirement", "-c", "--constraint"))
_PIP_WORDS = frozenset(
    ("-i", "--index-url", "--extra-index-url", "--trusted-host", "-t", "--target")
)


class _UnknownError(Exception):
    """Raised if the files that a command reads are unknown."""


def files_read(run: Run, folder: str, tree: str, read: ReadFile) -> list[str] | None:
    """The absolute paths of the files below `tree` that a RUN with the working directory `folder` reads; None if unknown."""
    if run.parsed is None or not run.commands:
        return None
    try:
        paths = [
            path
            for command in run.commands
            for path in _files_of_command(run.parsed, command, folder, tree, read)
        ]
    except _UnknownError:
        return None
    inside = list(dict.fromkeys(path for path in paths if is_below(path, tree)))
    return inside if len(inside) <= MAX_FILES else None


def is_below(path: str, tree: str) -> bool:
    """Whether a path is a directory, or below it."""
    return path == tree or tree == "/" or path.startswith(f"{tree}/")


def _files_of_command(
    script: Script, command: Command, folder: str, tree: str, read: ReadFile
) -> Iterator[str]:
    """The files that a command reads. Raises `_UnknownError`."""
    if not command.words:
        return  # it sets variables
    name, *values = called_words(command)
    words = [
        _unquoted(script.word_text(word)) for word in command.words[program_index(command) + 1 :]
    ]
    if _PYTHON.fullmatch(name) and values[:1] == ["-m"] and len(values) > 1:
        name, values, words = values[1], values[2:], words[2:]
    if name in _SYSTEM_MANAGERS:
        _check_outside([word for word in words if "/" in word], folder, tree)
    elif name in _WITHOUT_FILES:
        return
    elif name in _DOWNLOADERS:
        if any(map(_FILE_OPTIONS.match, words)) or any("=@" in word for word in words):
            raise _UnknownError
    elif name in _ONLY_ARGUMENTS:
        skipped = 1 if name in ("chmod", "chown") else 0  # the mode or owner
        _check_outside(
            [word for word in words if word[:1] != "-" or "=" in word][skipped:], folder, tree
        )
    elif _PIP.fullmatch(name):
        yield from _pip_files(values, folder, read)
    elif name == "uv" and values[:1] == ["pip"]:
        yield from _pip_files(values[1:], folder, read)
    elif name in _NODE_LOCKS:
        yield from _node_files(name, values, folder, read)
    elif name == "go" and values[:2] == ["mod", "download"]:
        yield from _dependency_files(("go.mod", "go.sum"), folder, read, unless=r"=>\s*\.{0,2}/")
    elif name in ("bundle", "bundler") and values[:1] in ([], ["install"]):
        yield from _dependency_files(
            ("Gemfile", "Gemfile.lock"), folder, read, unless=r"\bpath\b|\bgemspec\b"
        )
    elif name == "poetry" and "install" in values and "--no-root" in values:
        yield from _dependency_files(
            ("pyproject.toml", "poetry.lock"), folder, read, unless=r"\bpath\s*="
        )
    elif name == "uv" and values[:1] == ["sync"] and "--no-install-project" in values:
        yield from _dependency_files(
            ("pyproject.toml", "uv.lock"), folder, read, unless=r"\b(?:path|workspace)\s*="
        )
    elif name == "composer" and {"install", "--no-scripts", "--no-autoloader"} <= {*values}:
        yield from _dependency_files(
            ("composer.json", "composer.lock"), folder, read, unless=r'"path"'
        )
    elif name == "gem" and values[:1] == ["install"]:
        _check_outside(
            [word for word in words if "/" in word or word.endswith(".gem")], folder, tree
        )
    else:
        raise _UnknownError


def _unquoted(word: str) -> str:
    return word.strip("\"'")


def _check_outside(words: Sequence[str], folder: str, tree: str) -> None:
    """Raise `_UnknownError` if one of these words is a path in a tree or above it."""
    for word in words:
        value = word.partition("=")[2] if word.startswith("-") else word
        if "://" in value:
            continue
        fixed = re.split(r"[*?\[$`{]", value)[0]  # the part before a pattern or a variable
        if fixed != value and "/" not in fixed:
            raise _UnknownError
        path = posixpath.normpath(posixpath.join(folder, fixed))
        if is_below(path, tree) or is_below(tree, path):
            raise _UnknownError


def _pip_files(values: Sequence[str], folder: str, read: ReadFile) -> Iterator[str]:
    if values[:1] != ["install"]:
        raise _UnknownError
    words = iter(values[1:])
    for word in words:
        option, _, value = word.partition("=")
        if option in _REQUIREMENT_OPTIONS and word.startswith("-"):
            yield from _requirements_files(posixpath.join(folder, value or next(words, "")), read)
        elif word in _PIP_WORDS:
            next(words, None)
        elif (
            word in ("-e", "--editable")
            or word.startswith((".", "/"))
            or not word
            or (not word.startswith("-") and "/" in word and "://" not in word)
        ):
            raise _UnknownError


def _requirements_files(path: str, read: ReadFile, depth: int = 0) -> Iterator[str]:
    """A requirements file and those that it includes."""
    path = posixpath.normpath(path)
    text = _text(path, read)
    if _LOCAL.search(text) or depth > 3:
        raise _UnknownError
    yield path
    for match in _INCLUDED.finditer(text):
        yield from _requirements_files(
            posixpath.join(posixpath.dirname(path), match[1]), read, depth + 1
        )


def _node_files(name: str, values: Sequence[str], folder: str, read: ReadFile) -> Iterator[str]:
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


def _dependency_files(
    names: Sequence[str], folder: str, read: ReadFile, *, unless: str
) -> Iterator[str]:
    """The existing ones of these files: a list of dependencies, and a lock file. Raises `_UnknownError` if the list matches
    `unless`, because the command then reads more files."""
    if re.search(unless, _text(posixpath.join(folder, names[0]), read)):
        raise _UnknownError
    for name in names:
        path = posixpath.join(folder, name)
        if read(path) is not None:
            yield path


def _text(path: str, read: ReadFile) -> str:
    data = read(path)
    if data is None:
        raise _UnknownError
    return data.decode(errors="replace")
