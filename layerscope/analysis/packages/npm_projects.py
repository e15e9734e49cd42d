"""Finds the packages of each npm project that are only for development.

A lockfile marks them (`"dev": true`); `node_modules/.package-lock.json`, which describes the installed packages, takes
precedence. Without a lockfile, they are the packages that only devDependencies in package.json need.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.packages.manager_files import (
    ManagerFiles,
    in_node_modules,
    read_manager_files,
)
from layerscope.filesystem.selector import Mask


@dataclass(frozen=True, slots=True)
class Project:
    """A directory with a node_modules."""

    folder: int
    packages: tuple[int, ...]
    """Directories of packages that are for development alone."""
    others: tuple[int, ...]
    """Those of others."""

    def files(self, evidence: Evidence) -> Mask:
        """All paths in the packages for development, but for what others have in them."""
        ends = evidence.filesystem.table.ends
        found = np.zeros(len(ends), bool)
        inner = [(top, True) for top in self.packages] + [(top, False) for top in self.others]
        for top, mine in sorted(inner):  # what lies in another package comes after it
            found[top : int(ends[top])] = mine
        return found


class _Locked(msgspec.Struct):
    dev: bool = False


class _Older(msgspec.Struct):
    dev: bool = False
    dependencies: dict[str, _Older] = msgspec.field(default_factory=dict)


class _Lock(msgspec.Struct):
    packages: dict[str, _Locked] = msgspec.field(default_factory=dict)
    dependencies: dict[str, _Older] = msgspec.field(default_factory=dict)


class _Manifest(msgspec.Struct):
    dependencies: dict[str, str] = msgspec.field(default_factory=dict)
    optional: dict[str, str] = msgspec.field(default_factory=dict, name="optionalDependencies")
    peers: dict[str, str] = msgspec.field(default_factory=dict, name="peerDependencies")
    development: dict[str, str] = msgspec.field(default_factory=dict, name="devDependencies")
    workspaces: object = None

    def needed(self) -> set[str]:
        """Names of all packages that it needs to run."""
        return {*self.dependencies, *self.optional, *self.peers}


def find_projects(evidence: Evidence) -> list[Project]:
    """All projects with packages for development. Meant for `Evidence.once`."""
    table = evidence.filesystem.table
    inside = in_node_modules(evidence)
    modules = evidence.selector.matches("node_modules")
    modules = modules[(evidence.live_inodes[modules] >= 0) & ~inside[table.parents[modules]]]
    if not len(modules):
        return []
    manager_files, known = evidence.once(read_manager_files), _known(evidence)
    found, covered = [], set[int]()
    for module in modules.tolist():
        folder = int(table.parents[module])
        if folder in covered:
            continue
        locked = _locked(evidence, manager_files, folder, module)
        if locked is not None:
            top = table.full(folder) + b"/" if folder else b""
            places = [
                (known[top + name], dev) for name, dev in locked.items() if top + name in known
            ]
            covered |= {
                path
                for name in locked
                if b"node_modules/" not in name and (path := table.find(top + name))
            }
            dev = tuple(path for path, dev in places if dev)
            others = tuple(path for path, dev in places if not dev)
        else:
            dev, others = _by_manifests(evidence, manager_files, known, folder)
        if dev:
            found.append(Project(folder, dev, others))
    return found


def child(evidence: Evidence, folder: int, name: str) -> int | None:
    """A path in a directory, if the final image shows it."""
    table = evidence.filesystem.table
    found = table.find((table.full(folder) + b"/" + _bytes(name)).lstrip(b"/"))
    return found if found is not None and evidence.live_inodes[found] >= 0 else None


def _known(evidence: Evidence) -> dict[bytes, int]:
    """Directories of packages, and manifests, by their names in full."""
    table = evidence.filesystem.table
    modules = np.zeros(len(table), bool)
    modules[evidence.selector.matches("node_modules")] = True
    found = modules[table.parents]
    scopes = np.zeros(len(table), bool)
    scopes[[at for at in np.flatnonzero(found).tolist() if table.name(at).startswith(b"@")]] = True
    found |= scopes[table.parents]
    found[evidence.selector.matches("package.json")] = True
    paths = np.flatnonzero(found & (evidence.live_inodes >= 0)).astype(np.int32)
    return dict(zip(table.full_paths(paths), paths.tolist(), strict=True))


def _locked(
    evidence: Evidence, manager_files: ManagerFiles, folder: int, module: int
) -> dict[bytes, bool] | None:
    """Places of packages below the project's folder, and whether they are for development alone; None without a lockfile."""
    for place, name in (
        (module, ".package-lock.json"),
        (folder, "npm-shrinkwrap.json"),
        (folder, "package-lock.json"),
    ):
        text = manager_files.text(child(evidence, place, name))
        if text is None:
            continue
        try:
            lock = msgspec.json.decode(text, type=_Lock)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            continue
        if lock.packages:
            return {_bytes(name): entry.dev for name, entry in lock.packages.items()}
        return dict(_older(lock))
    return None


def _older(lock: _Lock) -> Iterator[tuple[bytes, bool]]:
    """Packages by location, from a lockfile of npm 6 or older, in which packages are nested."""
    left = [(b"", lock.dependencies)]
    while left:
        above, packages = left.pop()
        for name, entry in packages.items():
            place = above + b"node_modules/" + _bytes(name)
            yield place, entry.dev
            left.append((place + b"/", entry.dependencies))


def _by_manifests(
    evidence: Evidence, manager_files: ManagerFiles, known: dict[bytes, int], folder: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Packages needed only by devDependencies, and those needed by others."""
    project = _manifest(manager_files.text(child(evidence, folder, "package.json")))
    if project is None or not project.development or project.workspaces:
        return (), ()
    top = evidence.filesystem.table.full(folder)
    needed = _reached(manager_files, known, top, project.needed())
    wanted = _reached(manager_files, known, top, project.development)
    return tuple(sorted(wanted - needed)), tuple(sorted(needed))


def _reached(
    manager_files: ManagerFiles, known: dict[bytes, int], top: bytes, names: Iterable[str]
) -> set[int]:
    """Directories of these packages of the project in `top`, and of all that they need."""
    found: set[int] = set()
    left = [(top, name) for name in names]
    while left:
        at, name = left.pop()
        place = _resolved(known, top, at, _bytes(name))
        if place is None or known[place] in found:
            continue
        found.add(known[place])
        manifest = _manifest(manager_files.text(known.get(place + b"/package.json")))
        if manifest is not None:
            left += [(place, needed) for needed in manifest.needed()]
    return found


def _resolved(known: dict[bytes, int], top: bytes, at: bytes, name: bytes) -> bytes | None:
    """Where Node finds a package required from `at`: in the nearest node_modules above, up to the project's."""
    while True:
        place = (at + b"/node_modules/" + name).lstrip(b"/")
        if place in known:
            return place
        if at == top or not at:
            return None
        at = at.rpartition(b"/")[0]


def _manifest(text: bytes | None) -> _Manifest | None:
    try:
        return None if text is None else msgspec.json.decode(text, type=_Manifest)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _bytes(name: str) -> bytes:
    return name.encode(errors="surrogatepass")
