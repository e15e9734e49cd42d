"""Duplicate directories: one finding for each cause."""

from __future__ import annotations

import pytest

from layerscope.words import Confidence, Severity
from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of, paths_of
from tests.images import Member, file, hardlink

RULE = "duplicate-directories"
RUN = "RUN /bin/sh -c install-cuda # buildkit"


def cuda(top: str, version: bytes = b"") -> list[Member]:
    """A library of two large files."""
    return [
        file(f"{top}/lib/libcudart.so", b"c" * 60_000 + version),
        file(f"{top}/lib/libcublas.so", b"b" * 70_000 + version),
    ]


def test_a_duplicate_library_is_one_finding() -> None:
    """All files of the later copy are claimed, largest first, with exact bytes; the same RUN replaces it by a link."""
    members = [
        *cuda("opt/cuda"),
        *cuda("usr/local/cuda"),
        file("usr/local/y", b"y"),
        file("opt/other", b"o"),
        file("usr/x", b"x"),
    ]
    opened = opened_of([(RUN, members)], RULE, 0)
    (finding,) = [found for found in findings_of(opened).found if found.rule == RULE]
    assert (finding.bytes, finding.layers) == (130_000, (0,))
    assert finding.title == "/usr/local/cuda is identical to /opt/cuda"
    assert paths_of(opened, finding) == [
        "usr/local/cuda/lib/libcublas.so",
        "usr/local/cuda/lib/libcudart.so",
    ]
    assert finding.fix.endswith(
        "RUN install-cuda \\\n    && rm -rf /usr/local/cuda \\\n    && ln -s /opt/cuda /usr/local/cuda"
    )


def test_the_copy_of_the_lowest_layer_is_kept() -> None:
    """The finding belongs to the later step, even if its path sorts first."""
    opened = opened_of(
        [
            ("COPY vendor /z/vendor # buildkit", cuda("z/vendor")),
            ("COPY . /a # buildkit", [*cuda("a/vendor"), file("a/main", b"m")]),
        ],
        RULE,
        0,
    )
    (finding,) = [found for found in findings_of(opened).found if found.rule == RULE]
    assert (finding.bytes, finding.layers) == (130_000, (1,))
    assert finding.fix == (
        "# leave /a/vendor out of\nCOPY . /a\n"
        "# a link is enough for each, if nothing writes to them:\nRUN ln -s /z/vendor /a/vendor"
    )


def test_directories_of_the_same_two_places_are_one_finding() -> None:
    """Two environments that differ in one package share all others."""
    members = [
        member
        for top in ("venv1", "venv2")
        for name in ("numpy", "scipy")
        for member in (
            file(f"srv/{top}/{name}/core.so", name.encode() * 20_000),
            file(f"srv/{top}/own.txt", top.encode()),
        )
    ]
    (finding,) = findings_by([(RUN, members)], RULE)
    assert finding.bytes == 200_000
    assert finding.title == "2 directories of /srv/venv2 are also in /srv/venv1"


def test_three_copies_save_two() -> None:
    """All copies but one are saved."""
    members = [member for top in ("a", "b", "c") for member in cuda(top)]
    (finding,) = findings_by([(RUN, members)], RULE)
    assert (finding.bytes, finding.title) == (260_000, "/a exists 3 times")


def test_files_of_duplicate_directories_are_not_reported_again() -> None:
    """The rule about duplicate files leaves them out."""
    assert findings_by([(RUN, [*cuda("opt/cuda"), *cuda("srv/cuda")])], "duplicate-files") == []


def test_content_with_another_name_is_not_claimed() -> None:
    """A hard link to a file of the copy remains after the copy is removed."""
    members = [*cuda("a"), *cuda("b"), hardlink("keep", "b/lib/libcublas.so")]
    (finding,) = findings_by([(RUN, members)], RULE)
    assert finding.bytes == 60_000


def test_duplicates_within_packages_are_not_reported() -> None:
    """Near misses are package directories, other contents, and small directories."""
    packaged = [*cuda("usr/lib/perl-base"), *cuda("usr/share/perl")]
    assert findings_by([(RUN, packaged)], RULE) == []
    assert len(findings_by([("COPY . /usr # buildkit", packaged)], RULE)) == 1
    assert findings_by([(RUN, [*cuda("opt/a"), *cuda("opt/b", b"2")])], RULE) == []
    assert findings_by([(RUN, [*cuda("opt/a"), *cuda("opt/b")])], RULE, None) == []


def test_a_tree_that_was_copied_twice_and_changed_since_is_one_finding() -> None:
    """The shared files of the later copy are claimed; exact duplicates and large files in it are not reported again."""
    files = {f"lib{number % 3}/{number}.js": b"%d" % number * 60_000 for number in range(10, 40)}
    first = [file(f"opt/vendor/{name}", data) for name, data in files.items()]
    second = [
        file(f"srv/app/vendor/{name}", data + (b"changed" if name.endswith("/10.js") else b""))
        for name, data in files.items()
    ]
    opened = opened_of(
        [("COPY vendor /opt/vendor # buildkit", first), ("COPY . /srv/app # buildkit", second)]
    )
    (finding,) = findings_of(opened).found
    assert finding.rule == RULE
    assert finding.title == "/srv/app/vendor is nearly identical to /opt/vendor (97 % of its bytes)"
    assert (finding.bytes, finding.layers, len(finding.paths)) == (29 * 120_000, (1,), 29)
    assert finding.fix == (
        "# they differ in lib1/10.js\n# if /opt/vendor works for both, leave /srv/app/vendor out of\nCOPY . /srv/app"
    )
    assert findings_of(opened).saving() == finding.bytes
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.MEDIUM)


