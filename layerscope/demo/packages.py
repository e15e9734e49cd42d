"""Debian packages as tables: one line a package, its files below it.

    bash 5.2.15-2 shells required GNU Bourne Again SHell
      usr/bin/ bash*141 bashbug~4 rbash>bash

Files are named after their directory: `*9` is a size in kB, `>` points a symlink, `=` names the
file that a hard link shares, `~9` and `%9` are shell and Perl scripts, `!4755` is a mode and `@42`
a group. Sizes are smaller than life.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_FILE = re.compile(
    r"(?P<name>.+?)(?:>(?P<link>.+)|=(?P<hard>.+)"
    r"|(?P<kind>[*~%])(?P<size>\d*))?(?:!(?P<mode>\d+))?(?:@(?P<group>\d+))?"
)
_SCRIPTS = {"~": "shell", "%": "perl"}


class PackagedFile(NamedTuple):
    """A file as its package ships it."""

    path: str
    size: int
    script: str
    link: str
    hard: str
    mode: int
    group: int


class Package(NamedTuple):
    """A Debian package."""

    name: str
    version: str
    section: str
    priority: str
    summary: str
    files: list[PackagedFile]

    @property
    def key(self) -> str:
        """The package's name in dpkg's own files: libraries may stand beside other builds."""
        return f"{self.name}:amd64" if self.is_library else self.name

    @property
    def is_library(self) -> bool:
        """Whether this is a library for programs, and so `Multi-Arch: same`."""
        return self.section == "libs" and any(".so" in each.path for each in self.files)


def parse(table: str) -> list[Package]:
    """The packages of a table."""
    packages: list[Package] = []
    directory = ""
    for line in table.splitlines():
        if not line.startswith(" "):
            name, version, section, priority, summary = line.split(" ", 4)
            packages.append(Package(name, version, section, priority, summary, []))
            continue
        for word in line.split():
            if word.endswith("/"):
                directory = word
            else:
                packages[-1].files.append(_file(directory, word))
    return packages


def _file(directory: str, word: str) -> PackagedFile:
    match = _FILE.fullmatch(word)
    assert match is not None  # noqa: S101
    name, link, hard, kind, size, mode, group = match.groups(default="")
    program = directory.endswith("bin/") or kind in _SCRIPTS
    return PackagedFile(
        directory + name,
        int(size or 0) * 1000,
        _SCRIPTS.get(kind, ""),
        link,
        hard,
        int(mode, 8) if mode else 0o755 if program else 0o644,
        int(group or 0),
    )
