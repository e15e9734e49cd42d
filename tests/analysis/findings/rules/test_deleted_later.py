"""Content that a later step deletes: claimed where it is stored."""

from __future__ import annotations

import pytest

from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of, paths_of
from tests.images import Member, directory, file, hardlink, opaque, whiteout

FETCH = "/bin/sh -c curl -O https://example.test/model.bin"
MODEL = [directory("opt"), file("opt/model.bin", b"m" * 9000), file("opt/keep", b"k" * 10)]


def test_deleted_files_are_claimed_by_the_step_that_stored_them() -> None:
    """The finding has exact bytes and both steps; the fix is the user's command with the deletion appended."""
    opened = opened_of(
        [(FETCH, MODEL), ("/bin/sh -c rm /opt/model.bin", [whiteout("opt/model.bin")])],
        "deleted-later",
        0,
    )
    (finding,) = findings_of(opened).found
    assert (finding.bytes, finding.layers, finding.steps) == (9000, (0, 1), (0, 1))
    assert finding.title == "Added in layer 0, deleted in layer 1"
    assert paths_of(opened, finding) == ["opt/model.bin"]
    assert finding.fix.endswith(
        "# one RUN for layers 0, 1\nRUN curl -O https://example.test/model.bin \\\n    && rm /opt/model.bin"
    )


def test_downloads_and_builds_get_a_hint_about_stages() -> None:
    """The hint is a comment, and is given for nothing else."""
    gone = [whiteout("opt/model.bin")]
    for command, hinted in ((FETCH, True), ("/bin/sh -c dd of=/opt/model.bin", False)):
        (finding,) = findings_by(
            [(command, MODEL), ("/bin/sh -c rm -r /opt", gone)], "deleted-later"
        )
        assert ("COPY --from=build" in finding.fix) is hinted


def test_steps_in_between_join_the_same_run() -> None:
    """Deleting the files where they are created would break those steps; copied files come first."""
    steps = [
        ("/bin/sh -c apk add gcc", [file("usr/bin/gcc", b"g" * 5000)]),
        ("COPY req.txt /app/ # buildkit", [file("app/req.txt", b"r")]),
        ("/bin/sh -c pip install -r /app/req.txt", [file("lib/x.so", b"x")]),
        ("/bin/sh -c apk del gcc", [whiteout("usr/bin/gcc")]),
    ]
    (finding,) = findings_by(steps, "deleted-later")
    assert finding.fix == (
        "# one RUN for layers 0, 2, 3\nCOPY req.txt /app/\n"
        "RUN apk add gcc \\\n    && pip install -r /app/req.txt \\\n    && apk del gcc"
    )


def test_files_deleted_by_several_steps_are_deleted_where_they_are_created() -> None:
    """The fix names the topmost paths, with `?` for characters that a line cannot contain."""
    steps = [
        ("/bin/sh -c unpack", [file("opt/a\nb", b"a" * 50), file("opt/c d", b"c" * 20)]),
        ("/bin/sh -c one", [whiteout("opt/a\nb"), file("opt/keep", b"k")]),
        ("/bin/sh -c two", [whiteout("opt/c d")]),
    ]
    (finding,) = findings_by(steps, "deleted-later")
    assert (finding.bytes, finding.steps) == (70, (0, 1, 2))
    assert finding.fix == (
        "# if no step up to layer 2 needs it:\nRUN unpack \\\n    && rm -rf /opt/a?b '/opt/c d'"
    )


def test_wheels_that_are_copied_used_and_deleted_are_mounted_instead() -> None:
    """The RUN that uses them gets a bind mount, which it cannot and need not delete."""
    for deletion in ("&& rm -rf /src/wheels", "&& rm -r wheels", "; rm wheels/*"):
        steps = [
            ("WORKDIR /src", None),
            ("COPY wheels wheels # buildkit", [file("src/wheels/a.whl", b"w" * 900)]),
            (
                f"RUN /bin/sh -c pip install wheels/* {deletion} # buildkit",
                [whiteout("src/wheels"), file("lib/a.py", b"a")],
            ),
        ]
        (finding,) = findings_by(steps, "deleted-later")
        assert (finding.bytes, finding.steps) == (900, (1, 2))
        assert finding.fix == (
            "# in place of layers 0 to 1:\n"
            "RUN --mount=type=bind,source=wheels,target=/src/wheels pip install wheels/*"
        )


