"""Content stored again for another owner, mode or time: the old copies are claimed, and the fix is at the step that stored them."""

from __future__ import annotations

import pytest

from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of, paths_of
from tests.images import Attributes, Member, directory, file

RULE = "rewritten-for-attributes"
COPY = "COPY . /app # buildkit"


def app(**attributes: object) -> list[Member]:
    """Two files of an application."""
    given: Attributes = attributes  # type: ignore[assignment]
    return [file("app/a.bin", b"a" * 3000, **given), file("app/b.bin", b"b" * 500, **given)]


def run(command: str) -> str:
    """A RUN as BuildKit records it."""
    return f"RUN /bin/sh -c {command} # buildkit"


def test_a_chown_after_a_copy_becomes_a_flag_of_the_copy() -> None:
    """The old copies are claimed with exact bytes; the owner is that of the new ones."""
    opened = opened_of([(COPY, app()), (run("chown -R app /app"), app(uid=1000, gid=50))], RULE, 0)
    (finding,) = findings_of(opened).found
    assert (finding.rule, finding.bytes, finding.layers) == (RULE, 3500, (1, 0))
    assert finding.title == "Copied again in layer 1 to change the owner"
    assert paths_of(opened, finding) == ["app/a.bin", "app/b.bin"]
    assert finding.fix == (
        "COPY --chown=1000:50 . /app\n# in place of layer 1:\n# RUN chown -R app /app"
    )
    inodes = opened.filesystem.inodes
    assert inodes.layers(finding.inodes).tolist() == [0, 0]


def test_user_names_are_kept_if_they_exist_at_the_copy() -> None:
    """If the users exist before the COPY, the flag has the names of the command; otherwise numbers."""
    users = [file("etc/passwd", b"app:x:7:7:::"), file("etc/group", b"app:x:7:")]
    chowned = (run("chown -R app:app /app"), app(uid=7, gid=7))
    (before,) = findings_by([(run("useradd app"), users), (COPY, app()), chowned], RULE)
    (after,) = findings_by([(COPY, app()), (run("useradd app"), users), chowned], RULE)
    assert before.fix.startswith("COPY --chown=app:app . /app\n")
    assert after.fix.startswith("COPY --chown=7:7 . /app\n")


def test_a_user_without_a_group_keeps_the_group() -> None:
    """`COPY --chown=app` would use the user's number for the group; `chown app` keeps the group."""
    users = [file("etc/passwd", b"app:x:7:7:::"), file("etc/group", b"app:x:7:")]
    steps = [(run("useradd app"), users), (COPY, app()), (run("chown app /app/*"), app(uid=7))]
    (finding,) = findings_by(steps, RULE)
    assert finding.fix.startswith("COPY --chown=app:0 . /app\n")


def test_a_chmod_after_a_copy_becomes_a_flag_of_the_copy() -> None:
    """The mode is a number, if all files and directories get the same one. Not all builders accept symbolic modes."""
    (finding,) = findings_by([(COPY, app()), (run("chmod -R 755 /app"), app(mode=0o755))], RULE)
    assert finding.fix.startswith("COPY --chmod=755 . /app\n")
    assert finding.title.endswith("to change the mode")
    for command, mode in (("chmod 640 /app/*", 0o640), ("chmod -R g+w /app", 0o664)):
        (finding,) = findings_by([(COPY, app()), (run(command), app(mode=mode))], RULE)
        assert finding.edits == ()
        assert f"# COPY --chmod={mode:o} …\n" in finding.fix
    single = [file("opt/x", b"x" * 500)], [file("opt/x", b"x" * 500, mode=0o640)]
    steps = [(BASE, [directory("opt")]), ("COPY x /opt/x # buildkit", single[0])]
    (finding,) = findings_by([*steps, (run("chmod 640 /opt/x"), single[1])], RULE)
    assert finding.fix.startswith("COPY --chmod=640 x /opt/x\n")


BASE = "/bin/sh -c #(nop) ADD file:aa in / "
COMMANDS = [
    # the files that the COPY stores, the command, what it leaves, and whether it can be a flag
    ("chown -R 7:7 /app; chmod +x /app/a.bin", {"a.bin": (7, 0o755), "b.bin": (7, 0o644)}, False),
    ("chmod +x /app/a.bin", {"a.bin": (0, 0o755)}, False),
    ("chmod -R +x /app", {"a.bin": (0, 0o755), "b.bin": (0, 0o755)}, True),
    ("chown -R 7:7 /app/a.bin", {"a.bin": (7, 0o644)}, False),
    ("chown -R 7:7 /app", {"a.bin": (7, 0o644), "b.bin": (7, 0o644)}, True),
]