@pytest.mark.parametrize(
    ("step", "kept", "copy"),
    [
        ("COPY . /srv # buildkit", "opt/vendor", "srv/other"),
        ("COPY . /srv # buildkit", "opt/node_modules/a", "srv/x/node_modules/a"),
        ("RUN make", "opt/vendor", "srv/vendor"),
    ],
)
def test_similar_directories_are_a_note_with_low_confidence(
    step: str, kept: str, copy: str
) -> None:
    """These are directories with other names, dependencies of packages, and output of commands."""
    files = {f"lib{number % 3}/{number}.js": b"%d" % number * 60_000 for number in range(10, 40)}
    first = [file(f"{kept}/{name}", data) for name, data in files.items()]
    second = [
        file(f"{copy}/{name}", data + (b"changed" if name.endswith("/10.js") else b""))
        for name, data in files.items()
    ]
    history = [("COPY vendor /opt # buildkit", first), (step, second)]
    (finding,) = findings_by(history, RULE)
    assert (finding.severity, finding.confidence) == (Severity.NOTE, Confidence.LOW)


def test_a_copy_that_stores_nothing_else_is_removed() -> None:
    """A link takes its place, in a directory that no other step creates."""
    steps = [
        ("COPY vendor /opt/vendor # buildkit", cuda("opt/vendor")),
        ("COPY vendor /srv/app/vendor # buildkit", cuda("srv/app/vendor")),
        ("COPY main /srv/other # buildkit", [file("srv/other", b"o"), file("opt/x", b"x")]),
    ]
    (finding,) = findings_by(steps, RULE)
    assert finding.fix == (
        "# a link is enough for each, if nothing writes to them:\n# in place of\n# COPY vendor /srv/app/vendor\n"
        "RUN mkdir -p /srv/app && ln -s /opt/vendor /srv/app/vendor"
    )


def test_an_existing_parent_directory_needs_no_mkdir() -> None:
    """Other files of the COPY, or an earlier step, create it."""
    both = [*cuda("srv/app/vendor"), file("srv/app/main", b"m")]
    first = ("COPY vendor /opt/vendor # buildkit", [*cuda("opt/vendor"), file("opt/x", b"x")])
    (finding,) = findings_by([first, ("COPY . /srv/app # buildkit", both)], RULE)
    assert finding.fix.endswith("RUN ln -s /opt/vendor /srv/app/vendor")
    early = ("RUN /bin/sh -c mkdir /srv/app # buildkit", [file("srv/app/x", b"early")])
    last = ("COPY vendor /srv/app/vendor # buildkit", cuda("srv/app/vendor"))
    (finding,) = findings_by([first, early, last], RULE)
    assert finding.fix.endswith("RUN ln -s /opt/vendor /srv/app/vendor")
    assert "# in place of\n# COPY vendor /srv/app/vendor\n" in finding.fix


def test_no_link_if_a_later_step_writes_to_the_copy() -> None:
    """It would write through the link into the copy that stays; a comment says what to do."""
    later = [file("srv/app/vendor/generated.pyc", b"g")]
    steps = [
        ("COPY vendor /opt/vendor # buildkit", cuda("opt/vendor")),
        (
            "COPY . /srv/app # buildkit",
            [*cuda("srv/app/vendor"), file("srv/app/m", b"m"), file("opt/x", b"x")],
        ),
    ]
    rest = [file("opt/vendor/generated.pyc", b"g")]
    (finding,) = findings_by([*steps, ("RUN /bin/sh -c compile # buildkit", [*later, *rest])], RULE)
    assert "ln -s" not in finding.fix
    assert finding.fix.startswith(
        "# store /opt/vendor only once: in the final image /srv/app/vendor is the same"
    )
    deleted = ("RUN /bin/sh -c rm # buildkit", [file("srv/app/vendor/.wh.x", b"")])
    steps[1][1].append(file("srv/app/vendor/x", b"x"))
    (finding,) = findings_by([*steps, deleted], RULE)
    assert "ln -s" not in finding.fix


def test_packages_with_a_common_dependency_are_not_duplicates() -> None:
    """Only the shared third package is claimed, which a link or `npm dedupe` stores once."""

    def package(name: str) -> list[Member]:
        top = f"app/node_modules/{name}"
        nested = [file(f"{top}/node_modules/ajv/{n}.js", b"%d" % n * 60_000) for n in range(10, 20)]
        return [
            *nested,
            file(f"{top}/index.js", name.encode() * 3000),
            file(f"{top}/LICENSE", b"MIT" * 300),
        ]

    steps = [("COPY . /app # buildkit", [*package("schema-utils"), *package("ajv-formats")])]
    (finding,) = findings_by(steps, RULE)
    assert finding.title == (
        "/app/node_modules/schema-utils/node_modules is identical to /app/node_modules/ajv-formats/node_modules"
    )
    assert finding.bytes == 10 * 120_000


def test_nearly_identical_npm_packages_are_deduplicated_by_npm() -> None:
    """The fix makes no link, because the differences may matter."""

    def package(at: str, odd: bytes) -> list[Member]:
        top = f"app/node_modules/{at}"
        return [
            *(file(f"{top}/{n}.js", b"%d" % n * 60_000) for n in range(10, 40)),
            file(f"{top}/package.json", odd),
        ]

    members = [
        *package("ajv", b'{"version": "8.1.0"}'),
        *package("x/node_modules/ajv", b'{"version": "8.1.1"}'),
    ]
    (finding,) = findings_by([("RUN /bin/sh -c npm ci # buildkit", members)], RULE)
    assert finding.fix == (
        "# they differ in package.json\n# npm keeps one of them if versions agree:\n"
        "RUN npm ci \\\n    && npm dedupe --prefix /app"
    )
