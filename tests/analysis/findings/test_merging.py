"""Several commands in one RUN, which fails if one of them fails."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from itertools import product

import pytest

from layerscope.analysis.findings.finding import layers_text
from layerscope.analysis.findings.fixes import merged_text
from layerscope.analysis.findings.one_shell import merge_scripts
from layerscope.analysis.findings.runs import run_of
from layerscope.image.history import HistoryEntry, align
from tests.analysis.findings.rule_images import findings_by
from tests.images import file


def joined(*commands: str) -> str:
    """The script of one RUN for these, with lines joined as BuildKit joins them; "" if they cannot be merged."""
    runs = []
    for command in commands:
        (step,), _ = align([HistoryEntry(None, f"/bin/sh -c {command}", None, None, False)], 1)
        found = run_of(step, ())
        assert found is not None
        runs.append(found)
    together = merge_scripts(runs)
    if together is None:
        return ""
    text = merged_text(runs, together).removeprefix("RUN ").replace("\\\n", "")
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("commands", "text"),
    [
        (("a", "b && c"), "a && b && c"),
        (("a && b;", "c"), "a && b && c"),
        (("set -e; a; b", "c"), "set -e; a; b; c"),
        (("set -e; a; b", "set -e; c; d"), "set -e; a; b; c; d"),
        (("set -e; a; b && c", "set -e; d; e"), "set -e; (a; b && c); d; e"),
        (("a && b", "c; d"), "set -e; (a && b); (set +e; c; d)"),
        (("set -e; a; b", "c; d"), "set -e; a; b; (set +e; c; d)"),
        (("a", "b || c"), "set -e; a; (set +e; b || c)"),
        (("cd /x && a", "b"), "set -e; (cd /x && a); b"),
        (("cd /x && a", "rm -f /x/b"), "cd /x && a && rm -f /x/b"),
        (("cd /x && a", "rm -f b"), "set -e; (cd /x && a); rm -f b"),
        (("cd /x && a", "rm -f $b"), "set -e; (cd /x && a); rm -f $b"),
        (("cd /x && export A=1", "rm -f /b"), "set -e; (cd /x && export A=1); rm -f /b"),
        (("set -eux; cd /x; a", "set -eux; b"), "set -eux; (cd /x; a); b"),
        (("a", "set -ex; b; c", "d"), "set -e; a; (set -ex; b; c); d"),
        (("if a; then exit 0; fi; b", "c"), "set -e; (set +e; if a; then exit 0; fi; b); c"),
        (("a &", "b"), "set -e; (set +e; a &); b"),
        (("a # why", "b"), ""),
        (('["a"]', "powershell '"), ""),
    ],
)
def test_commands_are_joined_as_people_write_them(commands: tuple[str, ...], text: str) -> None:
    """`&&` is used if it suffices; otherwise a strict shell, with subshells for scripts that would affect the next one."""
    assert joined(*commands) == text


def test_nothing_follows_the_end_of_a_here_document_on_its_line() -> None:
    """The next command starts on a new line; merges that would need a group are described in words."""
    runs = []
    for command in ("bash -eu <<-'X'\n\ta\n\tX", "rm /b", "cat <<E\ne\nE"):
        (step,), _ = align([HistoryEntry(None, f"/bin/sh -c {command}", None, None, False)], 1)
        found = run_of(step, ())
        assert found is not None
        runs.append(found)
    together = merge_scripts(runs)
    assert together is not None
    assert merged_text(runs, together) == (
        "RUN <<EOF\nset -e\nbash -eu <<-'X'\n\ta\n\tX\nrm /b\ncat <<E\ne\nE\nEOF"
    )
    assert joined("cd /x && bash <<X\na\nX", "b") == ""


FORMS = (
    *("{0}", "{0} && {1}", "{0}; {1}", "set -e; {0}; {1}", "set -e; {0} && {1}", "{0} || {1}"),
    *(
        "{{ {0}; {1}; }}",
        "set -e; if {0}; then {1}; fi",
        "if {0}; then exit 0; fi; {1}",
        "(set -e; {0}; {1})",
    ),
)


@pytest.mark.parametrize("forms", product(FORMS, FORMS))
def test_a_merged_run_does_what_its_parts_did(forms: tuple[str, str]) -> None:
    """In a real shell, for all ways to succeed and fail, the output up to the first failing RUN and the exit status are the same."""
    for ends in product((0, 1), repeat=4):
        check(forms, ends)


@pytest.mark.parametrize("seed", range(40))
def test_three_runs_are_merged(seed: int) -> None:
    """Settings of one script do not affect any later one."""
    pick = random.Random(seed)
    for _ in range(4):
        check(pick.choices(FORMS, k=3), [int(pick.random() < 0.3) for _ in range(6)])


def check(forms: Sequence[str], ends: Sequence[int]) -> None:
    """Compare RUNs of these forms, with commands that exit as given, with their merged RUN."""
    words = [f"p{number} {end}" for number, end in enumerate(ends)]
    commands = [form.format(*words[2 * at : 2 * at + 2]) for at, form in enumerate(forms)]
    apart, status = "", 0
    for command in commands:
        if status == 0:
            output, status = run(command)
            apart += output
    assert run(joined(*commands)) == (apart, status), commands


def run(command: str) -> tuple[str, int]:
    """The output of a command, and whether it fails."""
    tools = "".join(f"p{number}() {{ echo {number}; return $1; }}\n" for number in range(6))
    done = subprocess.run(
        ["/bin/sh", "-c", tools + command], capture_output=True, text=True, check=False
    )
    return done.stdout, min(done.returncode, 1)


def test_steps_that_cannot_be_one_command_are_quoted_one_by_one() -> None:
    """With exec forms, a comment says that the steps belong together."""
    steps = [
        ('RUN ["make"]', [file("db", b"a" * 50)]),
        ("USER app", None),
        ("/bin/sh -c two", [file("db", b"b" * 50)]),
    ]
    (finding,) = findings_by(steps, "overwritten")
    assert finding.fix == (
        '# one RUN for layers 0, 1\n# note: USER app is between them\nRUN ["make"]\nRUN two'
    )


def test_all_steps_that_rewrite_a_file_are_one_finding() -> None:
    """Steps that hide little of each other are left out if others hide much."""
    steps = [
        (f"/bin/sh -c step {number}", [file("db", b"%03d" % number * 20)]) for number in range(50)
    ]
    steps += [("/bin/sh -c other", [file("tiny", b"t")]), ("/bin/sh -c last", [file("tiny", b"s")])]
    (finding,) = findings_by(steps, "overwritten")
    assert (finding.bytes, finding.layers) == (49 * 60, tuple(range(50)))
    assert finding.fix.endswith(
        "# the first 6 of them:\n" + "\n".join(f"RUN step {n}" for n in range(6))
    )


def test_a_command_between_merged_steps_stays_between_them() -> None:
    """It may need files of earlier steps, and later steps may need its files."""
    (found,) = findings_by(
        [
            ("/bin/sh -c one", [file("a", b"x" * 1000)]),
            ("/bin/sh -c ln -s a b", [file("b")]),
            ("/bin/sh -c two", [file("a", b"y" * 1000)]),
        ],
        "overwritten",
    )
    assert found.fix == (
        "# one RUN for layers 0, 1, 2\nRUN one \\\n    && ln -s a b \\\n    && two"
    )


def test_layers_in_a_row_are_named_as_a_range() -> None:
    """The title names a range if all of its layers are concerned."""
    assert layers_text([4]) == "layer 4"
    assert layers_text([1, 2, 3]) == "layers 1, 2, 3"
    assert layers_text([1, 2, 3, 4]) == "layers 1–4"
    assert layers_text([1, 2, 4, 5]) == "layers 1, 2, 4 and more"