@pytest.mark.parametrize(("command", "after", "flag"), COMMANDS)
def test_attributes_of_some_files_are_no_flag_of_the_copy(
    command: str, after: dict[str, tuple[int, int]], flag: bool
) -> None:
    """Empty files, and directories that the COPY creates, count, too."""
    copied = [directory("app"), file("app/a.bin", b"a" * 9000), file("app/b.bin", b"b" * 500)]
    sizes = {"a.bin": b"a" * 9000, "b.bin": b"b" * 500}
    changed = [directory("app", uid=7, gid=7)] if "chown -R 7:7 /app" in command else []
    changed += [file(f"app/{name}", sizes[name], uid=uid, gid=uid, mode=mode) for name, (uid, mode) in after.items()]  # fmt: skip
    steps = [(BASE, [directory("etc")]), (COPY, copied), (run(command), changed)]
    (finding,) = findings_by(steps, RULE)
    assert bool(finding.edits) is flag
    steps[1] = (COPY, [*copied, file("app/empty", b"")])
    (finding,) = findings_by(steps, RULE)
    assert not finding.edits


FOLDERS = [
    ("WORKDIR /app", "RUN chown -R 7:7 /app", "RUN chown 7:7 /app"),
    ("/bin/sh -c mkdir /app", "RUN chown -R 7:7 /app", "RUN chown 7:7 /app"),
    (BASE, "RUN chown -R 7:7 /app/", "RUN chown 7:7 /app/"),
    ("WORKDIR /app", "RUN sudo chown -R 7:7 $HERE", "RUN sudo chown 7:7 $HERE"),
    ("WORKDIR /app", "RUN chown --recursive 7:7 .", "RUN chown 7:7 ."),
    ("WORKDIR /app", "RUN chown -Rv 7:7 /app", "RUN chown 7:7 /app"),
    ("WORKDIR /app", "RUN chown -R 7 /app && chgrp -R 7 /app", "RUN chown 7:7 /app"),
    ("WORKDIR /app", "RUN make && chown -R 7:7 /app /app/x", "RUN make \\\n    && chown 7:7 /app"),
]


@pytest.mark.parametrize(("made", "before", "expected"), FOLDERS)
def test_a_directory_from_before_the_copy_keeps_its_chown(
    made: str, before: str, expected: str
) -> None:
    """COPY --chown does not change it, and the user could not create files in it."""
    owned: Attributes = {"uid": 7, "gid": 7}
    copied = [directory("app"), directory("app/x"), file("app/x/a.bin", b"a" * 9000)]
    chowned = [directory("app", **owned), directory("app/x", **owned), file("app/x/a.bin", b"a" * 9000, **owned)]  # fmt: skip
    command = before.removeprefix("RUN ")
    steps = [
        (made, [directory("app")]),
        ("WORKDIR /app", None),
        ("COPY . . # buildkit", copied),
        (run(command), chowned),
    ]
    (finding,) = findings_by(steps, RULE)
    assert finding.edits
    assert "COPY --chown=7:7 . .\n" in finding.fix
    assert finding.fix.endswith(
        f"change only the directory, which COPY leaves as it is:\n{expected}"
    )


def test_other_changes_of_a_chown_are_described_in_words() -> None:
    """It changes an empty file of the base image, or gives two directories different owners."""
    lower = [directory("app"), file("app/empty", b"")]
    copied = [directory("app"), file("app/a.bin", b"a" * 9000)]
    owned: Attributes = {"uid": 7, "gid": 7}
    after = [directory("app", **owned), file("app/a.bin", b"a" * 9000, **owned)]
    for more in ([], [file("app/empty", b"", **owned)]):
        steps = [(BASE, lower), (COPY, copied), (run("chown -R 7:7 /app"), [*after, *more])]
        (finding,) = findings_by(steps, RULE)
        assert bool(finding.edits) is (not more)


