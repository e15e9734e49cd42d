"""The final image divided into packages and other files: every byte counts once."""

from __future__ import annotations

import numpy as np

from layerscope.analysis.packages.usage import PackageUsage, package_usage
from layerscope.filesystem.model import Filesystem
from layerscope.opening.open import Opened
from tests.analysis.findings.rule_images import findings_of, opened_of
from tests.images import Member, file, hardlink, whiteout

STATUS = b"Package: curl\nStatus: install ok installed\nVersion: 8\n\nPackage: other\nStatus: install ok installed\nVersion: 1\n"


def names(filesystem: Filesystem, paths: object) -> list[str]:
    """Paths as text."""
    return [name.decode() for name in filesystem.table.full_paths(np.asarray(paths, np.int32))]


def divided(*layers: list[Member]) -> tuple[Opened, PackageUsage]:
    """An image of these layers, and its usage."""
    opened = opened_of([("/bin/sh -c install", members) for members in layers])
    return opened, package_usage(opened.filesystem, findings_of(opened).packages)


LAYERS = (
    [
        file("var/lib/dpkg/status", STATUS),
        file("var/lib/dpkg/info/curl.list", b"/usr/bin/curl\n/usr/share/doc/curl/a\n/usr/lib/l\n"),
        file("var/lib/dpkg/info/other.list", b"/usr/bin/curl\n/etc/gone\n"),
        file("usr/bin/curl", b"c" * 700),
        file("usr/lib/l", b"l" * 900),
        file("usr/share/doc/curl/a", b"a" * 40),
        file("etc/gone", b"g" * 5000),
    ],
    [
        whiteout("etc/gone"),
        # The content is curl's, whatever else names it; a link of no package counts once.
        hardlink("opt/a-curl", "usr/bin/curl"),
        file("opt/big", b"b" * 60_000),
        hardlink("opt/big-again", "opt/big"),
        file("srv/app/data/x", b"x" * 30_000),
        file("srv/app/data/y", b"y" * 20_000),
        file("srv/app/readme", b"r" * 10),
    ],
)


def test_every_live_byte_belongs_to_a_package_or_to_none() -> None:
    opened, usage = divided(*LAYERS)
    assert usage.live == opened.accounting.live
    assert usage.owned == 1640
    assert [package.name for package in usage.packages] == ["curl", "other"]
    assert usage.unowned == sum(group.bytes for group in usage.directories)
    assert usage.unowned_files == sum(len(group.paths) for group in usage.directories)


def test_a_package_knows_its_files_largest_first() -> None:
    """A file that two packages list belongs to the first one; deleted files belong to none."""
    opened, usage = divided(*LAYERS)
    curl, other = usage.packages
    assert names(opened.filesystem, curl.paths) == [
        "usr/lib/l",
        "usr/bin/curl",
        "usr/share/doc/curl/a",
    ]
    assert (curl.files, other.files, len(other.paths)) == (3, 0, 0)


def test_unowned_files_are_listed_by_their_deepest_noteworthy_directory() -> None:
    opened, usage = divided(*LAYERS)
    found = {
        names(opened.filesystem, [group.path])[0]: (
            group.bytes,
            names(opened.filesystem, group.paths),
        )
        for group in usage.directories
    }
    assert found["opt"] == (60_000, ["opt/big", "opt/a-curl", "opt/big-again"])
    assert found["srv/app/data"] == (50_000, ["srv/app/data/x", "srv/app/data/y"])
    assert found["srv/app"] == (10, ["srv/app/readme"])
    assert [group.bytes for group in usage.directories] == sorted(
        (group.bytes for group in usage.directories), reverse=True
    )


def test_all_files_of_an_image_without_packages_are_unowned() -> None:
    opened, usage = divided([file("a/b", b"b" * 9), file("c", b"")])
    assert (usage.owned, usage.unowned, usage.unowned_files) == (0, 9, 2)
    assert names(opened.filesystem, [usage.directories[0].path]) == ["a"]


def test_files_without_bytes_are_listed_where_most_are() -> None:
    opened, usage = divided([file(f"a/{number}", b"") for number in range(9)])
    assert [(group.path, len(group.paths)) for group in usage.directories] == [(1, 9)]
    assert opened.accounting.live == usage.live == 0


def test_an_empty_image_has_nothing() -> None:
    _, usage = divided([])
    assert (usage.live, usage.unowned_files, usage.directories) == (0, 0, [])
