"""Fixes quote the user's own instruction, changed, and never write what would break it."""

from __future__ import annotations

import pytest

from layerscope.analysis.findings.fixes import instruction_text, is_open_run, run_and, with_flags
from layerscope.image.history import HistoryEntry, Step, align


def step(created_by: str) -> Step:
    """A step with this record."""
    steps, _ = align([HistoryEntry(None, created_by, None, None, False)], 1)
    return steps[0]


def test_a_command_is_added_after_the_users_own() -> None:
    """With `&&`, on a line of its own; behind a semicolon as it stands."""
    assert run_and(step("/bin/sh -c make"), "make clean") == "RUN make \\\n    && make clean"
    assert run_and(step("/bin/sh -c make;"), "make clean") == "RUN make; \\\n    make clean"


def test_mounts_come_before_the_command() -> None:
    """A cache mount needs no cleaning."""
    mounts = ("type=cache,target=/root/.cache/pip",)
    found = run_and(step("/bin/sh -c pip install flask"), "", mounts)
    assert found == "RUN --mount=type=cache,target=/root/.cache/pip pip install flask"


@pytest.mark.parametrize(
    "record",
    [
        'RUN ["make", "all"]',
        "/bin/sh -c make # all of it",
        "/bin/sh -c make &",
        "/bin/sh -c cat <<EOF\nx\nEOF",
        "bazel build //:image",
        'CMD ["sh"]',
    ],
)
def test_a_comment_says_what_to_do_if_nothing_can_be_added(record: str) -> None:
    """Exec form, comments, background jobs, here-documents, and what is no RUN."""
    assert not is_open_run(step(record))
    assert run_and(step(record), "make clean").startswith("# in the same RUN: make clean\n")


def test_sources_that_builders_turned_into_digests_are_not_quoted() -> None:
    """What the Dockerfile named is not known; where it went is."""
    record = f"/bin/sh -c #(nop) COPY dir:{'96f8' * 16} in /flask "
    assert instruction_text(step(record)) == "COPY … /flask"
    assert with_flags(step(record), "--chown=app") == "COPY --chown=app … /flask"


def test_flags_replace_those_of_the_same_name() -> None:
    """Other flags stay."""
    found = with_flags(step("COPY --chown=1000 --link src /app # buildkit"), "--chown=app:app")
    assert found == "COPY --chown=app:app --link src /app"
