"""The final tree equals the one unpacked by umoci, an independent implementation of the same rules."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from layerscope.layers.index import Kind
from tests.filesystem.stacking import Stacked, stack
from tests.images import Member, layer_tar, oci_directory
from tests.strategies import random_layers

SEEDS = 200
UMOCI = shutil.which("umoci")

pytestmark = [
    pytest.mark.umoci,
    pytest.mark.skipif(UMOCI is None, reason="umoci is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="umoci needs root to set owners"),
]

Tree = dict[bytes, tuple[object, ...]]


def _umoci_tree(layers: Sequence[Sequence[Member]], folder: Path) -> Tree:
    """The tree that umoci unpacks: type, mode, owner, content or target or device number, and names of the same inode."""
    image = folder / "image"
    oci_directory(image, [layer_tar(members) for members in layers], tags=("latest",))
    root = folder / "root"
    subprocess.run(
        [str(UMOCI), "raw", "unpack", "--image", f"{image}:latest", str(root)],
        check=True,
        capture_output=True,
    )
    tree: Tree = {}
    names: defaultdict[int, list[bytes]] = defaultdict(list)
    top = os.fsencode(root)
    for folder_name, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(folder_name, name)  # noqa: PTH118  # names are bytes
            facts = os.lstat(path)
            relative_path = os.path.relpath(path, top)
            if not stat.S_ISDIR(facts.st_mode):
                names[facts.st_ino].append(relative_path)
            tree[relative_path] = (stat.S_IFMT(facts.st_mode), *_attributes(path, facts))
    groups = {name: tuple(sorted(group)) for group in names.values() for name in group}
    return {path: (*facts, groups.get(path)) for path, facts in tree.items()}


def _attributes(path: bytes, facts: os.stat_result) -> tuple[object, ...]:
    """The facts that are compared besides the type."""
    if stat.S_ISDIR(facts.st_mode):
        return (None,)
    if stat.S_ISLNK(facts.st_mode):
        return (os.readlink(path), facts.st_uid, facts.st_gid)  # noqa: PTH115  # names are bytes
    owned = (stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid)
    if stat.S_ISREG(facts.st_mode):
        return (Path(os.fsdecode(path)).read_bytes(), *owned, facts.st_mtime_ns // 10**9)
    return (
        facts.st_rdev if stat.S_ISCHR(facts.st_mode) or stat.S_ISBLK(facts.st_mode) else None,
        *owned,
    )


def _stacked_tree(stacked: Stacked) -> Tree:
    """The same for the stacked final tree."""
    filesystem = stacked.filesystem
    inodes, columns = filesystem.inodes, filesystem.inodes.columns
    modes = {
        Kind.FILE: stat.S_IFREG,
        Kind.DIRECTORY: stat.S_IFDIR,
        Kind.SYMLINK: stat.S_IFLNK,
        Kind.CHARACTER: stat.S_IFCHR,
        Kind.BLOCK: stat.S_IFBLK,
        Kind.FIFO: stat.S_IFIFO,
    }
    tree: Tree = {}
    names: defaultdict[int, list[bytes]] = defaultdict(list)
    for row in filesystem.visible(filesystem.layer_count - 1).nonzero()[0].tolist():
        inode = int(filesystem.inode_of[row])
        kind = Kind(int(columns.kinds[inode]))
        path = filesystem.table.full(int(filesystem.paths[row]))
        owned = (int(columns.modes[inode]), int(columns.uids[inode]), int(columns.gids[inode]))
        facts: tuple[object, ...]
        if kind is Kind.DIRECTORY:
            facts = (None,)
        elif kind is Kind.SYMLINK:
            facts = (inodes.links[int(columns.links[inode])], *owned[1:])
        elif kind is Kind.FILE:
            layer = inodes.layer(inode)
            content = b"".join(stacked.contents[layer].chunks(inode - int(inodes.first[layer])))
            facts = (content, *owned, int(columns.mtimes[inode]))
        else:
            device = int(columns.devices[inode])
            number = (
                os.makedev(device >> 32, device & 0xFFFFFFFF) if kind is not Kind.FIFO else None
            )
            facts = (number, *owned)
        if kind is not Kind.DIRECTORY:
            names[inode].append(path)
        tree[path] = (modes[kind], *facts)
    groups = {name: tuple(sorted(group)) for group in names.values() for name in group}
    return {path: (*facts, groups.get(path)) for path, facts in tree.items()}


def test_final_trees_are_equal(tmp_path: Path) -> None:
    """This compares paths, types, contents, targets, modes, owners, times and hard links of hundreds of random images."""
    for seed in range(SEEDS):
        layers = [
            [replace(member, xattrs={}) for member in members]
            for members in random_layers(seed, wild=False)
        ]
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert _umoci_tree(layers, folder) == _stacked_tree(stack(layers)), f"seed {seed}"
        shutil.rmtree(folder)