def test_the_owner_is_named_as_in_the_command() -> None:
    """This holds even if the path is a variable."""
    users = [file("etc/passwd", b"app:x:7:7:::"), file("etc/group", b"app:x:7:")]
    chowned = (run("chown -R app:app $APP_HOME"), app(uid=7, gid=7))
    (finding,) = findings_by([(run("useradd app"), users), (COPY, app()), chowned], RULE)
    assert finding.fix.startswith("COPY --chown=app:app . /app\n")


def test_a_part_of_a_copy_is_copied_separately() -> None:
    """A flag would apply to everything that the COPY stores."""
    after = [file("app/a.bin", b"a" * 3000, mode=0o755)]
    (finding,) = findings_by([(COPY, app()), (run("chmod +x /app/a.bin"), after)], RULE)
    assert finding.bytes == 3000
    assert "COPY --chmod=755 … /app/a.bin\n" in finding.fix
    assert finding.fix.startswith("COPY . /app\n# leave /app/a.bin out of it")


def test_other_commands_of_the_step_stay() -> None:
    """Only the command that changes attributes is removed."""
    after = [*app(uid=5, gid=5), file("etc/done", b"")]
    command = run("chown -R 5:5 /app && touch-config > /etc/done")
    (finding,) = findings_by([(COPY, app()), (command, after)], RULE)
    assert finding.fix.endswith("# and left out of layer 1: chown -R 5:5 /app")


def test_two_runs_are_merged() -> None:
    """Files created by a RUN are changed in the same RUN."""
    steps = [(run("make install"), app()), (run("chmod -R 700 /app"), app(mode=0o700))]
    (finding,) = findings_by(steps, RULE)
    assert finding.fix == (
        "# one RUN for layers 0, 1\nRUN make install \\\n    && chmod -R 700 /app"
    )


def test_each_step_that_rewrites_has_a_separate_finding() -> None:
    """A content that is rewritten twice is claimed twice, each dead copy once."""
    steps = [
        (COPY, app()),
        (run("chown -R 5:5 /app"), app(uid=5, gid=5)),
        (run("chmod -R 700 /app"), app(uid=5, gid=5, mode=0o700)),
    ]
    found = findings_by(steps, RULE)
    assert sorted((finding.steps, finding.bytes) for finding in found) == [
        ((1, 0), 3500),
        ((2, 1), 3500),
    ]


def test_changes_of_time_alone_are_described_as_such() -> None:
    """touch stores whole files again."""
    (finding,) = findings_by([(COPY, app()), (run("touch /app/*"), app(mtime=9))], RULE)
    assert finding.title == "Copied again in layer 1 to change the time"
    assert "SOURCE_DATE_EPOCH" in finding.fix


def test_a_chown_that_changes_nothing_counts_too() -> None:
    """Storage drivers store a file again even if its owner does not change; other identical rewrites belong to another rule."""
    again = [*app(), file("app/log")]
    (finding,) = findings_by([(COPY, app()), (run("chown -R 0:0 /app"), again)], RULE)
    assert (finding.bytes, finding.title) == (
        3500,
        "Copied again in layer 1 without a change",
    )
    assert findings_by([(COPY, app()), (COPY, again)], RULE) == []


def test_files_of_the_base_get_no_copy_flag() -> None:
    """Naming fewer files is the only way to avoid it."""
    base = (f"/bin/sh -c #(nop) ADD file:{'ab' * 32} in / ", app())
    (finding,) = findings_by([base, (run("chown -R 5:5 /app"), app(uid=5, gid=5))], RULE)
    assert finding.fix.startswith("# layer 1 rewrites what the base image stores")


def test_times_changed_by_a_package_manager_in_the_base_are_not_reported() -> None:
    """No instruction prevents apt from rewriting its records."""
    base = (f"/bin/sh -c #(nop) ADD file:{'ab' * 32} in / ", app())
    assert findings_by([base, (run("apt-get install -y curl"), app(mtime=9))], RULE) == []


def test_other_content_is_not_a_change_of_attributes() -> None:
    """Near misses are other content, deleted content, and content below the threshold."""
    other = [file("app/a.bin", b"c" * 3000, uid=5)]
    assert findings_by([(COPY, app()), (run("chown 5 /app/a.bin"), other)], RULE) == []
    assert findings_by([(COPY, app()), (run("chown -R 5 /app"), app(uid=5))], RULE, None) == []