def test_other_deletions_of_the_step_stay() -> None:
    """Only the mounted path is removed from an `rm`."""
    steps = [
        ("COPY wheels /w # buildkit", [file("w/a.whl", b"w" * 900)]),
        (
            "RUN /bin/sh -c pip install /w/* && rm -rf /w /tmp/x # buildkit",
            [whiteout("w"), file("lib/a.py", b"a")],
        ),
    ]
    (finding,) = findings_by(steps, "deleted-later")
    assert finding.fix.endswith("pip install /w/* \\\n    && rm -rf /tmp/x")


def test_only_steps_that_name_the_path_get_a_mount() -> None:
    """Steps in between need none; files that another step writes there are no longer stored, and are claimed, too."""
    copied = ("COPY src /build/src # buildkit", [file("build/src/a.c", b"c" * 900)])
    making = ("RUN /bin/sh -c make -C /build/src # buildkit", [file("build/src/a.o", b"o" * 300)])
    other = ("RUN /bin/sh -c unrelated # buildkit", [file("opt/x", b"x")])
    gone = ("RUN /bin/sh -c rm -r /build # buildkit", [whiteout("build")])
    first, *_ = findings_by([copied, making, other, gone], "deleted-later")
    assert (first.bytes, first.steps) == (900, (0, 3))
    gone = ("RUN /bin/sh -c rm -r /build/src && other # buildkit", [whiteout("build/src")])
    base = ("RUN /bin/sh -c mkdir /build # buildkit", [directory("build"), file("build/y", b"y")])
    (first,) = findings_by([base, copied, making, other, gone], "deleted-later")
    assert (first.bytes, first.steps) == (1200, (1, 2, 4))
    assert first.fix == (
        "# writes to the mount are discarded; older versions of Podman and Buildah write them to the build context\n"
        "# in place of layers 1 to 4:\n"
        "RUN --mount=type=bind,source=src,target=/build/src,rw make -C /build/src\n"
        "RUN other"
    )


@pytest.mark.parametrize(
    "command", ["cp /build/src/a.o /opt", "cd build; ./src/a.o", "cp -r /build /opt"]
)
def test_no_mount_if_a_step_uses_files_that_another_wrote_there(command: str) -> None:
    """Files written to a mount are lost after the step."""
    steps = [
        ("RUN /bin/sh -c mkdir /build # buildkit", [file("build/y", b"y")]),
        ("COPY src /build/src # buildkit", [file("build/src/a.c", b"c" * 900)]),
        ("RUN /bin/sh -c make -C /build/src # buildkit", [file("build/src/a.o", b"o" * 300)]),
        (f"RUN /bin/sh -c {command} # buildkit", [file("opt/a.o", b"o" * 300)]),
        ("RUN /bin/sh -c rm -r /build/src # buildkit", [whiteout("build/src")]),
    ]
    for finding in findings_by(steps, "deleted-later"):
        assert "--mount=type=bind,source" not in finding.fix


@pytest.mark.parametrize(
    ("command", "mount"),
    [
        ("pip install /w/*.whl", ""),
        ("pip install /w", ",rw"),
        ("cp -r /w/. /opt && tar -xf /w/a.tar -C /srv", ""),
        ("cd /w && ./configure", ",rw"),
        ("sh /w/install.sh", ",rw"),
    ],
)
def test_a_mount_is_writable_if_a_step_may_write_to_it(command: str, mount: str) -> None:
    """It is read-only for programs that are known to read only."""
    steps = [
        ("COPY w /w # buildkit", [file("w/a.whl", b"w" * 900), file("w/b", b"b")]),
        (f"RUN /bin/sh -c {command} && rm -r /w # buildkit", [whiteout("w"), file("opt/x", b"x")]),
    ]
    (finding,) = findings_by(steps, "deleted-later")
    assert f"--mount=type=bind,source=w,target=/w{mount} " in finding.fix


def test_a_part_of_a_copy_is_excluded_by_dockerignore() -> None:
    """The lines are relative to the root of the build context."""
    steps = [
        ("WORKDIR /app", None),
        ("COPY shop . # buildkit", [file("app/dump.sql", b"d" * 800), file("app/main.py", b"m")]),
        ("RUN /bin/sh -c rm /app/dump.sql # buildkit", [whiteout("app/dump.sql")]),
    ]
    (finding,) = findings_by(steps, "deleted-later")
    assert finding.fix == (
        "# in .dockerignore:\nshop/dump.sql\n# so that this does not copy it:\nCOPY shop ."
        "\n# and layer 1:\nRUN rm -f /app/dump.sql"
    )


