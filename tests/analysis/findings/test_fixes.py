"""Fixes quote the user's own instruction with changes, and never break it."""

from __future__ import annotations

import pytest

from layerscope.analysis.findings.edits import Edit, Fix
from layerscope.analysis.findings.fixes import recorded_instruction, run_text, with_flags
from layerscope.analysis.findings.runs import Run, append_command, run_of
from layerscope.image.dockerfile import DockerfileInstruction, parse_dockerfile
from layerscope.image.history import HistoryEntry, Step, align


def step(created_by: str) -> Step:
    """A step with this history record."""
    steps, _ = align([HistoryEntry(None, created_by, None, None, False)], 1)
    return steps[0]


def run(command: str, written: DockerfileInstruction | None = None) -> Run:
    """A RUN that classic Docker recorded."""
    found = run_of(step(f"/bin/sh -c {command}"), (), written)
    assert found is not None
    return found


def test_recorded_flags_are_not_part_of_the_script() -> None:
    """buildah records them after its shell; they are neither the first command nor options of the shell."""
    found = run("--mount=type=cache,target=/c --network=none make")
    assert found.flags == ("--mount=type=cache,target=/c", "--network=none")
    assert found.script == "make"
    assert found.shell == ("/bin/sh", "-c")
    assert run_text(found) == "RUN --mount=type=cache,target=/c --network=none make"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("make", "RUN make \\\n    && clean"),
        ("make;", "RUN make \\\n    && clean;"),
        ("make # all of it", "RUN make \\\n    && clean # all of it"),
        ("set -e; make", "RUN set -e; \\\n    make; \\\n    clean"),
        ("a; b || c", "RUN a; \\\n    b || c \\\n    && clean"),
        ("set -e; for x in 1 2; do y; done", "RUN set -e; \\\n    for x in 1 2; \\\n    do y; \\\n    done; \\\n    clean"),
        ("for x in 1 2; do y; done", "RUN for x in 1 2; \\\n    do y; \\\n    done \\\n    && clean"),
        ("find / -exec rm {} \\;", "RUN find / -exec rm {} \\; \\\n    && clean"),
        ("a && exec b", "RUN a \\\n    && b \\\n    && clean"),
        ("a; exit 0", "RUN a; \\\n    clean; \\\n    exit 0"),
        ("a && exit", "RUN a \\\n    && clean && exit"),
        ("set -e; a && { b; c; }", "RUN set -e; \\\n    (set -e; \\\n    a \\\n    && { b; \\\n    c; \\\n    }); \\\n    clean"),
        ("exec a; b", "RUN set -e; \\\n    (set +e; exec a; \\\n    b); \\\n    clean"),
        ("if a; then exit 0; fi; b", "RUN set -e; \\\n    (set +e; if a; \\\n    then exit 0; \\\n    fi; \\\n    b); \\\n    clean"),
        ("if a\nthen exit\nfi\nb", "RUN <<EOF\nset -e\n(\nset +e\nif a\nthen exit\nfi\nb\n)\nclean\nEOF"),
        ("if a; then exit 1; fi; b", "RUN if a; \\\n    then exit 1; \\\n    fi; \\\n    b \\\n    && clean"),
        ("a\nb", "RUN <<EOF\na\nb \\\n    && clean\nEOF"),
        ("set -e\na\nb", "RUN <<EOF\nset -e\na\nb\nclean\nEOF"),
        ("cat <<EOF >x\ntext\nEOF", "RUN <<EOF_\ncat <<EOF >x && clean\ntext\nEOF\nEOF_"),
    ],
)  # fmt: skip
def test_a_command_is_appended_where_it_runs_last(command: str, text: str) -> None:
    """It follows `&&`, or a strict shell's last statement on a new line; it comes before an `exit`, and replaces an `exec`."""
    found = run(command)
    changes = append_command(found, "clean")
    assert changes is not None
    assert run_text(found, changes) == text


@pytest.mark.parametrize(
    "command",
    [
        "make &",
        "exit 3",
        "a & b",
        "if a",
        "make '",
        "[ -f x ] && exit 0 || exit 1",
        "",
    ],
)
def test_nothing_is_appended_to_scripts_that_do_not_allow_it(command: str) -> None:
    """Scripts with background jobs, errors that `set -e` would miss, early ends, or invalid syntax are left alone."""
    recorded = step(f"/bin/sh -c {command}")
    found = run_of(recorded, ())
    assert found is None or append_command(found, "clean") is None


@pytest.mark.parametrize(
    "arguments",
    ['["npm", "ci"]', '--mount=type=cache,target=/x ["npm", "ci"]'],
)
def test_the_exec_form_has_no_shell(arguments: str) -> None:
    """This also holds after flags: a command after the array would be lost."""
    written = parse_dockerfile(f"FROM x\nRUN {arguments}\n".encode(), "Dockerfile").instructions[1]
    found = run("npm ci", written)
    assert found.exec_form
    assert append_command(found, "clean") is None


def test_a_buildkit_record_without_a_shell_is_exec_form() -> None:
    """It was an array, or a here-document with an interpreter."""
    for record in ("RUN npm ci # buildkit", "RUN /dev/pipes/EOF # buildkit"):
        found = run_of(step(record), ())
        assert found is not None
        assert found.exec_form


def test_scripts_of_other_shells_are_not_parsed() -> None:
    """SHELL sets PowerShell, so the RUN has no parsed script."""
    shell = step('SHELL ["powershell", "-Command"]')
    found = run_of(step("RUN powershell -Command npm ci # buildkit"), (shell,))
    assert found is not None
    assert found.parsed is None


def test_a_shell_with_errexit_counts_like_set_e() -> None:
    """`SHELL ["/bin/bash", "-eo", "pipefail", "-c"]` has the effect of `set -e`."""
    found = run_of(step("RUN /bin/bash -eo pipefail -c for x in 1; do y; done # buildkit"), ())
    assert found is not None
    changes = append_command(found, "clean")
    assert changes is not None
    assert changes[0][2] == ";\nclean"


def test_digests_recorded_instead_of_sources_are_not_quoted() -> None:
    """The sources are unknown, but the target is known."""
    record = f"/bin/sh -c #(nop) COPY dir:{'96f8' * 16} in /flask "
    assert recorded_instruction(step(record)) == "COPY … /flask"
    assert with_flags(step(record), "--chown=app").text == "COPY --chown=app … /flask"


def test_flags_replace_those_of_the_same_name() -> None:
    """Existing flags of other names stay."""
    found = with_flags(step("COPY --chown=1000 --link src /app # buildkit"), "--chown=app:app")
    assert found.text == "COPY --chown=app:app --link src /app"
    assert found.edits == (Edit("flag", 0, "--chown=app:app"),)


def test_texts_and_fixes_are_concatenated() -> None:
    """Edits are kept, and the advice has the comments of all."""
    fix = "# first\n" + Fix("RUN x", (Edit("drop", 1),), "# do x") + "\n# last"
    assert (fix.text, fix.edits) == ("# first\nRUN x\n# last", (Edit("drop", 1),))
    assert fix.advice == "# first\n# do x\n# last"
