"""Several commands in one RUN, which fails if one of them fails."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from itertools import product

import pytest

from layerscope.analysis.findings.merging import joined
from layerscope.image.history import HistoryEntry, Step, align
from tests.analysis.findings.rule_images import findings_by
from tests.images import file


def steps_of(*commands: str) -> list[Step]:
    """RUN steps of these commands."""
    entries = [
        HistoryEntry(None, f"/bin/sh -c {command}", None, None, False) for command in commands
    ]
    return list(align(entries, len(entries))[0])


@pytest.mark.parametrize(
    ("commands", "text"),
    [
        (("a", "b && c"), "a && b && c"),
        (("a && b;", "c"), "a && b && c"),
        (("set -e; a; b", "c"), "set -e; a; b && c"),
        (("set -e; a; b", "set -e; c; d"), "set -e; a; b; c; d"),
        (("set -e; a; b && c", "set -e; d; e"), "set -e; a; b && c || exit 1; set -e; d; e"),
        (("a && b", "c; d"), "a && b || exit 1; c; d"),
        (("set -e; a; b", "c; d"), "set -e; a; b || exit 1; set +eu; c; d"),
        (("a", "b || c"), "a || exit 1; b || c"),
        (("cd /x && a", "b"), "(cd /x && a) && b"),
        (("a", "set -ex; b; c", "d"), "a || exit 1; set -ex; b; c && d"),
    ],
)
def test_commands_are_joined_as_people_write_them(commands: tuple[str, ...], text: str) -> None:
    """`&&` where that is enough, else what stops the shell."""
    assert joined(steps_of(*commands)) == text


FORMS = ("{0}", "{0} && {1}", "{0}; {1}", "set -e; {0}; {1}", "set -e; {0} && {1}", "{0} || {1}")


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
    assert run(joined(steps_of(*commands))) == (apart, status), commands


def test_a_cd_that_cannot_be_undone_prevents_merging() -> None:
    """A comment says so; behind the last one nothing comes."""
    move, stay = "/bin/sh -c set -e; cd /x; make", "/bin/sh -c make"
    for commands, minded in (((move, stay), True), ((stay, move), False)):
        steps = [(text, [file("db", text.encode())]) for text in commands]
        (finding,) = findings_by(steps, "overwritten")
        assert ("now runs in its directory" in finding.fix) is minded


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
        '# one RUN for layers 0, 1\n# mind that USER app stood between them\nRUN ["make"]\nRUN two'
    )


def test_however_many_steps_write_a_file_they_are_one_finding() -> None:
    """Steps that hide little of one another, beside those that hide much, are not drawn in."""
    steps = [
        (f"/bin/sh -c step {number}", [file("db", b"%03d" % number * 20)]) for number in range(50)
    ]
    steps += [("/bin/sh -c other", [file("tiny", b"t")]), ("/bin/sh -c last", [file("tiny", b"s")])]
    (finding,) = findings_by(steps, "overwritten")
    assert (finding.bytes, finding.layers) == (49 * 60, tuple(range(50)))
    assert "step 29" in finding.fix
    assert "layer 30" not in finding.fix


def test_a_command_between_merged_steps_is_mentioned() -> None:
    """It may need what came before it, and what comes after may need what it does: only the author knows."""
    (found,) = findings_by(
        [
            ("/bin/sh -c one", [file("a", b"x" * 1000)]),
            ("/bin/sh -c ln -s a b", [file("b")]),
            ("/bin/sh -c two", [file("a", b"y" * 1000)]),
        ],
        "overwritten",
    )
    assert found.fix == (
        "# one RUN for layers 0, 2\n"
        "# mind that layer 1 stood between them: what comes after may need it\n"
        "RUN one \\\n    && two"
    )
