"""Computes which packages `apt-get purge --auto-remove` would remove, from the databases of APT and dpkg in the image.

Manually installed packages stay, with everything they depend on, recommend or suggest (apt's pkgDepCache::MarkRequired); the
rest was installed automatically and is removed. Versions are not compared: a package that may satisfy a dependency stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.packages.manager_files import read_manager_files

_STATUS = "/var/lib/dpkg/status"
_STATES = "/var/lib/apt/extended_states"
_LISTS = "/var/lib/dpkg/info/*.list"
_INFO = b"var/lib/dpkg/info/"
_HARD = ("pre-depends", "depends")
_IMPORTANT = re.compile(
    r"^[^/#\n]*APT::AutoRemove::(Recommends|Suggests)Important[\s{]+\"?(?:false|no|off|without|disable|0)\b",
    re.IGNORECASE | re.MULTILINE,
)
_NAME = re.compile(r"\s*([^\s:(\[<|,]+)")

_Clauses = tuple[tuple[str, ...], ...]
"""For each clause, the package names that satisfy it."""


class _Installed(Struct, frozen=True):
    kept: bool
    """Essential, protected or important: never removed automatically."""
    hard: _Clauses
    soft: _Clauses
    provides: tuple[str, ...]


class AptDatabase:
    """The installed packages of dpkg, and which of them were installed automatically."""

    def __init__(
        self, status: str, states: str, settings: str, lists: Iterable[tuple[str, bytes]]
    ) -> None:
        off = {match[1].lower() for match in _IMPORTANT.finditer(settings)}
        soft = [name for name in ("recommends", "suggests") if name not in off]
        self._packages = {
            stanza["package"]: _installed(stanza, soft)
            for stanza in _stanzas(status)
            if "package" in stanza and stanza.get("status", "").endswith(" installed")
        }
        self._automatic = {
            stanza.get("package", "")
            for stanza in _stanzas(states)
            if stanza.get("auto-installed") == "1"
        }
        self._providers: dict[str, list[str]] = {}
        for name, package in self._packages.items():
            for provided in (name, *package.provides):
                self._providers.setdefault(provided, []).append(name)
        self._dependents: dict[str, set[str]] = {}
        for name, package in self._packages.items():
            for wanted in {word for clause in package.hard for word in clause}:
                self._dependents.setdefault(wanted, set()).add(name)
        self._owners: dict[bytes, str] = {}
        for name, text in lists:
            self._owners |= dict.fromkeys(
                text.replace(b"\n/", b"\n").lstrip(b"/").splitlines(), name
            )

    def owner(self, path: bytes) -> str | None:
        """The package that owns a path (without a leading slash), or about which it is a file of dpkg's database."""
        if path.startswith(_INFO):
            return (
                path.removeprefix(_INFO)
                .rpartition(b".")[0]
                .partition(b":")[0]
                .decode(errors="surrogateescape")
            )
        owner = self._owners.get(path)
        # Where /lib is a link to /usr/lib, packages may still name the former.
        return self._owners.get(path.removeprefix(b"usr/")) if owner is None else owner

    def folders(self, ending: bytes) -> set[bytes]:
        """Directories with packaged files of this extension."""
        return {path.rpartition(b"/")[0] for path in self._owners if path.endswith(ending)}

    def removed_with(self, names: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Which of these packages can be purged without breaking others, and all packages that are removed with them."""
        chosen = {name for name in names if name in self._packages}
        while chosen:
            removed = (set(self._packages) - self._needed(chosen)) | chosen
            if self._with_dependents(chosen) <= removed:
                return frozenset(chosen), frozenset(removed)
            needed = {name for name in chosen if not self._with_dependents({name}) <= removed}
            chosen -= needed or chosen
        return frozenset(), frozenset()

    def _needed(self, without: set[str]) -> set[str]:
        """Manually installed packages and their dependencies, without these."""
        pending = [
            name
            for name, package in self._packages.items()
            if (package.kept or name not in self._automatic) and name not in without
        ]
        needed = set(pending)
        while pending:
            package = self._packages[pending.pop()]
            for clause in (*package.hard, *package.soft):
                for name in clause:
                    providers = set(self._providers.get(name, ())) - needed - without
                    needed |= providers
                    pending += providers
        return needed

    def _with_dependents(self, removed: set[str]) -> set[str]:
        """These packages and those that depend on them."""
        result, pending = set(removed), list(removed)
        while pending:
            current = pending.pop()
            for provided in (current, *self._packages[current].provides):
                for name in self._dependents.get(provided, ()):
                    clauses = self._packages[name].hard
                    if name not in result and not all(
                        self._is_satisfied(clause, result) for clause in clauses
                    ):
                        result.add(name)
                        pending.append(name)
        return result

    def _is_satisfied(self, clause: tuple[str, ...], removed: set[str]) -> bool:
        """Whether a clause stays satisfied; one that never was counts as satisfied."""
        providers = [provider for name in clause for provider in self._providers.get(name, ())]
        return not providers or any(provider not in removed for provider in providers)


def read_apt_database(evidence: Evidence) -> AptDatabase | None:
    """The databases of APT and dpkg in the final image; None if there are none. Call it with `Evidence.once`."""
    status = _text(evidence, _STATUS)
    if not status:
        return None
    manager_files, table = evidence.once(read_manager_files), evidence.filesystem.table
    lists = (
        (_decoded(table.name(path)).removesuffix(".list").partition(":")[0], text)
        for path in evidence.selector.matches(_LISTS).tolist()
        if (text := manager_files.text(path)) is not None
    )
    settings = _text(evidence, "/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*")
    return AptDatabase(status, _text(evidence, _STATES), settings, lists)


def _text(evidence: Evidence, *patterns: str) -> str:
    """The contents of the files that match, joined."""
    manager_files = evidence.once(read_manager_files)
    texts = [
        manager_files.text(path)
        for pattern in patterns
        for path in evidence.selector.matches(pattern).tolist()
    ]
    return "\n".join(_decoded(text) for text in texts if text is not None)


def _installed(stanza: dict[str, str], soft: list[str]) -> _Installed:
    return _Installed(
        "yes" in (stanza.get("essential"), stanza.get("protected"), stanza.get("important")),
        tuple(clause for field in _HARD for clause in _clauses(stanza.get(field, ""))),
        tuple(clause for field in soft for clause in _clauses(stanza.get(field, ""))),
        tuple(name for clause in _clauses(stanza.get("provides", "")) for name in clause),
    )


def _clauses(field: str) -> Iterator[tuple[str, ...]]:
    """Package names of a relationship field (deb-control(5)), clause by clause."""
    for clause in field.split(",") if field else ():
        yield tuple(match[1] for part in clause.split("|") if (match := _NAME.match(part)))


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    """Fields by lower-case name (deb822(5)), stanza by stanza."""
    for part in text.split("\n\n"):
        fields: dict[str, str] = {}
        last = ""
        for line in part.splitlines():
            name, colon, value = line.partition(":")
            if line[:1].isspace():
                if last in _FOLDED:
                    fields[last] += line
            elif colon:
                last = name.lower()
                fields[last] = value.strip()
        if fields:
            yield fields


_FOLDED = frozenset((*_HARD, "recommends", "suggests", "provides"))


def _decoded(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
