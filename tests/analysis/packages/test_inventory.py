"""Packages in programs and Java archives: which are listed, which own the bytes, and limits for hostile files."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from layerscope.analysis.packages.model import Inventory
from layerscope.errors import LimitExceededError
from layerscope.layers.store import Store
from layerscope.limits import Limits
from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources import Request
from tests.analysis.packages.programs import (
    CRATES,
    FORMS,
    Form,
    go_data,
    jar,
    old_go_data,
    pom,
    program,
    rust_section,
)
from tests.analysis.packages.test_packages import STATUS
from tests.images import (
    Compression,
    Member,
    docker_archive,
    file,
    hardlink,
    layer_tar,
    oci_archive,
    whiteout,
    write,
)


def opened_with(
    folder: Path,
    *layers: list[Member],
    compression: Compression | None = None,
    store: Store | None = None,
    limits: Limits | None = None,
) -> Opened:
    """An image of these layers, opened for an inventory."""
    tars = [layer_tar(members) for members in layers]
    made = docker_archive(tars) if compression is None else oci_archive(tars, compress=compression)
    image = write(folder / "image.tar", made)
    options = Options(rules={}, duplicates=False, inventory=True, cache=store)
    request = Request(str(image)) if limits is None else Request(str(image), limits=limits)
    return open_image(request, options)


def inventory_of(opened: Opened) -> Inventory:
    """Its inventory."""
    assert opened.inventory is not None
    return opened.inventory


def rows(opened: Opened) -> list[tuple[str, str, str, int, int]]:
    """Kind, name, version, bytes and layer of each package."""
    return [
        (one.kind, one.name, one.version, one.bytes, one.layer)
        for one in inventory_of(opened).packages
    ]


def binary(name: str, data: bytes) -> Member:
    """An executable file."""
    return file(name, data, mode=0o755)


def of_app(size: int) -> list[tuple[str, str, str, int, int]]:
    """The packages listed for a program of `MODULES`."""
    return [
        ("go", "example.com/app", "v1.2.3", size, 0),
        ("go", "example.com/fork", "v0.2.0", 0, 0),
        ("go", "example.com/local", "v0.3.0", 0, 0),
        ("go", "github.com/pkg/errors", "v0.9.1", 0, 0),
    ]


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
@pytest.mark.parametrize("form", FORMS)
def test_go_modules_of_a_program(
    tmp_path: Path, form: Form, compression: Compression | None
) -> None:
    """The main module owns the bytes of the program, and the others have none; a replacement takes the place of a module unless
    it is a directory.
    """
    data = program(bytes(32) + go_data(), form=form)
    opened = opened_with(tmp_path, [binary("bin/server", data)], compression=compression)
    assert rows(opened) == [*of_app(len(data)), ("go", "stdlib", "1.22.1", 0, 0)]
    assert {one.listed_in for one in inventory_of(opened).packages} == {
        opened.filesystem.table.find(b"bin/server")
    }


@pytest.mark.parametrize("form", FORMS)
def test_go_modules_of_older_programs(tmp_path: Path, form: Form) -> None:
    """Before Go 1.18, the header had pointers to the strings."""
    width, big = 4 if "32" in form else 8, "big" in form
    data = program(old_go_data(width=width, big=big), form=form)
    opened = opened_with(tmp_path, [binary("bin/server", data)])
    assert rows(opened) == [*of_app(len(data)), ("go", "stdlib", "1.16.7", 0, 0)]


@pytest.mark.parametrize(
    ("form", "name"), [("elf64", ".go.buildinfo"), ("macho64", "__go_buildinfo")]
)
def test_build_information_in_its_own_section(tmp_path: Path, form: Form, name: str) -> None:
    """C linkers keep the section; programs without modules have the path of their main package."""
    data = program(go_data("path\tcmd/go\n"), form=form, named=name)
    opened = opened_with(tmp_path, [binary("go", data)])
    assert rows(opened) == [
        ("go", "cmd/go", "", len(data), 0),
        ("go", "stdlib", "1.22.1", 0, 0),
    ]


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("form", FORMS)
def test_crates_of_a_program(tmp_path: Path, form: Form, compression: Compression | None) -> None:
    """The root crate owns the bytes of the program; build dependencies are left out."""
    data = program(b"data", rust_section(), form=form)
    opened = opened_with(tmp_path, [binary("usr/bin/tool", data)], compression=compression)
    assert rows(opened) == [
        ("rust", "tool", "0.5.0", len(data), 0),
        ("rust", "libc", "0.2.150", 0, 0),
    ]


APP = {
    "META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\n\r\n",
    **pom("com.example", "app", "1.0"),
    "BOOT-INF/lib/guava-32.1-jre.jar": jar(
        {
            "META-INF/MANIFEST.MF": "Bundle-SymbolicName: com.google.common.gu\r\n ava;x=1\r\nBundle-Version: 9\r\n"
        }
    ),
    "BOOT-INF/lib/shaded.jar": jar({**pom("org.x", "one", "1"), **pom("org.x", "two", "2")}),
}


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("script", [b"", b"#!/bin/sh\nexec java -jar $0\n"])
def test_artifacts_of_a_java_archive(
    tmp_path: Path, compression: Compression | None, stored: bool, script: bytes
) -> None:
    """These are its own, those of nested archives, and those whose classes were copied; also after a script that starts it."""
    data = script + jar(APP, stored=stored)
    opened = opened_with(tmp_path, [file("srv/app.jar", data)], compression=compression)
    assert rows(opened) == [
        ("java", "com.example:app", "1.0", len(data), 0),
        ("java", "com.google.common:guava", "32.1-jre", 0, 0),
        ("java", "org.x:one", "1", 0, 0),
        ("java", "org.x:two", "2", 0, 0),
        ("java", "shaded", "", 0, 0),
    ]
    inside = {one.name: one.inside for one in inventory_of(opened).packages}
    assert inside["com.example:app"] == ""
    assert inside["org.x:one"] == "BOOT-INF/lib/shaded.jar"


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        ("lib/two-2.jar", {**pom("g", "one", "1"), **pom("g", "two", "2")}, ("g:two", "2")),
        (
            "x.war",
            {
                **pom("g", "a", "1"),
                **pom("g", "b", "2"),
                "META-INF/MANIFEST.MF": "Implementation-Title: b\n",
            },
            ("g:b", "2"),
        ),
        (
            "commons-io.jar",
            {
                "META-INF/MANIFEST.MF": "Implementation-Vendor-Id: org.apache\nImplementation-Version: 2.4\n"
            },
            ("org.apache:commons-io", "2.4"),
        ),
        ("a-b-1.0-SNAPSHOT.jar", {"x": b""}, ("a-b", "1.0-SNAPSHOT")),
        ("empty.ear", {"META-INF/maven/g/a/pom.properties": "version=1\n"}, ("empty", "")),
    ],
)
def test_the_main_artifact_of_an_archive(
    tmp_path: Path, name: str, members: dict[str, bytes | str], expected: tuple[str, str]
) -> None:
    """It is the one with the name of the file or the title of the manifest, or the only one; otherwise it comes from file name
    and manifest.
    """
    opened = opened_with(tmp_path, [file(name, jar(members))])
    (own,) = (one for one in inventory_of(opened).packages if one.files)
    assert (own.name, own.version) == expected


def test_bytes_are_counted_once(tmp_path: Path) -> None:
    """A program owned by dpkg has no bytes in its modules; two names of one program are one; deleted programs are left out."""
    data = program(go_data())
    lists = [
        file("var/lib/dpkg/status", STATUS),
        file("var/lib/dpkg/info/curl.list", b"/usr/bin/server\n"),
        binary("usr/bin/server", data),
    ]
    again = [
        binary("opt/gone", data),
        binary("opt/app", data + b"x"),
        hardlink("opt/alias", "opt/app"),
    ]
    opened = opened_with(tmp_path, lists, again, [whiteout("opt/gone")])
    found = inventory_of(opened).packages
    assert sum(one.bytes for one in found) == 2 * len(data) + 1
    assert [
        (one.kind, one.bytes, one.files, one.layer)
        for one in found
        if one.name in ("curl", "example.com/app")
    ] == [
        ("go", len(data) + 1, 2, 1),
        ("dpkg", len(data), 1, 0),
        ("go", 0, 0, 0),
    ]


def test_findings_list_only_packages_of_databases(tmp_path: Path) -> None:
    """Reports do not read programs."""
    opened = opened_with(
        tmp_path, [binary("app", program(go_data())), file("a.jar", jar({"x": b""}))]
    )
    assert opened.findings is not None
    assert opened.findings.packages == ()
    assert len(inventory_of(opened).packages) > 2


def test_the_release_file_of_the_distribution(tmp_path: Path) -> None:
    """The file in /etc takes precedence."""
    release = [file("usr/lib/os-release", b"ID=debian\n"), file("etc/os-release", b"ID=mine\n")]
    assert inventory_of(opened_with(tmp_path, release[:1])).release == "ID=debian\n"
    assert inventory_of(opened_with(tmp_path, release)).release == "ID=mine\n"


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_the_inventory_is_the_same_with_a_cache(
    tmp_path: Path, compression: Compression | None
) -> None:
    """It is the same while writing the cache, from the cache, and without one."""
    members = [
        binary("app", program(go_data())),
        file("a.jar", jar(APP)),
        file("broken.jar", jar(APP)[:-30]),
        file("usr/lib/os-release", b"ID=debian\n"),
    ]
    store = Store(tmp_path / "cache")

    def details(opened: Opened) -> list[object]:
        return [
            [
                structs.asdict(one) | {"paths": one.paths.tolist()}
                for one in inventory_of(opened).packages
            ],
            inventory_of(opened).warnings,
            opened.warnings,
        ]

    first = details(opened_with(tmp_path, members, compression=compression, store=store))
    again = details(opened_with(tmp_path, members, compression=compression, store=store))
    without = details(opened_with(tmp_path, members, compression=compression))
    assert first == again == without


def test_a_large_program_is_copied_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This applies to compressed layers."""
    from layerscope.analysis import seekable

    monkeypatch.setattr(seekable, "_MAX_IN_MEMORY", 100)
    data = program(go_data())
    opened = opened_with(
        tmp_path, [binary("app", data), binary("b", b"x" * 9000)], compression="gzip"
    )
    assert rows(opened)[0][:4] == ("go", "example.com/app", "v1.2.3", len(data))


