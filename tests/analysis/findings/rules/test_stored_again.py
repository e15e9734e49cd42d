"""The same content with the same attributes, stored by several steps."""

from __future__ import annotations

import io

from layerscope.report import ReportOptions, writer_of
from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of, paths_of
from tests.images import file

RULE = "stored-again"
ROOTFS = f"/bin/sh -c #(nop) ADD file:{'ab' * 32} in / "
TEMPLATES = file("var/cache/debconf/templates.dat", b"t" * 4000)


def run(command: str) -> str:
    """A RUN as BuildKit records it."""
    return f"RUN /bin/sh -c {command} # buildkit"


def test_merging_installations_writes_the_database_once() -> None:
    """All copies of debconf's templates but the last one are claimed, except that of the base image."""
    opened = opened_of(
        [
            (ROOTFS, [TEMPLATES]),
            (run("apt-get install -y curl"), [TEMPLATES, file("usr/bin/curl", b"c")]),
            (run("apt-get install -y git"), [TEMPLATES, file("usr/bin/git", b"g")]),
            (run("apt-get install -y jq"), [TEMPLATES, file("usr/bin/jq", b"j")]),
        ],
        RULE,
        0,
    )
    (finding,) = findings_of(opened).found
    assert (finding.rule, finding.bytes, finding.layers) == (RULE, 8000, (1, 2, 3))
    assert paths_of(opened, finding) == ["var/cache/debconf/templates.dat"]
    assert finding.fix.startswith("# one RUN for layers 1, 2, 3\nRUN apt-get install -y curl")


def test_the_second_copy_excludes_the_first() -> None:
    """Two COPY steps are common, to make use of the build cache."""
    lock = file("app/package-lock.json", b"l" * 3000)
    steps = [
        ("COPY package-lock.json /app/ # buildkit", [lock]),
        (run("npm ci"), [file("app/node_modules/x.js", b"x")]),
        ("COPY . /app # buildkit", [lock, file("app/main.js", b"m")]),
    ]
    (finding,) = findings_by(steps, RULE)
    assert (finding.bytes, finding.steps) == (3000, (2, 0))
    assert finding.fix == (
        "COPY package-lock.json /app/\n"
        "# exclude files that are already there (needs `# syntax=docker/dockerfile:1.19`):\n"
        "COPY --exclude='**/package-lock.json' . /app"
    )


def test_a_whole_context_that_is_copied_twice_is_copied_once() -> None:
    """Many equal files are not named one by one."""
    tree = [file(f"app/{number}", b"x" * 100) for number in range(9)]
    steps = [
        ("COPY . /app # buildkit", tree),
        ("COPY . /app # buildkit", [*tree, file("app/new", b"n")]),
    ]
    (finding,) = findings_by(steps, RULE)
    assert finding.bytes == 900
    assert finding.fix.endswith("\nCOPY . /app\nCOPY . /app")


def test_files_of_the_base_need_no_copy() -> None:
    """The fix names the file."""
    steps = [(ROOTFS, [TEMPLATES]), ("COPY root / # buildkit", [TEMPLATES, file("x", b"x")])]
    (finding,) = findings_by(steps, RULE)
    assert finding.fix.startswith("# the base image already has them")


def test_a_layer_that_is_listed_twice_is_stored_once() -> None:
    """Both positions have the same blob, so nothing would be saved."""
    steps = [("COPY x / # buildkit", [TEMPLATES]), ("COPY x / # buildkit", [TEMPLATES])]
    assert findings_by(steps, RULE) == []


def test_rewriting_files_of_the_base_is_not_reported() -> None:
    """No instruction prevents it. Other near misses are chown and other content, which belong to other rules."""
    more = file("x", b"x")
    assert (
        findings_by([(ROOTFS, [TEMPLATES]), (run("apt-get install x"), [TEMPLATES, more])], RULE)
        == []
    )
    chown = (run("chown -R 0:0 /var"), [TEMPLATES, more])
    assert findings_by([("COPY x / # buildkit", [TEMPLATES]), chown], RULE) == []
    other = file("var/cache/debconf/templates.dat", b"u" * 4000)
    assert findings_by([(run("one"), [TEMPLATES]), (run("two"), [other])], RULE) == []


def test_a_name_that_a_copy_needs_elsewhere_is_not_excluded() -> None:
    """`--exclude` leaves out all files with that name, also one in another directory."""
    lock = file("app/package.json", b"x" * 1000)
    steps = [
        ("COPY package.json /app/ # buildkit", [lock]),
        ("COPY . /app # buildkit", [lock, file("app/web/package.json", b"other")]),
    ]
    (found,) = findings_by(steps, "stored-again")
    assert "--exclude" not in found.fix
    assert "/app/package.json: copy it once" in found.fix


def test_runs_that_write_one_file_again_list_it_once() -> None:
    """Three RUNs waste two contents of one path."""
    data = file("srv/data.bin", b"x" * 500_000)
    steps = [
        (run(f"apt-get install -y {name}"), [data, file(f"usr/bin/{name}", name.encode())])
        for name in "abc"
    ]
    image = opened_of(steps, RULE, 0)
    assert image.findings is not None
    (found,) = [one for one in image.findings.found if one.rule == RULE]
    assert (found.bytes, len(found.paths)) == (1_000_000, 1)
    stream = io.BytesIO()
    writer_of("text")(image, stream, ReportOptions())
    assert stream.getvalue().decode().count("/srv/data.bin (2 ×)\n") == 1
