"""Whole directories that are there several times: one finding for each cause."""

from __future__ import annotations

from tests.analysis.findings.judging import findings_of, judged, opened_of, paths_of
from tests.images import Member, file, hardlink

RULE = "duplicate-directories"
RUN = "RUN /bin/sh -c install-cuda # buildkit"


def cuda(top: str, version: bytes = b"") -> list[Member]:
    """A library of two large files."""
    return [
        file(f"{top}/lib/libcudart.so", b"c" * 60_000 + version),
        file(f"{top}/lib/libcublas.so", b"b" * 70_000 + version),
    ]


def test_a_library_that_is_there_twice_is_one_finding() -> None:
    """All files of the later copy, largest first, exact bytes; a link in the same RUN takes its place."""
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
    assert finding.title == "/usr/local/cuda is the same as /opt/cuda"
    assert paths_of(opened, finding) == [
        "usr/local/cuda/lib/libcublas.so",
        "usr/local/cuda/lib/libcudart.so",
    ]
    assert finding.fix.endswith(
        "RUN install-cuda \\\n    && rm -rf /usr/local/cuda \\\n    && ln -s /opt/cuda /usr/local/cuda"
    )


def test_the_copy_of_the_lowest_layer_is_kept() -> None:
    """The finding is the later step's, even if its name comes first."""
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
        "# a link does for each, if nothing writes to them:\nRUN ln -s /z/vendor /a/vendor"
    )


def test_directories_of_the_same_two_places_are_one_finding() -> None:
    """Two environments that differ in one package have the others in common."""
    members = [
        member
        for top in ("venv1", "venv2")
        for name in ("numpy", "scipy")
        for member in (
            file(f"srv/{top}/{name}/core.so", name.encode() * 20_000),
            file(f"srv/{top}/own.txt", top.encode()),
        )
    ]
    (finding,) = judged([(RUN, members)], RULE)
    assert finding.bytes == 200_000
    assert finding.title == "2 directories of /srv/venv2 are in /srv/venv1 too"


def test_three_copies_save_two() -> None:
    """All but one."""
    members = [member for top in ("a", "b", "c") for member in cuda(top)]
    (finding,) = judged([(RUN, members)], RULE)
    assert (finding.bytes, finding.title) == (260_000, "/a is there 3 times")


def test_files_of_duplicate_directories_are_not_told_again_one_by_one() -> None:
    """The rule about files leaves them out."""
    assert judged([(RUN, [*cuda("opt/cuda"), *cuda("srv/cuda")])], "duplicate-files") == []


def test_content_that_another_name_keeps_is_not_claimed() -> None:
    """A hard link to a file of the copy stays when the copy goes."""
    members = [*cuda("a"), *cuda("b"), hardlink("keep", "b/lib/libcublas.so")]
    (finding,) = judged([(RUN, members)], RULE)
    assert finding.bytes == 60_000


def test_what_packages_put_twice_into_system_folders_is_not_the_users_to_change() -> None:
    """Near misses: the folders of packages, other contents, and small directories."""
    packaged = [*cuda("usr/lib/perl-base"), *cuda("usr/share/perl")]
    assert judged([(RUN, packaged)], RULE) == []
    assert len(judged([("COPY . /usr # buildkit", packaged)], RULE)) == 1
    assert judged([(RUN, [*cuda("opt/a"), *cuda("opt/b", b"2")])], RULE) == []
    assert judged([(RUN, [*cuda("opt/a"), *cuda("opt/b")])], RULE, None) == []


def test_a_tree_that_was_copied_twice_and_changed_since_is_one_finding() -> None:
    """The later copy's shared files are claimed; what is exactly the same in it is not told again, nor are large files."""
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
    assert finding.title == "/srv/app/vendor is nearly the same as /opt/vendor (97 % of its bytes)"
    assert (finding.bytes, finding.layers, len(finding.paths)) == (29 * 120_000, (1,), 29)
    assert finding.fix.endswith("# COPY . /srv/app\nRUN ln -s /opt/vendor /srv/app/vendor")
    assert findings_of(opened).saving() == finding.bytes
