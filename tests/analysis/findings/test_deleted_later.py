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
    assert finding.fix.endswith("&& rm -rf /opt/model.bin")


def test_a_directory_that_is_gone_is_named_once() -> None:
    """The fix names the topmost thing that is gone, not each file in it."""
    tree = [file(f"src/lib/{number}", b"x" * 100) for number in range(20)]
    (finding,) = judged(
        [("/bin/sh -c make", tree), ("/bin/sh -c rm -rf /src", [whiteout("src")])], "deleted-later"
    )
    assert finding.bytes == 2000
    assert finding.fix == "RUN make \\\n    && rm -rf /src"


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
