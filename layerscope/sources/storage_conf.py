"""Folders of containers-storage: from storage.conf, the environment and the defaults (containers-storage.conf(5)).

Podman 6 reads them differently, with drop-ins (containers-config(5)); as the installed version is unknown, the stores of both
are searched.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from layerscope.errors import UnreachableError
from layerscope.files import read_toml

DRIVERS = ("overlay", "vfs")
"""Supported drivers, in search order."""
CONF = "CONTAINERS_STORAGE_CONF"
OVERRIDE = "CONTAINERS_STORAGE_CONF_OVERRIDE"
SYSTEM_FOLDERS = (Path("/etc/containers"), Path("/usr/share/containers"))
_NAME = "storage.conf"
ROOTFUL = Path("/var/lib/containers/storage")


class StoragePlace(Struct, frozen=True):
    """The store of one driver."""

    root: Path
    driver: str

    @property
    def images(self) -> Path:
        """The folder of its images."""
        return self.root / f"{self.driver}-images"

    @property
    def layers(self) -> Path:
        """The folder of its layers' headers."""
        return self.root / f"{self.driver}-layers"

    def files(self, layer: str) -> Path:
        """The folder of a layer's files."""
        if self.driver == "vfs":
            return self.root / "vfs" / "dir" / layer
        return self.root / self.driver / layer / "diff"

    def in_composefs(self, layer: str) -> bool:
        """Whether that folder has the files by digest, with a table of contents for their names."""
        try:
            return (self.root / self.driver / layer / "composefs-data").exists()
        except OSError:
            return False


def is_rootless(environment: Mapping[str, str]) -> bool:
    """Whether this user has a store of their own, like root in a user namespace of `podman unshare`."""
    return os.geteuid() != 0 or environment.get("_CONTAINERS_ROOTLESS_UID", "0") not in ("", "0")


def places(
    root: Path | None = None, environment: Mapping[str, str] | None = None
) -> list[StoragePlace]:
    """The stores to search, in order: the user's own, then additional ones. `root` replaces all of them.

    Raises `UnreachableError` for a configuration that cannot be read.
    """
    environment = os.environ if environment is None else environment
    if root is not None:
        return _with_drivers([root], None)
    rootless = is_rootless(environment)
    before = _stores(_confs(environment, rootless), environment, rootless)
    drop_ins = _drop_ins(environment, rootless)
    after = _stores([*_first_conf(environment), *drop_ins], environment, rootless, newer=True)
    # older Podman ignores drop-ins
    return list(dict.fromkeys([*after, *before] if drop_ins else [*before, *after]))


def _stores(
    confs: list[Path], environment: Mapping[str, str], rootless: bool, *, newer: bool = False
) -> list[StoragePlace]:
    """The stores of these configurations, highest precedence last; `newer` reads them like Podman 6."""
    graph_root: str | None = None
    driver: str | None = None
    additional: list[str] = []
    for path in confs:
        storage = _table(_read(path), "storage")
        keys = ["graphroot"]
        if rootless and not newer:  # the system's settings apply to root's store only
            keys = ["rootless_storage_path", *([] if path.parent in SYSTEM_FOLDERS else keys)]
        for key in keys:
            graph_root = _text(storage, key) or graph_root
        driver = _text(storage, "driver") or driver
        additional += _additional_stores(storage)
    driver = environment.get("STORAGE_DRIVER") or driver
    for option in environment.get("STORAGE_OPTS", "").split(","):
        key, _, value = option.partition("=")
        if key.rpartition(".")[2] in ("imagestore", "additionalimagestore"):
            additional.append(value)
    first = (
        Path(_expanded(graph_root, environment)) if graph_root else _default(environment, rootless)
    )
    return _with_drivers(
        [first, *(Path(_expanded(name, environment)) for name in additional if name)], driver
    )


def _additional_stores(storage: dict[str, Any]) -> list[str]:
    """Additional stores of a configuration."""
    listed = _table(storage, "options").get("additionalimagestores")
    names = [storage.get("imagestore"), *(listed if isinstance(listed, list) else ())]
    return [name for name in names if isinstance(name, str) and name]


def _with_drivers(roots: list[Path], driver: str | None) -> list[StoragePlace]:
    """A place for each root and driver; with a driver given, it comes first."""
    drivers = list(DRIVERS)
    if driver in DRIVERS:
        drivers = [driver, *(other for other in DRIVERS if other != driver)]
    return [StoragePlace(root, name) for root in dict.fromkeys(roots) for name in drivers]


def _confs(environment: Mapping[str, str], rootless: bool) -> list[Path]:
    """The configuration files, highest precedence last."""
    named = environment.get(CONF)
    if named:
        return [Path(named)]
    system = (folder / _NAME for folder in SYSTEM_FOLDERS)
    system_conf = list(itertools.islice((path for path in system if path.exists()), 1))
    user_conf = _user_folder(environment) / _NAME
    return [*system_conf, user_conf] if rootless and user_conf.exists() else system_conf


def _first_conf(environment: Mapping[str, str]) -> list[Path]:
    """The file that Podman 6 reads: the user's, root included, else the system's."""
    named = environment.get(CONF)
    if named:
        return [Path(named)]
    folders = (_user_folder(environment), *SYSTEM_FOLDERS)
    return next(([path] for folder in folders if (path := folder / _NAME).exists()), [])


def _drop_ins(environment: Mapping[str, str], rootless: bool) -> list[Path]:
    """Drop-ins, in name order, each from the folder with the highest precedence."""
    override = [Path(environment[OVERRIDE])] if environment.get(OVERRIDE) else []
    if environment.get(CONF):
        return override
    kind = "rootless" if rootless else "rootful"
    user = environment.get("_CONTAINERS_ROOTLESS_UID") or str(os.geteuid())
    folders: list[Path] = []
    for system in reversed(SYSTEM_FOLDERS):
        special = system / f"storage.{kind}.conf.d"
        folders += [system / f"{_NAME}.d", special, *([special / user] if rootless else [])]
    folders.append(_user_folder(environment) / f"{_NAME}.d")
    named: dict[str, Path] = {}
    for folder in folders:
        with suppress(OSError):
            for entry in os.scandir(folder):
                if entry.name.endswith(".conf") and entry.is_file(follow_symlinks=False):
                    named[entry.name] = Path(entry.path)
    return [named[name] for name in sorted(named)] + override


def _user_folder(environment: Mapping[str, str]) -> Path:
    """The folder of a user's configuration."""
    return Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "containers"


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except (OSError, ValueError) as error:
        raise UnreachableError(f"{path} cannot be read: {error}") from error


def _table(values: dict[str, Any], key: str) -> dict[str, Any]:
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def _text(values: dict[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) and value else None


def _default(environment: Mapping[str, str], rootless: bool) -> Path:
    if not rootless:
        return ROOTFUL
    data = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "containers" / "storage"


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    """A path of the configuration with $HOME, $USER and $UID filled in."""
    home = environment.get("HOME") or str(Path.home())
    user = environment.get("_CONTAINERS_ROOTLESS_UID") or str(os.geteuid())
    for name, value in (("HOME", home), ("USER", environment.get("USER", "")), ("UID", user)):
        text = text.replace("${" + name + "}", value).replace("$" + name, value)
    return text
