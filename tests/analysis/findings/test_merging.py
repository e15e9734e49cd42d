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
    """The script of one RUN for these, lines joined as BuildKit joins them; "" if they cannot be one."""
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
    """`&&` where that is enough, else a strict shell, with a shell of its own for what would change the next one's."""
    assert joined(*commands) == text


def test_nothing_stands_behind_the_line_that_ends_a_here_document() -> None:
    """A further command begins a line of its own; what would need a group is in words."""
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
    """A real shell, all ways to succeed and to fail: the same output, up to the first RUN that fails, and the same end."""
    for ends in product((0, 1), repeat=4):
        check(forms, ends)


@pytest.mark.parametrize("seed", range(40))
def test_three_runs_are_merged_as_well(seed: int) -> None:
    """What one of them sets does not change the next but one."""
    pick = random.Random(seed)
    for _ in range(4):
        check(pick.choices(FORMS, k=3), [int(pick.random() < 0.3) for _ in range(6)])


def check(forms: Sequence[str], ends: Sequence[int]) -> None:
    """Compare RUNs of these forms, whose commands end so, with the one that they are merged into."""
    words = [f"p{number} {end}" for number, end in enumerate(ends)]
    commands = [form.format(*words[2 * at : 2 * at + 2]) for at, form in enumerate(forms)]
    apart, status = "", 0
    for command in commands:
        if status == 0:
            output, status = run(command)
            apart += output
    assert run(joined(*commands)) == (apart, status), commands


def run(command: str) -> tuple[str, int]:
    """What a command prints, and whether it fails."""
    tools = "".join(f"p{number}() {{ echo {number}; return $1; }}\n" for number in range(6))
    done = subprocess.run(
        ["/bin/sh", "-c", tools + command], capture_output=True, text=True, check=False
    )
    return done.stdout, min(done.returncode, 1)


def test_steps_that_cannot_be_one_command_are_quoted_one_by_one() -> None:
    """Exec form: a comment says that they belong together."""
    steps = [
        ('RUN ["make"]', [file("db", b"a" * 50)]),
        ("USER app", None),
        ("/bin/sh -c two", [file("db", b"b" * 50)]),
    ]
    (finding,) = findings_by(steps, "overwritten")
    assert finding.fix == (
        '# one RUN for layers 0, 1\n# note: USER app is between them\nRUN ["make"]\nRUN two'
    )


def test_however_many_steps_write_a_file_they_are_one_finding() -> None:
    """Steps that hide little of one another, beside those that hide much, are not drawn in."""
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
    """It may need what came before it, and what comes after may need what it does."""
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
    """All of them are meant."""
    assert layers_text([4]) == "layer 4"
    assert layers_text([1, 2, 3]) == "layers 1, 2, 3"
    assert layers_text([1, 2, 3, 4]) == "layers 1–4"
    assert layers_text([1, 2, 4, 5]) == "layers 1, 2, 4 and more"
