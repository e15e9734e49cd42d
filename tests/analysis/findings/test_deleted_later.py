"""Content that a later step deletes: claimed where it is stored."""

from __future__ import annotations

from tests.analysis.findings.judging import findings_of, judged, opened_of, paths_of
from tests.images import directory, file, hardlink, opaque, whiteout

FETCH = "/bin/sh -c curl -O https://example.test/model.bin"
MODEL = [directory("opt"), file("opt/model.bin", b"m" * 9000), file("opt/keep", b"k" * 10)]


def test_what_a_later_step_deletes_is_claimed_by_the_step_that_stored_it() -> None:
    """Exact bytes, both steps, and the user's command with the deletion in it."""
    opened = opened_of(
        [(FETCH, MODEL), ("/bin/sh -c rm /opt/model.bin", [whiteout("opt/model.bin")])],
        "deleted-later",
        0,
    )
    (finding,) = findings_of(opened).found
    assert (finding.bytes, finding.layers, finding.steps) == (9000, (0, 1), (0, 1))
    assert finding.title == "Stored by step 0, deleted by step 1"
    assert paths_of(opened, finding) == ["opt/model.bin"]
    assert finding.fix.endswith(
        "# one RUN for steps 0, 1\nRUN curl -O https://example.test/model.bin \\\n    && rm /opt/model.bin"
    )


def test_what_downloads_or_builds_is_better_done_in_a_stage_of_its_own() -> None:
    """A hint in a comment, for what belongs there and for nothing else."""
    gone = [whiteout("opt/model.bin")]
    for command, hinted in ((FETCH, True), ("/bin/sh -c dd of=/opt/model.bin", False)):
        (finding,) = judged([(command, MODEL), ("/bin/sh -c rm -r /opt", gone)], "deleted-later")
        assert ("COPY --from=build" in finding.fix) is hinted


def test_steps_between_that_may_need_it_are_in_the_same_run() -> None:
    """Deleting right where it is made would break them; what they copy comes before."""
    steps = [
        ("/bin/sh -c apk add gcc", [file("usr/bin/gcc", b"g" * 5000)]),
        ("COPY req.txt /app/ # buildkit", [file("app/req.txt", b"r")]),
        ("/bin/sh -c pip install -r /app/req.txt", [file("lib/x.so", b"x")]),
        ("/bin/sh -c apk del gcc", [whiteout("usr/bin/gcc")]),
    ]
    (finding,) = judged(steps, "deleted-later")
    assert finding.fix.endswith(
        "\n# one RUN for steps 0, 2, 3\nCOPY req.txt /app/\n"
        "RUN apk add gcc \\\n    && pip install -r /app/req.txt \\\n    && apk del gcc"
    )


def test_what_several_steps_delete_is_deleted_where_it_is_made() -> None:
    """The paths by name: topmost first, those that a line cannot hold with a question mark."""
    steps = [
        ("/bin/sh -c unpack", [file("opt/a\nb", b"a" * 50), file("opt/c d", b"c" * 20)]),
        ("/bin/sh -c one", [whiteout("opt/a\nb"), file("opt/keep", b"k")]),
        ("/bin/sh -c two", [whiteout("opt/c d")]),
    ]
    (finding,) = judged(steps, "deleted-later")
    assert (finding.bytes, finding.steps) == (70, (0, 1, 2))
    assert finding.fix == (
        "# if no step up to 2 needs it:\nRUN unpack \\\n    && rm -rf /opt/a?b '/opt/c d'"
    )


def test_wheels_that_are_copied_used_and_deleted_are_mounted_instead() -> None:
    """A bind mount in the RUN that uses them, which cannot and need not delete them."""
    for deletion in ("&& rm -rf /src/wheels", "&& rm -r wheels", "; rm wheels/*"):
        steps = [
            ("WORKDIR /src", None),
            ("COPY wheels wheels # buildkit", [file("src/wheels/a.whl", b"w" * 900)]),
            (
                f"RUN /bin/sh -c pip install wheels/* {deletion} # buildkit",
                [whiteout("src/wheels"), file("lib/a.py", b"a")],
            ),
        ]
        (finding,) = judged(steps, "deleted-later")
        assert (finding.bytes, finding.steps) == (900, (1, 2))
        assert finding.fix == (
            "# in place of steps 1 to 2:\n"
            "RUN --mount=type=bind,source=wheels,target=/src/wheels pip install wheels/*"
        )


