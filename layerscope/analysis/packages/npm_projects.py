"""Finds the development packages of each npm project.

A lockfile marks them (`"dev": true`); `node_modules/.package-lock.json`, which describes the installed packages, takes
precedence. Without a lockfile, they are the packages that only devDependencies in package.json need.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np
from msgspec import Struct

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.packages.manager_files import (
    ManagerFiles,
    in_node_modules,
    read_manager_files,
)
from layerscope.filesystem.selector import Mask


class Project(Struct, frozen=True):
    """A directory with a node_modules."""

    folder: int
    packages: tuple[int, ...]
    """Directories of development packages."""
    others: tuple[int, ...]
    """Directories of all other packages."""

    def files(self, evidence: Evidence) -> Mask:
        """All paths in development packages, without other packages nested in them."""
        ends = evidence.filesystem.table.ends
        mask = np.zeros(len(ends), bool)
        inner = [(top, True) for top in self.packages] + [(top, False) for top in self.others]
        for top, for_development in sorted(inner):  # nested packages come after those around them
            mask[top : int(ends[top])] = for_development
        return mask


class _Locked(msgspec.Struct):
    dev: bool = False


class _NestedPackage(msgspec.Struct):
    dev: bool = False
    dependencies: dict[str, _NestedPackage] = msgspec.field(default_factory=dict)


class _Lock(msgspec.Struct):
    packages: dict[str, _Locked] = msgspec.field(default_factory=dict)
    dependencies: dict[str, _NestedPackage] = msgspec.field(default_factory=dict)


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
    """All projects with development packages. Call it through `Evidence.once`."""
    table = evidence.filesystem.table
    inside = in_node_modules(evidence)
    modules = evidence.selector.matches("node_modules")
    modules = modules[(evidence.live_inodes[modules] >= 0) & ~inside[table.parents[modules]]]
    if not len(modules):
        return []
    manager_files, paths = evidence.once(read_manager_files), _package_paths(evidence)
    projects, covered = [], set[int]()
    for module in modules.tolist():
        folder = int(table.parents[module])
        if folder in covered:
            continue
        locked = _locked_packages(evidence, manager_files, folder, module)
        if locked is not None:
            top = table.full(folder) + b"/" if folder else b""
            places = [
                (paths[top + name], dev) for name, dev in locked.items() if top + name in paths
            ]
            covered |= {
                path
                for name in locked
                if b"node_modules/" not in name and (path := table.find(top + name))
            }
            dev = tuple(path for path, dev in places if dev)
            others = tuple(path for path, dev in places if not dev)
        else:
            dev, others = _by_manifests(evidence, manager_files, paths, folder)
        if dev:
            projects.append(Project(folder, dev, others))
    return projects


def child(evidence: Evidence, folder: int, name: str) -> int | None:
    """A path in a directory, if the final image shows it."""
    table = evidence.filesystem.table
    path = table.find((table.full(folder) + b"/" + _bytes(name)).lstrip(b"/"))
    return path if path is not None and evidence.live_inodes[path] >= 0 else None


def _package_paths(evidence: Evidence) -> dict[bytes, int]:
    """Package directories and manifests, by their full paths."""
    table = evidence.filesystem.table
    modules = np.zeros(len(table), bool)
    modules[evidence.selector.matches("node_modules")] = True
    is_package = modules[table.parents]
    scopes = np.zeros(len(table), bool)
    scopes[
        [at for at in np.flatnonzero(is_package).tolist() if table.name(at).startswith(b"@")]
    ] = True
    is_package |= scopes[table.parents]
    is_package[evidence.selector.matches("package.json")] = True
    paths = np.flatnonzero(is_package & (evidence.live_inodes >= 0)).astype(np.int32)
    return dict(zip(table.full_paths(paths), paths.tolist(), strict=True))


def _locked_packages(
    evidence: Evidence, manager_files: ManagerFiles, folder: int, module: int
) -> dict[bytes, bool] | None:
    """Package directories relative to the project's folder, and whether they are only for development; None without a lockfile."""
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
        return dict(_nested_packages(lock))
    return None


def _nested_packages(lock: _Lock) -> Iterator[tuple[bytes, bool]]:
    """Packages by location, from a lockfile of npm 6 or older, in which packages are nested."""
    pending = [(b"", lock.dependencies)]
    while pending:
        above, packages = pending.pop()
        for name, entry in packages.items():
            place = above + b"node_modules/" + _bytes(name)
            yield place, entry.dev
            pending.append((place + b"/", entry.dependencies))


def _by_manifests(
    evidence: Evidence, manager_files: ManagerFiles, paths: dict[bytes, int], folder: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Packages needed only by devDependencies, and those needed by others."""
    project = _manifest(manager_files.text(child(evidence, folder, "package.json")))
    if project is None or not project.development or project.workspaces:
        return (), ()
    top = evidence.filesystem.table.full(folder)
    needed = _reachable(manager_files, paths, top, project.needed())
    wanted = _reachable(manager_files, paths, top, project.development)
    return tuple(sorted(wanted - needed)), tuple(sorted(needed))


def _reachable(
    manager_files: ManagerFiles, paths: dict[bytes, int], top: bytes, names: Iterable[str]
) -> set[int]:
    """Directories of these packages of the project in `top`, and of all that they need."""
    reached: set[int] = set()
    pending = [(top, name) for name in names]
    while pending:
        at, name = pending.pop()
        place = _resolved(paths, top, at, _bytes(name))
        if place is None or paths[place] in reached:
            continue
        reached.add(paths[place])
        manifest = _manifest(manager_files.text(paths.get(place + b"/package.json")))
        if manifest is not None:
            pending += [(place, needed) for needed in manifest.needed()]
    return reached


def _resolved(paths: dict[bytes, int], top: bytes, at: bytes, name: bytes) -> bytes | None:
    """Where Node finds a package required from `at`: in the nearest node_modules above, up to the project's."""
    while True:
        place = (at + b"/node_modules/" + name).lstrip(b"/")
        if place in paths:
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
