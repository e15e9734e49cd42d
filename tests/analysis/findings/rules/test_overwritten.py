"""Content that later steps overwrite is claimed if a Dockerfile can avoid it."""

from __future__ import annotations

from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of, paths_of
from tests.images import Member, file

RULE = "overwritten"
ROOTFS = f"/bin/sh -c #(nop) ADD file:{'ab' * 32} in / "


def run(command: str) -> str:
    """A RUN as BuildKit records it."""
    return f"RUN /bin/sh -c {command} # buildkit"


def status(letter: bytes, size: int) -> list[Member]:
    """A package database."""
    return [file("var/lib/dpkg/status", letter * size)]


def test_a_package_database_that_several_steps_write_is_one_finding() -> None:
    """All dead versions except that of the base image are claimed; the fix is one RUN for all installations."""
    opened = opened_of(
        [
            (ROOTFS, status(b"a", 900)),
            (run("apt-get install -y curl"), status(b"b", 1000)),
            (run("apt-get install -y git;"), status(b"c", 1100)),
            ("COPY x /x # buildkit", [file("x", b"x")]),
            (run("apt-get install -y jq"), status(b"d", 1200)),
        ],
        RULE,
        0,
    )
    (finding,) = findings_of(opened).found
    assert (finding.rule, finding.bytes, finding.layers) == (RULE, 2100, (1, 2, 4))
    assert finding.title == "Package database rewritten in layers 1, 2, 4"
    assert paths_of(opened, finding) == ["var/lib/dpkg/status"]
    assert finding.fix == (
        "# one RUN for layers 1, 2, 4\nCOPY x /x\n"
        "RUN apt-get install -y curl \\\n    && apt-get install -y git \\\n    && apt-get install -y jq"
    )


def test_changes_by_the_first_installation_are_not_reported() -> None:
    """One step rewrites a database of the base image."""
    steps = [(ROOTFS, status(b"a", 900)), (run("apt-get install -y curl"), status(b"b", 1000))]
    assert findings_by(steps, RULE) == []


def test_an_upgrade_is_replaced_by_a_newer_base() -> None:
    """The finding claims all files of the base image that the upgrade replaces, databases included."""
    old = [*status(b"a", 900), file("lib/libc.so", b"l" * 5000)]
    new = [*status(b"b", 900), file("lib/libc.so", b"m" * 5100)]
    for command in (
        "apt-get update && apt-get upgrade -y",
        "apk upgrade --no-cache",
        "dnf -y update",
        "microdnf update && microdnf clean all",
    ):
        (finding,) = findings_by([(ROOTFS, old), (run(command), new)], RULE)
        assert (finding.bytes, finding.steps) == (5900, (1, 0))
        assert finding.fix.startswith("# take a newer base image")
    for command in ("apt-get update", "apk update", "yum install upgrade-tool", "pip install -U x"):
        assert findings_by([(ROOTFS, old), (run(command), new)], RULE) == []


def test_a_copy_over_a_copy_is_one_finding() -> None:
    """The finding names both steps, the later one first."""
    steps = [
        ("COPY app /app # buildkit", [file("app/x", b"x" * 700)]),
        ("COPY new /app # buildkit", [file("app/x", b"y" * 600)]),
    ]
    (finding,) = findings_by(steps, RULE)
    assert (finding.bytes, finding.steps) == (700, (1, 0))
    assert finding.title == "Added in layer 0, overwritten in layer 1"
    assert finding.fix.endswith("leave it out of one of these\nCOPY app /app\nCOPY new /app")


def test_files_changed_by_a_run_are_changed_before_the_copy() -> None:
    """They are changed in a separate stage, and the result is copied."""
    steps = [
        ("COPY app /app # buildkit", [file("app/x", b"x" * 700)]),
        (run("sed -i s/a/b/ /app/x"), [file("app/x", b"y" * 700)]),
    ]
    (finding,) = findings_by(steps, RULE)
    assert finding.bytes == 700
    assert finding.fix.endswith("COPY --from=changed … …")


def test_steps_of_base_and_build_are_never_one_run() -> None:
    """A RUN of the base image is in another Dockerfile."""
    steps = [
        (run("apt-get install -y curl"), status(b"a", 900)),
        ('CMD ["sh"]', None),
        (run("apt-get install -y git"), status(b"b", 900)),
    ]
    assert findings_by(steps, RULE) == []


def test_kept_content_is_not_overwritten() -> None:
    """Near misses are the same content, another owner, deletion, and contents below the threshold."""
    first = ("COPY app /app # buildkit", [file("app/x", b"x" * 700)])
    same = ("COPY app /app # buildkit", [file("app/x", b"x" * 700)])
    owner = (run("chown 5 /app/x"), [file("app/x", b"x" * 700, uid=5)])
    other = (run("make"), [file("app/x", b"y" * 700)])
    assert findings_by([first, same], RULE) == []
    assert findings_by([first, owner], RULE) == []
    assert findings_by([first, other], RULE, None) == []