def test_a_rewritten_copy_is_fixed_at_the_copy() -> None:
    """Content that was chowned and then deleted is claimed at the COPY; each dead copy belongs to one finding."""
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
    (finding,) = findings_by(steps, "deleted-later")
    assert (finding.bytes, finding.layers) == (800, (0, 1, 2))
    assert finding.title == "Added in layer 0, rewritten in layer 1, deleted in layer 2"
    assert "\ndump.sql\n" in finding.fix
    (other,) = findings_by(steps, "rewritten-for-attributes")
    assert other.bytes == 807
    assert not set(other.inodes.tolist()) & set(finding.inodes.tolist())


def test_content_of_the_base_needs_another_base() -> None:
    """The finding gives no advice that a Dockerfile cannot follow."""
    steps = [
        (f"/bin/sh -c #(nop) ADD file:{'ab' * 32} in / ", [file("usr/share/doc/x", b"x" * 500)]),
        ("/bin/sh -c rm -r /usr/share/doc", [whiteout("usr/share/doc")]),
    ]
    (finding,) = findings_by(steps, "deleted-later")
    assert "only another base image is smaller" in finding.fix


def test_a_deleted_directory_is_named_once() -> None:
    """The fix names the topmost deleted path, not each file in it."""
    tree = [file(f"src/lib/{number}", b"x" * 100) for number in range(20)]
    (finding,) = findings_by(
        [("/bin/sh -c make", tree), ("/bin/sh -c rm -rf /src", [whiteout("src")])], "deleted-later"
    )
    assert finding.bytes == 2000
    assert finding.fix.endswith("\nRUN make \\\n    && rm -rf /src")


def test_copied_content_is_better_never_copied() -> None:
    """A COPY cannot delete files: the fix gives alternatives, and quotes the COPY."""
    (finding,) = findings_by(
        [("COPY opt /opt # buildkit", MODEL), ("/bin/sh -c rm -rf /opt", [opaque("opt")])],
        "deleted-later",
    )
    assert ".dockerignore" in finding.fix
    assert finding.fix.endswith("COPY opt /opt")


def test_content_that_keeps_a_name_is_not_deleted() -> None:
    """A hard link elsewhere keeps the content live."""
    linked = [*MODEL, hardlink("srv/model", "opt/model.bin")]
    steps = [(FETCH, linked), ("/bin/sh -c rm /opt/model.bin", [whiteout("opt/model.bin")])]
    assert findings_by(steps, "deleted-later") == []


def test_overwritten_content_is_not_deleted() -> None:
    """A new version of the file belongs to another rule."""
    steps = [(FETCH, MODEL), (FETCH, [file("opt/model.bin", b"n" * 9000)])]
    assert findings_by(steps, "deleted-later") == []


def test_files_that_no_step_names_are_deleted_where_they_are_created() -> None:
    """The steps in between stay as they are, including COPY."""
    steps = [
        (FETCH, MODEL),
        ("COPY req.txt /app/ # buildkit", [file("app/req.txt", b"r")]),
        ("/bin/sh -c pip install -r /app/req.txt", [file("lib/x.so", b"x")]),
        ("/bin/sh -c adduser app", [file("etc/passwd", b"p")]),
        ("/bin/sh -c rm /opt/model.bin", [whiteout("opt/model.bin")]),
    ]
    (finding,) = findings_by(steps, "deleted-later")
    assert finding.fix.endswith(
        "\nRUN curl -O https://example.test/model.bin \\\n    && rm -rf /opt/model.bin"
        "\n# and without layer 4:\n# RUN rm /opt/model.bin"
    )
    assert "COPY req.txt" not in finding.fix
    assert "one RUN" not in finding.fix


