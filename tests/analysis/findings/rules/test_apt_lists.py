"""Package lists of APT are found if they are left in the image, and only then."""

from __future__ import annotations

import pytest

from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of, paths_of
from tests.images import Member, directory, file, hardlink, whiteout

INSTALL = "/bin/sh -c apt-get update && apt-get install -y curl"
LISTS = [
    directory("var/lib/apt/lists"),
    file("var/lib/apt/lists/main_Packages", b"p" * 3000),
    file("var/lib/apt/lists/auxfiles/index", b"i" * 500),
    file("usr/bin/curl", b"c" * 10_000),
]


def test_lists_that_a_step_leaves_are_claimed_with_their_exact_bytes() -> None:
    """Every file below the directory of lists is claimed, largest first, and no other file of the step."""
    opened = opened_of([(INSTALL, LISTS)], "apt-lists", 0)
    (finding,) = findings_of(opened).found
    assert (finding.rule, finding.bytes, finding.layers, finding.steps) == (
        "apt-lists",
        3500,
        (0,),
        (0,),
    )
    assert paths_of(opened, finding) == [
        "var/lib/apt/lists/main_Packages",
        "var/lib/apt/lists/auxfiles/index",
    ]


def test_the_fix_is_the_users_own_command_that_cleans_up() -> None:
    """The quoted RUN deletes the lists at its end."""
    (finding,) = findings_by([(INSTALL, LISTS)], "apt-lists")
    assert finding.fix == (
        "RUN apt-get update \\\n    && apt-get install -y curl \\\n    && rm -rf /var/lib/apt/lists/*"
    )


def test_each_step_that_leaves_lists_has_a_separate_finding() -> None:
    """Two steps are two causes."""
    more = [file("var/lib/apt/lists/other_Packages", b"o" * 200)]
    found = findings_by([(INSTALL, LISTS), (INSTALL, more)], "apt-lists")
    assert [(finding.bytes, finding.layers) for finding in found] == [(3500, (0,)), (200, (1,))]


def test_deleted_lists_are_not_reported() -> None:
    """Content deleted by a later step belongs to another rule."""
    gone = [whiteout("var/lib/apt/lists")]
    assert (
        findings_by([(INSTALL, LISTS), ("/bin/sh -c rm -r /var/lib/apt/lists", gone)], "apt-lists")
        == []
    )


def test_a_list_with_another_name_is_not_claimed() -> None:
    """Deleting one name of a hard link saves nothing."""
    linked = [*LISTS, hardlink("srv/Packages", "var/lib/apt/lists/main_Packages")]
    (finding,) = findings_by([(INSTALL, linked)], "apt-lists")
    assert finding.bytes == 500


def test_lists_elsewhere_are_not_reported() -> None:
    """Near misses are lists at another path, and an empty directory."""
    members = [directory("var/lib/apt/lists/partial"), file("srv/var/lib/apt/lists/x", b"x" * 9)]
    assert findings_by([(INSTALL, members)], "apt-lists") == []


def test_small_lists_are_not_reported() -> None:
    """They are below the default threshold of the rule."""
    assert findings_by([(INSTALL, LISTS)], "apt-lists", None) == []


def test_lists_are_kept_for_later_steps_that_install() -> None:
    """The second step would find no packages without them: both become one RUN, or keep the lists in a cache mount."""
    bare = ("/bin/sh -c apt-get install -y git", [file("usr/bin/git", b"g")])
    fix = (
        "# layers 0, 1 install with the same lists: make them one RUN, or give each of them a cache mount"
        " (RUN --mount=type=cache,target=/var/lib/apt/lists …)\n"
        "# one RUN for layers 0, 1\n"
        "RUN apt-get update \\\n    && apt-get install -y curl \\\n    && apt-get install -y git \\\n    && rm -rf /var/lib/apt/lists/*"
    )
    (finding,) = findings_by([(INSTALL, LISTS), bare], "apt-lists")
    assert finding.fix == fix
    gone = ("/bin/sh -c rm -rf /var/lib/apt/lists/*", [whiteout("var/lib/apt/lists")])
    (finding,) = findings_by([(INSTALL, LISTS), bare, gone], "deleted-later")
    assert finding.bytes == 3500
    # The step that deletes them has nothing to do any more.
    assert finding.fix == f"{fix}\n# and without layer 2:\n# RUN rm -rf /var/lib/apt/lists/*"


def test_a_later_step_with_its_own_update_needs_no_lists() -> None:
    """Commands that read no lists do not need them either."""
    for command in (INSTALL, "/bin/sh -c apt-get -qq clean", "/bin/sh -c echo apt-get installed"):
        steps = [(INSTALL, LISTS), (command, [file("usr/bin/git", b"g")])]
        (finding,) = findings_by(steps, "apt-lists")
        assert finding.fix.endswith("install -y curl \\\n    && rm -rf /var/lib/apt/lists/*")
        assert "cache" not in finding.fix


def test_files_deleted_with_the_lists_are_merged_with_them() -> None:
    """The fix deletes them by name, after the step that installs with the lists."""
    made = [*LISTS, file("opt/model", b"m" * 900)]
    bare = ("/bin/sh -c apt-get install -y git", [file("usr/bin/git", b"g")])
    gone = [whiteout("var/lib/apt/lists"), whiteout("opt/model")]
    steps = [(INSTALL, made), bare, ("/bin/sh -c rm -rf /var/lib/apt/lists /opt/model", gone)]
    (finding,) = findings_by(steps, "deleted-later")
    assert finding.bytes == 4400
    assert "one RUN for layers 0, 1\n" in finding.fix
    assert finding.fix.endswith(
        "&& apt-get install -y git \\\n    && rm -rf /var/lib/apt/lists/* /opt/model"
        "\n# and without layer 2:\n# RUN rm -rf /var/lib/apt/lists /opt/model"
    )


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("rm -rf /var/lib/apt/lists/* && make", []),
        ("rm -rf /var/lib/apt/lists/* /etc/x", [whiteout("etc/x")]),
        ("rm -rf /var/lib/apt/lists/*", [file("usr/y", b"y")]),
    ],
)
def test_a_step_that_does_more_than_delete_the_lists_stays(
    command: str, more: list[Member]
) -> None:
    """It stays for another command, for another deleted file, or for a file that it creates."""
    base = ("/bin/sh -c #(nop) ADD file:aa in / ", [file("etc/x", b"x")])
    bare = ("/bin/sh -c apt-get install -y git", [file("usr/bin/git", b"g")])
    gone = (f"/bin/sh -c {command}", [whiteout("var/lib/apt/lists"), *more])
    (finding,) = [
        found
        for found in findings_by([base, (INSTALL, LISTS), bare, gone], "deleted-later")
        if found.layers[0] == 1
    ]
    assert "and without" not in finding.fix


def test_lists_of_the_base_image_that_a_step_installs_with_are_not_merged() -> None:
    """A RUN cannot span two Dockerfiles: the later step needs its own `apt-get update`."""
    base = (f"/bin/sh -c #(nop) ADD file:{'ab' * 32} in / ", [file("etc/os-release", b"x")])
    bare = ("/bin/sh -c apt-get install -y git", [file("usr/bin/git", b"g")])
    opened = opened_of([base, (INSTALL, LISTS), ('CMD ["bash"]', None), bare], "apt-lists", 0)
    (finding,) = findings_of(opened).found
    assert finding.base
    assert finding.fix.endswith(
        "\n# layer 2 installs with these lists: with its own `apt-get update` it no longer needs them\n"
        "RUN apt-get update \\\n    && apt-get install -y curl \\\n    && rm -rf /var/lib/apt/lists/*"
    )
