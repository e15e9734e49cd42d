"""Installed packages and their bytes: files listed by the package database, sizes stored by the layers."""

from __future__ import annotations

import json
import sqlite3
import struct
from typing import Any

import pytest
from msgspec import structs

from layerscope.analysis.packages.model import Package
from tests.analysis.findings.rule_images import findings_of, opened_of
from tests.images import (
    Member,
    file,
    hardlink,
    symlink,
    whiteout,
)


def packages_of(*layers: list[Member]) -> dict[str, Package]:
    """The packages of an image of these layers, by name."""
    steps = [("/bin/sh -c install", members) for members in layers]
    return {package.name: package for package in findings_of(opened_of(steps)).packages}


def figures(package: Package) -> tuple[Any, ...]:
    """Its manager, name, version, bytes, files and layer."""
    return structs.astuple(package)[:6]


STATUS = b"""Package: curl
Status: install ok installed
Architecture: amd64
Version: 8.1-2
Description: a tool
 Package: not this

Package: gone
Status: deinstall ok config-files
Version: 1

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36
"""


def test_dpkg_lists_its_files_and_their_bytes_are_counted() -> None:
    """Only installed packages count; lists of other architectures have longer names; symlinks of a merged /usr are followed."""
    found = packages_of(
        [
            symlink("lib", "usr/lib"),
            file("var/lib/dpkg/status", STATUS),
            file(
                "var/lib/dpkg/info/curl.list", b"/.\n/usr\n/usr/bin/curl\n/usr/share/man/curl.1\n"
            ),
            file("var/lib/dpkg/info/libc6:amd64.list", b"/lib/libc.so.6\n"),
            file("usr/bin/curl", b"c" * 700),
            file("usr/lib/libc.so.6", b"l" * 90),
        ]
    )
    assert {name: figures(one) for name, one in found.items()} == {
        "curl": ("dpkg", "curl", "8.1-2", 700, 1, 0),
        "libc6": ("dpkg", "libc6", "2.36", 90, 1, 0),
    }


def test_the_layer_is_the_one_that_stores_most_of_a_package() -> None:
    """An upgrade changes it."""
    first = [
        file("var/lib/dpkg/status", STATUS),
        file("var/lib/dpkg/info/curl.list", b"/usr/bin/curl\n/etc/curlrc\n"),
        file("usr/bin/curl", b"c" * 700),
        file("etc/curlrc", b"r" * 10),
    ]
    found = packages_of(first, [file("usr/bin/curl", b"d" * 800)])
    assert (found["curl"].bytes, found["curl"].layer) == (810, 1)


def test_distroless_images_keep_a_status_for_each_package() -> None:
    """They are in status.d, without lists: the packages are known, but not their files."""
    found = packages_of([file("var/lib/dpkg/status.d/curl", b"Package: curl\nVersion: 8\n")])
    assert figures(found["curl"]) == ("dpkg", "curl", "8", 0, 0, 0)


def test_apk_lists_directories_and_files() -> None:
    """F starts a directory, R is a file in it."""
    text = b"P:musl\nV:1.2-r1\nF:lib\nR:ld-musl.so.1\nR:libc.so\nF:\nR:top\n\nP:busybox\nV:1.36\nF:bin\nR:busybox\n\n"
    found = packages_of(
        [
            file("lib/apk/db/installed", text),
            file("lib/ld-musl.so.1", b"m" * 600),
            hardlink("lib/libc.so", "lib/ld-musl.so.1"),
            file("top", b"t"),
            file("bin/busybox", b"b" * 800),
        ]
    )
    assert figures(found["musl"]) == ("apk", "musl", "1.2-r1", 601, 3, 0)
    assert found["busybox"].bytes == 800


def header(name: bytes, files: dict[bytes, bytes]) -> bytes:
    """A header of rpm's database: files by directory."""
    folders = sorted({path.rpartition(b"/")[0] + b"/" for path in files})
    bases = [path.rpartition(b"/")[2] for path in files]
    numbers = [folders.index(path.rpartition(b"/")[0] + b"/") for path in files]
    tags = [
        (1000, 6, 1, name + b"\0"),
        (1001, 6, 1, b"3.2\0"),
        (1002, 6, 1, b"1.fc40\0"),
        (1116, 4, len(numbers), struct.pack(f">{len(numbers)}I", *numbers)),
        (1117, 8, len(bases), b"".join(base + b"\0" for base in bases)),
        (1118, 8, len(folders), b"".join(folder + b"\0" for folder in folders)),
        (5000, 7, 3, b"???"),
    ]
    index, store = b"", b""
    for tag, kind, count, data in tags:
        store += bytes(-len(store) % 4)
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += data
    return struct.pack(">II", len(tags), len(store)) + index + store