def problem_of(opened: Opened) -> str:
    """The message of the one warning."""
    (warning,) = opened.warnings
    assert warning.code == "packages-unreadable"
    return warning.message


def bomb(levels: int, width: int) -> bytes:
    """Nested archives that unpack to far more than their size."""
    data = jar({"x.class": bytes(1 << 22)})
    for _ in range(levels):
        data = jar({f"lib/{number}.jar": data for number in range(width)})
    return data


@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        ("a.jar", lambda: jar(APP)[:-30], "damaged archive"),
        ("a.jar", lambda: jar(APP)[:400], "damaged archive"),
        (
            "a.jar",
            lambda: jar({"META-INF/MANIFEST.MF": bytes(9 << 20)}),
            "unpacks to 9,437,184 bytes",
        ),
        ("a.jar", lambda: jar({"lib/b.jar": bytes(70 << 20)}), "unpacks to 73,400,320 bytes"),
        ("a.jar", lambda: bomb(8, 1), "deeper than 4"),
        ("app", lambda: program(b"", {".dep-v0": b"no zlib"}), "its list of crates is damaged"),
        (
            "app",
            lambda: program(b"", {".dep-v0": zlib.compress(bytes(20 << 20))}),
            "larger than 8,388,608 bytes",
        ),
        (
            "app",
            lambda: program(b"", {".dep-v0": zlib.compress(b"[" * 100_000)}),
            "its list of crates is damaged",
        ),
        (
            "app",
            lambda: program(b"", {".dep-v0": zlib.compress(b'{"packages": [{}]}')}),
            "its list of crates is damaged",
        ),
        ("app", lambda: program(b"", {".dep-v0": bytes(17 << 20)}), "more than 16,777,216 bytes"),
    ],
)
def test_unreadable_files_cause_a_warning(
    tmp_path: Path, name: str, make: Callable[[], bytes], why: str
) -> None:
    """It names the file, and all other packages are listed."""
    good = program(go_data())
    opened = opened_with(tmp_path, [binary(name, make()), binary("good", good)])
    assert f"/{name}: " in problem_of(opened)
    assert why in problem_of(opened)
    assert "example.com/app" in {one.name for one in inventory_of(opened).packages}