def test_files_are_deleted_after_the_last_step_that_names_them() -> None:
    """A step may name the path or its directory, or run in that directory."""
    made = ("/bin/sh -c fetch /opt/model.bin", MODEL)
    gone = ("/bin/sh -c rm /opt/model.bin", [whiteout("opt/model.bin")])
    other = ("/bin/sh -c adduser app", [file("etc/passwd", b"p")])
    for use in (
        "convert /opt/model.bin",
        "ls /opt",
        "cp -r /opt/* /srv",
        "cd / && x opt/model.bin",
    ):
        used = (f"/bin/sh -c {use}", [file("srv/x", b"x")])
        (finding,) = findings_by([made, used, other, gone], "deleted-later")
        assert "one RUN for layers 0, 1\n" in finding.fix
        assert finding.fix.endswith(
            " \\\n    && rm -rf /opt/model.bin\n# and without layer 3:\n# RUN rm /opt/model.bin"
        )
        assert "adduser" not in finding.fix
    (finding,) = findings_by([made, ("WORKDIR /opt", None), other, gone], "deleted-later")
    assert finding.fix.startswith("# one RUN for layers 0, 1\n# note: WORKDIR /opt is")
    for use in ("x /optional/model", "y /opt/venv/bin/z", "z my-model.binary"):
        used = (f"/bin/sh -c {use}", [file("srv/x", b"x")])
        (finding,) = findings_by([made, used, gone], "deleted-later")
        assert finding.fix == (
            "RUN fetch /opt/model.bin \\\n    && rm -rf /opt/model.bin"
            "\n# and without layer 2:\n# RUN rm /opt/model.bin"
        )


def test_files_used_by_the_deleting_step_are_kept_until_then() -> None:
    """Deleting them earlier would break that step."""
    steps = [
        ("/bin/sh -c fetch /opt/model.bin", MODEL),
        ("/bin/sh -c adduser app", [file("etc/passwd", b"p")]),
        (
            "/bin/sh -c convert /opt/model.bin && rm /opt/model.bin",
            [whiteout("opt/model.bin"), file("srv/x", b"x")],
        ),
    ]
    (finding,) = findings_by(steps, "deleted-later")
    assert finding.fix.endswith("&& convert /opt/model.bin \\\n    && rm /opt/model.bin")


CONTEXT = ("dump.sql", "main.py")


def copied(top: str) -> list[Member]:
    """The build context, copied to a directory."""
    return [file(f"{top}/{name}", name.encode() * 100) for name in CONTEXT]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("COPY . /build # buildkit", "COPY . /app # buildkit"),
        ("COPY . /build # buildkit", "COPY ./ /app/ # buildkit"),
        (
            f"/bin/sh -c #(nop) COPY dir:{'ab' * 32} in /build ",
            f"/bin/sh -c #(nop) COPY dir:{'ab' * 32} in /app ",
        ),
    ],
)
def test_files_that_another_copy_needs_stay_in_the_build_context(first: str, second: str) -> None:
    """.dockerignore would remove them from the final image, so they are excluded from one COPY only."""
    gone = ("RUN /bin/sh -c rm /build/dump.sql # buildkit", [whiteout("build/dump.sql")])
    (finding,) = findings_by(
        [(first, copied("build")), gone, (second, copied("app"))], "deleted-later"
    )
    assert ".dockerignore" not in finding.fix
    assert "`# syntax=docker/dockerfile:1.19` or newer" in finding.fix
    assert "\nCOPY --exclude=dump.sql " in finding.fix
    assert "# layer 2 also copies it" in finding.fix


def test_a_complete_copy_that_another_copy_needs_is_not_ignored_either() -> None:
    """It is mounted, or not copied; the other COPY needs the files."""
    gone = ("RUN /bin/sh -c rm -r /build # buildkit", [whiteout("build")])
    steps = [
        ("COPY . /build # buildkit", copied("build")),
        ("COPY dump.sql /app/ # buildkit", copied("app")[:1]),
        ("RUN /bin/sh -c make -C /build # buildkit", [file("srv/x", b"x")]),
    ]
    (finding,) = findings_by([*steps, gone], "deleted-later")
    assert "dockerignore" not in finding.fix
    assert "--mount=type=bind" in finding.fix


def test_a_copy_of_another_source_does_not_need_the_files() -> None:
    """Near misses are another directory of the context, another digest, a stage, and files that are deleted as well."""
    gone = ("RUN /bin/sh -c rm /build/dump.sql # buildkit", [whiteout("build/dump.sql")])
    first = ("COPY . /build # buildkit", copied("build"))
    for second in ("COPY sub /app # buildkit", "COPY --from=stage . /app # buildkit"):
        (finding,) = findings_by([first, gone, (second, copied("app"))], "deleted-later")
        assert finding.fix.startswith("# in .dockerignore:\ndump.sql\n")
    both = ("RUN /bin/sh -c rm /app/dump.sql # buildkit", [whiteout("app/dump.sql")])
    for finding in findings_by(
        [first, gone, ("COPY . /app # buildkit", copied("app")), both], "deleted-later"
    ):
        assert finding.fix.startswith("# in .dockerignore:\ndump.sql\n")
