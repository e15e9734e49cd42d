"""Matches instructions of a Dockerfile with steps of an image's history.

Builders do not record the text of an instruction but what they ran: without flags and quotes, with variables expanded and
sources of COPY replaced by digests. Texts are compared in a form without these differences. Every function is linear in its texts.
"""

from __future__ import annotations

import re
from functools import lru_cache

from layerscope.image.dockerfile import DockerfileInstruction
from layerscope.image.dockerfile_syntax import json_words, split_flags
from layerscope.image.history import Step

SAME, ALIKE, OTHER = 3, 2, 0
"""Equal text; probably the same instruction; a different one."""

_FLAG = re.compile(r"(?<!\S)--[a-z][a-z-]*(?:=\S*)?(?=\s|$)")
_VARIABLE = re.compile(r"\$\{[^}]{0,200}\}|\$[A-Za-z_][A-Za-z0-9_]*")
_LOST_CHARACTERS = str.maketrans(dict.fromkeys("\"'\\"))
_LIST_MARKS = str.maketrans(dict.fromkeys("[]\",'\\{}", " "))
_COPIED = re.compile(r"(?:file|dir|multi):[0-9a-f]{12,} in (.*)")
_CHECKSUMS = re.compile(r"(?::(?:[a-z0-9]+:)?[0-9a-f]{64})+\s*\Z")
_PORT = re.compile(r"([0-9]+(?:-[0-9]+)?)(?:/([a-z]+))?")
_SHELL = "/bin/sh -c "
_PIPE = "/dev/pipes/"


def likeness(written: DockerfileInstruction, step: Step) -> int:
    """The similarity of an instruction and a step: `SAME`, `ALIKE` or `OTHER`."""
    if step.instruction != written.name and not (
        step.instruction is None and step.arguments and written.name == "RUN"
    ):
        return OTHER
    compare = {
        "RUN": _run,
        "COPY": _copy,
        "ADD": _copy,
        "ARG": _arg,
        "ENV": _pairs,
        "LABEL": _pairs,
        "CMD": _words,
        "ENTRYPOINT": _words,
        "SHELL": _words,
        "VOLUME": _words,
        "EXPOSE": _expose,
        "HEALTHCHECK": _healthcheck,
        "WORKDIR": _workdir,
    }.get(written.name, _plain)
    return compare(written, step.arguments)


@lru_cache(2048)
def _one_space(text: str) -> str:
    """Text with runs of white space as one space; cached, as each text is compared many times."""
    return " ".join(text.split())


def _joined_words(arguments: str) -> str:
    """The words of a JSON array, joined; any other text unchanged."""
    words = json_words(arguments)
    return arguments if words is None else " ".join(words)


def _similarity(written: str, recorded: str) -> int:
    """The similarity of two texts, where variables in the first match anything."""
    if written == recorded:
        return SAME
    parts = _VARIABLE.split(written)
    if len(parts) == 1 or not (recorded.startswith(parts[0]) and recorded.endswith(parts[-1])):
        return OTHER
    at, end = len(parts[0]), len(recorded) - len(parts[-1])
    for part in parts[1:-1]:
        position = recorded.find(part, at, max(end, 0))
        if position < 0:
            return OTHER
        at = position + len(part)
    return ALIKE if at <= end else OTHER


def _plain(written: DockerfileInstruction, recorded: str) -> int:
    return _similarity(
        _one_space(written.arguments).translate(_LOST_CHARACTERS),
        _one_space(recorded).translate(_LOST_CHARACTERS),
    )


@lru_cache(2048)
def _without_flags(recorded: str) -> str:
    """The command of a RUN. BuildKit drops `--mount`, `--network` and `--security`; buildah and kaniko record them, and buildah
    appends the checksums of bind mounts.
    """
    flags, body = split_flags(recorded)
    command = recorded[body:]
    return _CHECKSUMS.sub("", command) if any("mount" in flag for flag in flags) else command


def _run(written: DockerfileInstruction, recorded: str) -> int:
    ran = _one_space(_without_flags(recorded))
    command = written.arguments[written.body :]
    if not written.heredocs:
        return SAME if ran in (_one_space(command), _one_space(_joined_words(command))) else OTHER
    if ran == _one_space(written.script()):
        return SAME
    if ran == f"{_PIPE}{written.heredocs[0].name}":
        return ALIKE
    head = _one_space(command)
    bodies = [_one_space(heredoc.body) for heredoc in written.heredocs]
    same_bodies = ran.startswith(head) and all(body in ran[len(head) :] for body in bodies)
    return SAME if same_bodies else OTHER


def _copy(written: DockerfileInstruction, recorded: str) -> int:
    arguments = _one_space(_joined_words(written.arguments[written.body :]))
    if written.heredocs:
        arguments = arguments.translate(_LOST_CHARACTERS)
    copied = _one_space(_joined_words(_FLAG.sub(" ", recorded).strip()))
    digest = _COPIED.fullmatch(copied)
    if digest is None:
        return _similarity(arguments, copied)
    target = arguments.rpartition(" ")[2].removeprefix("./").rstrip("/")
    place = digest[1].removeprefix("./").rstrip("/")
    if target in ("", "."):
        return ALIKE
    return _similarity(target, place) or (ALIKE if place.endswith("/" + target) else OTHER)


def _arg(written: DockerfileInstruction, recorded: str) -> int:
    """Compares names only: values may come from the command line."""
    names = [word.partition("=")[0] for word in written.arguments.split()[:1]]
    recorded_names = [word.partition("=")[0] for word in recorded.split()[:1]]
    if names != recorded_names:
        return OTHER
    return SAME if _plain(written, recorded) == SAME else ALIKE


def _pairs(written: DockerfileInstruction, recorded: str) -> int:
    arguments = _one_space(written.arguments)
    name, space, value = arguments.partition(" ")
    if space and "=" not in name:
        arguments = f"{name}={value}"  # the old form, with one name and a space
    ours, theirs = (
        arguments.translate(_LOST_CHARACTERS),
        _one_space(recorded).translate(_LOST_CHARACTERS),
    )
    if sorted(ours.split()) == sorted(theirs.split()):
        return SAME
    return _similarity(ours, theirs)


def _words(written: DockerfileInstruction, recorded: str) -> int:
    ours, theirs = (
        _one_space(text.translate(_LIST_MARKS)).removeprefix(_SHELL)
        for text in (written.arguments, recorded)
    )
    return _similarity(ours, theirs)


def _expose(written: DockerfileInstruction, recorded: str) -> int:
    if _VARIABLE.search(written.arguments):
        return ALIKE
    ours, theirs = (
        {(port, protocol or "tcp") for port, protocol in _PORT.findall(text.lower())}
        for text in (written.arguments, recorded)
    )
    return SAME if ours == theirs else OTHER


def _healthcheck(written: DockerfileInstruction, recorded: str) -> int:
    command = written.arguments[written.body :]
    command = command[3:] if command[:3].upper() == "CMD" else command
    ours, theirs = (_one_space(text.translate(_LIST_MARKS)) for text in (command, recorded))
    return ALIKE if ours and ours in theirs else OTHER


def _workdir(written: DockerfileInstruction, recorded: str) -> int:
    ours = _one_space(written.arguments).translate(_LOST_CHARACTERS).rstrip("/").removeprefix("./")
    theirs = _one_space(recorded).rstrip("/")
    return _similarity(ours, theirs) or (ALIKE if theirs.endswith("/" + ours) else OTHER)