def test_an_archive_cannot_unpack_beyond_the_limit(tmp_path: Path) -> None:
    """Nesting makes no difference."""
    opened = opened_with(tmp_path, [file("bomb.jar", bomb(3, 12))])
    assert "unpacks to" in problem_of(opened)


def test_files_that_only_look_like_programs(tmp_path: Path) -> None:
    """Truncated files, noise and invalid sizes list nothing, raise nothing, and allocate little."""
    seeded, members = random.Random(5), []
    whole = [program(go_data(), rust_section(), form=form) for form in FORMS]
    whole.append(program(old_go_data()))
    for number in range(240):
        data = bytearray(seeded.choice(whole))
        for _ in range(seeded.randrange(1, 12)):
            data[seeded.randrange(4, 0x200)] = seeded.choice((0, 1, 0x7F, 0xFF))
        members.append(
            binary(f"noise{number}", bytes(data[: max(seeded.randrange(len(data)), 4096)]))
        )
    members.append(
        binary(
            "lying",
            b"\x7fELF\x02\x01".ljust(16, b"\0")
            + struct.pack("<HHIQQQIHHHHHH", *[0xFFFF] * 13)
            + bytes(9000),
        )
    )
    assert len(inventory_of(opened_with(tmp_path, members)).packages) < 240 * 8


def test_names_may_contain_any_bytes(tmp_path: Path) -> None:
    """They are kept as in the program."""
    data = program(go_data("path\t\udcff\n"))
    assert rows(opened_with(tmp_path, [binary("app", data)]))[0][1] == "\udcff"


def test_the_limit_on_packages(tmp_path: Path) -> None:
    """The error names it."""
    crates = [{"name": f"c{number}", "version": "1"} for number in range(50)] + CRATES
    layers = [binary("app", program(b"", rust_section(crates)))]
    with pytest.raises(LimitExceededError, match="limit packages exceeded"):
        opened_with(tmp_path, layers, limits=Limits(packages=40))
    assert len(inventory_of(opened_with(tmp_path, layers)).packages) == 52


def test_the_same_package_twice_in_a_file_is_one(tmp_path: Path) -> None:
    """The list of crates repeats each of them."""
    opened = opened_with(tmp_path, [binary("app", program(b"", rust_section([*CRATES, *CRATES])))])
    assert len(inventory_of(opened).packages) == 2
