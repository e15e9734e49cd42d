"""An entry of the corpus, and the tiny image that its Dockerfile builds."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.fixes.dockerfile import Instruction, escape_of, last_stage, read
from tests.images import CREATED, Member, directory, docker_archive, file, layer_tar, whiteout

STORED = {
    "apt": "var/lib/apt/lists/deb.debian.org_main_Packages.lz4",
    "debs": "var/cache/apt/archives/vim_9.deb",
    "backups": "var/lib/dpkg/status-old",
    "apk": "var/cache/apk/APKINDEX.66ee0d5a.tar.gz",
    "dnf": "var/cache/dnf/baseos.solv",
    "yum": "var/cache/yum/x86_64/base.sqlite",
    "zypper": "var/cache/zypp/solv/oss/solv",
    "pacman": "var/cache/pacman/pkg/vim.pkg.tar.zst",
    "pip": "~/.cache/pip/http-v2/a/b/c",
    "uv": "~/.cache/uv/archive-v0/a",
    "poetry": "~/.cache/pypoetry/cache/a",
    "npm": "~/.npm/_cacache/content-v2/sha512/aa/bb/cc",
    "yarn": "~/.cache/yarn/v6/a",
    "pnpm": "~/.local/share/pnpm/store/v3/files/00/a",
    "gobuild": "~/.cache/go-build/00/a",
    "gomod": "go/pkg/mod/cache/download/a.zip",
    "cargo": "usr/local/cargo/registry/cache/a.crate",
    "maven": "~/.m2/repository/a/a.jar",
    "gradle": "~/.gradle/caches/modules-2/a.jar",
    "composer": "~/.composer/cache/files/a.zip",
    "gem": "usr/local/bundle/cache/rack.gem",
    "conda": "opt/conda/pkgs/numpy.conda",
    "log": "var/log/installer.log",
    "tmp": "tmp/source.tar.gz",
    "home": "~/.cache/tool/a",
}
"""What commands leave behind, by short names; `~` is the home of the user after `@`, root's without."""

_SIZES = {"home": 1_200_000}
_SIZE = 150_000
_UIDS = {"root": 0, "app": 1000, "node": 1000, "postgres": 999, "www-data": 33}
_PASSWD = "".join(f"{name}:x:{uid}:{uid}::/home/{name}:/bin/sh\n" for name, uid in _UIDS.items())


@dataclass(frozen=True)
class Entry:
    """Instructions, and the files that they store."""

    name: str
    rule: str
    """The rule that finds something."""
    text: str
    """The Dockerfile."""
    stores: tuple[str, ...]
    """For each RUN, COPY and ADD of the last stage: words for files that it stores (`STORED`, or `+path`), deletes (`-path`) or
    stores again with another owner (`=path@app`), mode (`=path:755`) or content (`~path`); `%20` is a space."""
    never: str = ""
    """A pattern that the fix does not contain if there is a Dockerfile."""
    always: str = ""
    """A pattern that the fix contains if there is a Dockerfile."""
    ignored: frozenset[str] | None = None
    """The lines that go into .dockerignore if there is a Dockerfile."""
    unordered: bool = False
    """Whether commands run side by side."""

    @property
    def instructions(self) -> list[Instruction]:
        """The instructions of the last stage, without FROM."""
        return last_stage(read(self.text, self.escape))

    @property
    def escape(self) -> str:
        return escape_of(self.text)

    def steps(self) -> list[Instruction | None]:
        """The instruction of each step of the image; None for that of the base image."""
        return [None, *(each for each in self.instructions if each.name != "ONBUILD")]

    def archive(self) -> bytes:
        """The image as `docker save` writes it."""
        history: list[Mapping[str, object]] = []
        layers: list[bytes] = []
        stores = iter(self.stores)
        for number, each in enumerate(self.steps()):
            record = "/bin/sh -c #(nop) ADD file:aa in / " if each is None else each.record()
            members = _BASE if each is None else None
            if each is not None and each.name in ("RUN", "COPY", "ADD"):
                members = _members(each.name, next(stores, ""), number)
            if members is not None:
                layers.append(layer_tar(members))
            step_record = {"created": CREATED, "created_by": record, "empty_layer": members is None}
            history.append(step_record)
        config = {"config": {"Entrypoint": ["/usr/local/bin/app"], "User": ""}}
        return docker_archive(layers, history=history, config=config)

    def live(self) -> set[str]:
        """Paths of the final image."""
        paths = {f"/{member.name.decode()}" for member in _BASE}
        stores = iter(self.stores)
        for number, each in enumerate(self.steps()):
            if each is not None and each.name in ("RUN", "COPY", "ADD"):
                for word in next(stores, "").split():
                    path = f"/{_path(word)}"
                    if word.startswith("-"):
                        paths = {p for p in paths if p != path and not p.startswith(f"{path}/")}
                    else:
                        paths.add(path)
                if each.name == "RUN":
                    paths.add(f"/{_needed_file(number)}")
        return paths


def entry(
    name: str,
    rule: str,
    text: str,
    *stores: str,
    never: str = "",
    always: str = "",
    ignored: Sequence[str] | None = None,
    unordered: bool = False,
) -> Entry:
    """An entry; a Dockerfile without FROM is based on `debian:12`."""
    text = textwrap.dedent(text).strip("\n") + "\n"
    if not any(line.startswith("FROM ") for line in text.splitlines()):
        lines = text.splitlines(keepends=True)
        head = next(n for n, line in enumerate(lines) if not line.startswith("#"))
        text = "".join((*lines[:head], "FROM debian:12\n", *lines[head:]))
    patterns = None if ignored is None else frozenset(ignored)
    return Entry(name, rule, text, stores, never, always, patterns, unordered)


_BASE = [
    file("bin/sh", b"sh" * 500, mode=0o755),
    file("etc/passwd", _PASSWD.encode()),
    file("etc/group", _PASSWD.encode()),
]


def _needed_file(number: int) -> str:
    """A file that each RUN stores and that must not be removed."""
    return f"usr/lib/step{number}/kept"


def _members(name: str, words: str, number: int) -> list[Member]:
    members = [file(_needed_file(number), b"%d" % number * 900)] if name == "RUN" else []
    for word in words.split():
        path = _path(word)
        if word.startswith("-"):
            members.append(whiteout(path))
            continue
        rest = word.removeprefix("=").removeprefix("~").removeprefix("+")
        rest, _, mode = rest.partition(":")
        _, _, owner = rest.partition("@")
        uid = _UIDS[owner or "root"]
        content = path + (" changed" if word.startswith("~") else "")
        data = _content(content, _SIZES.get(word.partition("@")[0], _SIZE))
        if path.startswith("home/"):
            home = "/".join(path.split("/")[:2])
            members.append(directory(home, uid=uid, gid=uid))
        members.append(file(path, data, uid=uid, gid=uid, mode=int(mode or "644", 8)))
    return members


def _content(name: str, size: int) -> bytes:
    """Bytes that no other file has."""
    block = hashlib.sha256(name.encode()).digest()
    return (block * (size // len(block) + 1))[:size]


def _path(word: str) -> str:
    """The path that a word of `stores` names."""
    rest = word.partition(":")[0]
    if word[0] in "+-=~":
        return rest[1:].partition("@")[0].replace("%20", " ")
    name, _, user = rest.partition("@")
    home = f"home/{user}" if user else "root"
    return STORED[name].replace("~", home)