def database(*blobs: bytes, wal: bool = False) -> bytes:
    """An SQLite database as rpm writes it."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
    connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in blobs])
    connection.commit()
    data = connection.serialize()
    connection.close()
    return data[:18] + b"\x02\x02" + data[20:] if wal else data


@pytest.mark.parametrize("wal", [False, True])
def test_rpm_keeps_headers_in_a_database(wal: bool) -> None:
    """They have names, versions with releases, and files by directory; the database may be in WAL mode."""
    bash = header(b"bash", {b"/usr/bin/bash": b"", b"/etc/skel/.bashrc": b""})
    found = packages_of(
        [
            file("var/lib/rpm/rpmdb.sqlite", database(bash, b"broken", bash[:40], wal=wal)),
            file("usr/bin/bash", b"b" * 500),
            file("etc/skel/.bashrc", b"r" * 20),
        ]
    )
    assert {name: figures(one) for name, one in found.items()} == {
        "bash": ("rpm", "bash", "3.2-1.fc40", 520, 2, 0)
    }


def test_distributions_of_python_have_a_record() -> None:
    """It also lists files beside the site directory; distributions installed by dpkg belong to dpkg."""
    site = "usr/lib/python3/site-packages"
    record = (
        b'flask/app.py,sha256=x,100\n"flask/a,b.py",,\n../../../bin/flask,,\nflask/missing.py,,\n'
    )
    found = packages_of(
        [
            file(f"{site}/Flask-3.0.dist-info/RECORD", record),
            file(f"{site}/flask/app.py", b"a" * 100),
            file(f"{site}/flask/a,b.py", b"b" * 30),
            file("usr/bin/flask", b"f" * 5),
            file(f"{site}/six-1.dist-info/RECORD", b"six.py,,\n"),
            file(f"{site}/six.py", b"s" * 44),
            file("var/lib/dpkg/status", STATUS.replace(b"curl", b"python3-six")),
            file(
                "var/lib/dpkg/info/python3-six.list",
                f"/{site}/six.py\n/{site}/six-1.dist-info/RECORD\n".encode(),
            ),
        ]
    )
    assert figures(found["Flask"]) == ("python", "Flask", "3.0", 135, 3, 0)
    assert "six" not in found
    assert found["python3-six"].files == 2


def test_packages_of_npm_are_directories_without_nested_packages() -> None:
    """Scoped packages count; directories without a valid manifest do not."""

    def manifest(name: str) -> bytes:
        return json.dumps({"name": name, "version": "1.2.3"}).encode()

    found = packages_of(
        [
            file("srv/node_modules/a/package.json", manifest("a")),
            file("srv/node_modules/a/index.js", b"i" * 100),
            file("srv/node_modules/a/node_modules/b/package.json", manifest("b")),
            file("srv/node_modules/a/node_modules/b/index.js", b"b" * 1000),
            file("srv/node_modules/@s/c/package.json", manifest("@s/c")),
            file("srv/node_modules/broken/package.json", b"{"),
            file("srv/node_modules/odd/package.json", b'{"name": 7}'),
            file("srv/node_modules/.bin/x", b"x"),
        ]
    )
    assert {name: (found[name].bytes, found[name].version) for name in found} == {
        "a": (100 + len(manifest("a")), "1.2.3"),
        "b": (1000 + len(manifest("b")), "1.2.3"),
        "@s/c": (len(manifest("@s/c")), "1.2.3"),
    }


RAKE = b"""# -*- encoding: utf-8 -*-
# stub: rake 13.0.6 ruby lib

Gem::Specification.new do |s|
  s.name = "rake".freeze
  s.version = "13.0.6"
end
"""


def test_gems_are_directories_with_their_specification() -> None:
    """Names come from the stub line or from assignments; gems bundled with Ruby have no directory, those of dpkg belong to dpkg."""
    home = "usr/local/lib/ruby/gems/3.2.0"
    older = b'Gem::Specification.new do |s|\n  s.name = %q{old}\n  s.version = "0.9"\nend\n'
    native = RAKE.replace(b"rake 13.0.6 ruby", b"nokogiri 1.16.0 x86_64-linux")
    found = packages_of(
        [
            file(f"{home}/specifications/rake-13.0.6.gemspec", RAKE),
            file(f"{home}/gems/rake-13.0.6/lib/rake.rb", b"r" * 100),
            file(f"{home}/specifications/nokogiri-1.16.0-x86_64-linux.gemspec", native),
            file(f"{home}/gems/nokogiri-1.16.0-x86_64-linux/lib/n.so", b"n" * 700),
            file(f"{home}/specifications/default/json-2.gemspec", RAKE.replace(b"rake", b"json")),
            file("specifications/old-0.9.gemspec", older),
            file("gems/old-0.9/a", b"a" * 7),
            file(f"{home}/specifications/broken-1.gemspec", b"\xff\0"),
            file("usr/share/specifications/deb-1.gemspec", RAKE.replace(b"rake", b"deb")),
            file("var/lib/dpkg/status", STATUS),
            file("var/lib/dpkg/info/curl.list", b"/usr/share/specifications/deb-1.gemspec\n"),
        ]
    )
    assert {
        name: (one.kind, one.version, one.bytes, one.files)
        for name, one in found.items()
        if one.kind != "dpkg"
    } == {
        "rake": ("ruby", "13.0.6", 100 + len(RAKE), 2),
        "nokogiri": ("ruby", "1.16.0", 700 + len(native), 2),
        "json": ("ruby", "13.0.6", 0, 0),
        "old": ("ruby", "0.9", 7 + len(older), 2),
    }


def test_deleted_or_damaged_databases_list_nothing() -> None:
    """Deleted databases do not count; hostile ones are no error."""
    assert (
        packages_of([file("var/lib/dpkg/status", STATUS)], [whiteout("var/lib/dpkg/status")]) == {}
    )
    assert packages_of([file("var/lib/rpm/rpmdb.sqlite", b"SQLite format 3\0" + b"x" * 4000)]) == {}
    assert packages_of([file("var/lib/rpm/rpmdb.sqlite", b"")]) == {}
    hostile = [
        file("var/lib/dpkg/status", b"Package: \xff\x1b[31m\nStatus: x installed\n\n\n\n:\n"),
        file("lib/apk/db/installed", b"R:x\nF:../..\nP:p\nR:../../etc/passwd\n"),
        file("x/y.dist-info/RECORD", b'"unclosed\n../../../../../etc/passwd,,\n'),
    ]
    assert all(package.bytes == 0 for package in packages_of(hostile).values())