def test_other_deletions_of_the_step_stay() -> None:
    """Only the path that is mounted is taken out of an rm."""
    steps = [
        ("COPY wheels /w # buildkit", [file("w/a.whl", b"w" * 900)]),
        (
            "RUN /bin/sh -c pip install /w/* && rm -rf /w /tmp/x # buildkit",
            [whiteout("w"), file("lib/a.py", b"a")],
        ),
    ]
    (finding,) = judged(steps, "deleted-later")
    assert finding.fix.endswith("pip install /w/* \\\n    && rm -rf /tmp/x")


def test_a_part_of_what_was_copied_is_kept_out_of_the_context() -> None:
    """Lines of a .dockerignore, written from the context's root."""
    steps = [
        ("WORKDIR /app", None),
        ("COPY shop . # buildkit", [file("app/dump.sql", b"d" * 800), file("app/main.py", b"m")]),
        ("RUN /bin/sh -c rm /app/dump.sql # buildkit", [whiteout("app/dump.sql")]),
    ]
    (finding,) = judged(steps, "deleted-later")
    assert finding.fix == (
        "# in .dockerignore:\nshop/dump.sql\n# so that this does not copy it:\nCOPY shop ."
    )


def test_a_copy_that_another_step_rewrote_is_mended_at_the_copy() -> None:
    """Content that was chowned and then deleted comes from the COPY; each dead copy belongs to one finding."""
    steps = [
        (
            "COPY . /app # buildkit",
            [file("app/dump.sql", b"d" * 800), file("app/main.py", b"m" * 7)],
        ),
        (
            "RUN /bin/sh -c chown -R 7:7 /app # buildkit",
            [
                file("app/dump.sql", b"d" * 800, uid=7, gid=7),
                file("app/main.py", b"m" * 7, uid=7, gid=7),
            ],
        ),
        ("RUN /bin/sh -c rm /app/dump.sql # buildkit", [whiteout("app/dump.sql")]),
    ]
    (finding,) = judged(steps, "deleted-later")
    assert (finding.bytes, finding.layers) == (800, (0, 1, 2))
    assert finding.title == "Stored by step 0, again by step 1, deleted by step 2"
    assert "\ndump.sql\n" in finding.fix
    (other,) = judged(steps, "rewritten-for-attributes")
    assert other.bytes == 807
    assert not set(other.inodes.tolist()) & set(finding.inodes.tolist())


def test_what_the_base_image_stores_only_another_base_mends() -> None:
    """No advice that a Dockerfile cannot follow."""
    steps = [
        (f"/bin/sh -c #(nop) ADD file:{'ab' * 32} in / ", [file("usr/share/doc/x", b"x" * 500)]),
        ("/bin/sh -c rm -r /usr/share/doc", [whiteout("usr/share/doc")]),
    ]
    (finding,) = judged(steps, "deleted-later")
    assert "only another base image is smaller" in finding.fix


def test_a_directory_that_is_gone_is_named_once() -> None:
    """The fix names the topmost thing that is gone, not each file in it."""
    tree = [file(f"src/lib/{number}", b"x" * 100) for number in range(20)]
    (finding,) = judged(
        [("/bin/sh -c make", tree), ("/bin/sh -c rm -rf /src", [whiteout("src")])], "deleted-later"
    )
    assert finding.bytes == 2000
    assert finding.fix.endswith("\nRUN make \\\n    && rm -rf /src")


def test_copied_content_is_better_never_copied() -> None:
    """A COPY cannot delete: its fix says what else to do, and quotes the COPY."""
    (finding,) = judged(
        [("COPY opt /opt # buildkit", MODEL), ("/bin/sh -c rm -rf /opt", [opaque("opt")])],
        "deleted-later",
    )
    assert ".dockerignore" in finding.fix
    assert finding.fix.endswith("COPY opt /opt")


def test_content_that_keeps_a_name_is_not_deleted() -> None:
    """A hard link elsewhere keeps the content alive."""
    linked = [*MODEL, hardlink("srv/model", "opt/model.bin")]
    steps = [(FETCH, linked), ("/bin/sh -c rm /opt/model.bin", [whiteout("opt/model.bin")])]
    assert judged(steps, "deleted-later") == []


def test_overwritten_content_is_not_deleted() -> None:
    """Another version of the file is another rule's."""
    steps = [(FETCH, MODEL), (FETCH, [file("opt/model.bin", b"n" * 9000)])]
    assert judged(steps, "deleted-later") == []
