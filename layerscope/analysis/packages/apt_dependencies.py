"""What apt would remove with some packages: `apt-get purge --auto-remove` by the books in the image.

Packages that somebody asked for stay, with all that they depend on, recommend or suggest (apt's pkgDepCache::MarkRequired); the rest
was installed automatically, and goes. Versions are not compared: what may satisfy a dependency stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.packages.notes import read_notes

_STATUS = "/var/lib/dpkg/status"
_STATES = "/var/lib/apt/extended_states"
_LISTS = "/var/lib/dpkg/info/*.list"
_HARD = ("pre-depends", "depends")
_IMPORTANT = re.compile(
    r"^[^/#\n]*APT::AutoRemove::(Recommends|Suggests)Important[\s{]+\"?(?:false|no|off|without|disable|0)\b",
    re.IGNORECASE | re.MULTILINE,
)
_NAME = re.compile(r"\s*([^\s:(\[<|,]+)")

_Clauses = tuple[tuple[str, ...], ...]
"""Of each clause, the names of packages of which one is enough."""


@dataclass(frozen=True, slots=True)
class _Installed:
    kept: bool
    """It is essential."""
    hard: _Clauses
    soft: _Clauses
    provides: tuple[str, ...]


class AptBooks:
    """The installed packages of dpkg, and which of them nobody asked for."""

    def __init__(
        self, status: str, states: str, settings: str, lists: Iterable[tuple[str, bytes]]
    ) -> None:
        off = {found[1].lower() for found in _IMPORTANT.finditer(settings)}
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
        """The package that a path, from the root without a slash, belongs to."""
        found = self._owners.get(path)
        # Where /lib is a link to /usr/lib, packages may still name the former.
        return self._owners.get(path.removeprefix(b"usr/")) if found is None else found

    def folders(self, ending: bytes) -> set[bytes]:
        """Directories in which packages have files of this ending."""
        return {path.rpartition(b"/")[0] for path in self._owners if path.endswith(ending)}

    def going(self, names: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Which of these packages can be purged without harm to what stays, and all that goes with them."""
        chosen = {name for name in names if name in self._packages}
        while chosen:
            gone = (set(self._packages) - self._wanted(chosen)) | chosen
            if self._torn(chosen) <= gone:
                return frozenset(chosen), frozenset(gone)
            bad = {name for name in chosen if not self._torn({name}) <= gone}
            chosen -= bad or chosen
        return frozenset(), frozenset()

    def _wanted(self, without: set[str]) -> set[str]:
        """Packages that somebody asked for, and what they need, without these."""
        left = [
            name
            for name, package in self._packages.items()
            if (package.kept or name not in self._automatic) and name not in without
        ]
        found = set(left)
        while left:
            package = self._packages[left.pop()]
            for clause in (*package.hard, *package.soft):
                for name in clause:
                    more = set(self._providers.get(name, ())) - found - without
                    found |= more
                    left += more
        return found

    def _torn(self, removed: set[str]) -> set[str]:
        """What cannot stay without these packages, and they."""
        gone, left = set(removed), list(removed)
        while left:
            went = left.pop()
            for provided in (went, *self._packages[went].provides):
                for name in self._dependents.get(provided, ()):
                    clauses = self._packages[name].hard
                    if name not in gone and not all(self._holds(found, gone) for found in clauses):
                        gone.add(name)
                        left.append(name)
        return gone

    def _holds(self, clause: tuple[str, ...], gone: set[str]) -> bool:
        """Whether a clause is satisfied without some packages; one that never was tells nothing."""
        providers = [found for name in clause for found in self._providers.get(name, ())]
        return not providers or any(found not in gone for found in providers)


def read_books(evidence: Evidence) -> AptBooks | None:
    """The books of apt and dpkg in the final image; None if it has none. Meant for `Evidence.once`."""
    status = _text(evidence, _STATUS)
    if not status:
        return None
    notes, table = evidence.once(read_notes), evidence.filesystem.table
    lists = (
        (_decoded(table.name(path)).removesuffix(".list").partition(":")[0], text)
        for path in evidence.selector.matches(_LISTS).tolist()
        if (text := notes.text(path)) is not None
    )
    settings = _text(evidence, "/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*")
    return AptBooks(status, _text(evidence, _STATES), settings, lists)


def _text(evidence: Evidence, *patterns: str) -> str:
    """What the files of these patterns hold, behind each other."""
    notes = evidence.once(read_notes)
    found = [
        notes.text(path)
        for pattern in patterns
        for path in evidence.selector.matches(pattern).tolist()
    ]
    return "\n".join(_decoded(text) for text in found if text is not None)


def _installed(stanza: dict[str, str], soft: list[str]) -> _Installed:
    return _Installed(
        "yes" in (stanza.get("essential"), stanza.get("protected"), stanza.get("important")),
        tuple(clause for field in _HARD for clause in _clauses(stanza.get(field, ""))),
        tuple(clause for field in soft for clause in _clauses(stanza.get(field, ""))),
        tuple(name for clause in _clauses(stanza.get("provides", "")) for name in clause),
    )


def _clauses(field: str) -> Iterator[tuple[str, ...]]:
    """Names of packages in a field of relationships (deb-control(5)), clause by clause."""
    for clause in field.split(",") if field else ():
        yield tuple(found[1] for part in clause.split("|") if (found := _NAME.match(part)))


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    """Fields by their names in small letters (deb822(5))."""
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
