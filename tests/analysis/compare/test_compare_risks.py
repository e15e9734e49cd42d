"""New risks of an image: secrets, setuid files, findings."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from layerscope.analysis.compare.comparison import Comparison, compare
from layerscope.analysis.compare.risks import privileges_counted
from layerscope.opening.open import Opened
from tests.analysis.compare.comparing import side
from tests.analysis.findings.rule_images import Step, opened_of
from tests.images import file, hardlink, whiteout

KEY = b"-----BEGIN PRIVATE KEY-----\n" + b"MIIEvQIBADANBgkqhkiG9w0BAQ" * 30
KEY += b"\n-----END PRIVATE KEY-----\n"
LISTS = "var/lib/apt/lists/"
TOKEN = "ghp_" + "a1B2" * 9


def compared(old: Sequence[Step], new: Sequence[Step]) -> tuple[Opened, Comparison]:
    """The new image, and its comparison with the old one."""
    second = opened_of(new)
    return second, compare(opened_of(old), second)


def secrets_of(new: Opened, comparison: Comparison) -> list[str]:
    """Paths of new secrets, or titles."""
    assert comparison.secrets is not None
    return [
        each.finding.title
        if each.path is None
        else new.filesystem.table.full(each.path).decode(errors="surrogateescape")
        for each in comparison.secrets
    ]


def test_a_deleted_secret_is_new() -> None:
    copy: Step = ("COPY a /app # buildkit", [file("app/a.pem", KEY)])
    again: Step = ("COPY b /app # buildkit", [file("app/b.pem", KEY + b"\n")])
    removed: Step = ("RUN /bin/sh -c rm /app/b.pem # buildkit", [whiteout("app/b.pem")])
    new, comparison = compared([copy], [copy, again, removed])
    assert secrets_of(new, comparison) == ["app/b.pem"]
    _, comparison = compared([copy, again, removed], [copy])
    assert comparison.secrets == []
    assert comparison.findings is not None
    assert [each.rule for each in comparison.findings.removed] == ["secret-private-key"]


def test_a_secret_in_the_history_is_new_by_its_name() -> None:
    base: Step = ("RUN /bin/sh -c true # buildkit", [file("a", b"a")])
    new, comparison = compared([base], [base, (f"ENV GITHUB_TOKEN={TOKEN}", None)])
    (title,) = secrets_of(new, comparison)
    assert "GITHUB_TOKEN" in title
    assert TOKEN not in title


def test_new_setuid_and_setgid_bits() -> None:
    """A new file or a chmod adds them; neither new content of such a file nor a directory counts."""
    old = [
        file("bin/su", b"su", mode=0o4755),
        file("bin/plain", b"plain", mode=0o755),
        file("bin/setgid", b"g", mode=0o2755),
    ]
    new = [
        file("bin/su", b"other", mode=0o4755),
        file("bin/plain", b"plain", mode=0o6755),
        file("bin/setgid", b"g", mode=0o6755),
        file("bin/new", b"new", mode=0o4711),
        hardlink("bin/link", "bin/new"),
    ]
    _, comparison = compared([("RUN a", old)], [("RUN a", new)])
    table = comparison.files.table
    found = {table.full(each.path): each.word for each in comparison.privileges}
    assert found == {
        b"bin/link": "setuid",
        b"bin/new": "setuid",
        b"bin/plain": "setuid and setgid",
        b"bin/setgid": "setuid",
    }
    assert privileges_counted(comparison.privileges) == "4 new setuid files"


@pytest.mark.parametrize(
    ("modes", "words"),
    [
        ((0o4755,), "1 new setuid file"),
        ((0o2755, 0o2755), "2 new setgid files"),
        ((0o4755, 0o6755, 0o2755), "2 new setuid and 1 new setgid file"),
    ],
)
def test_a_count_names_both_kinds(modes: Sequence[int], words: str) -> None:
    """A file with both bits counts once."""
    new = [file(f"bin/{number}", b"x", mode=mode) for number, mode in enumerate(modes)]
    _, comparison = compared([("RUN a", [])], [("RUN a", new)])
    assert privileges_counted(comparison.privileges) == words


def lists(command: str, name: str = "a") -> Step:
    """A step that leaves package lists."""
    return f"RUN /bin/sh -c apt-get update && {command} # buildkit", [
        file(LISTS + name, name.encode() * 300_000)
    ]


def changed_rules(old: Sequence[Step], new: Sequence[Step]) -> tuple[list[str], list[str]]:
    """Rules of new and removed findings."""
    _, comparison = compared(old, new)
    assert comparison.findings is not None
    return (
        [each.rule for each in comparison.findings.new],
        [each.rule for each in comparison.findings.removed],
    )


def test_a_finding_survives_a_changed_instruction() -> None:
    one, other = lists("apt-get install curl"), lists("apt-get install git", "b")
    assert changed_rules([one], [other]) == ([], [])


def test_a_finding_is_matched_by_path_if_steps_do_not_match() -> None:
    make: Step = ("RUN /bin/sh -c make # buildkit", [file("m", b"m")])
    new: Step = ("COPY x / # buildkit", [file(LISTS + "a", b"a" * 300_000)])
    assert changed_rules([lists("x"), make], [make, new, ("USER 1", None)]) == ([], [])


def test_new_and_removed_findings() -> None:
    make: Step = ("RUN /bin/sh -c make # buildkit", [file("m", b"m")])
    assert changed_rules([make], [make, lists("x")]) == (["apt-lists"], [])
    assert changed_rules([make, lists("x")], [make]) == ([], ["apt-lists"])
    second = lists("y", "b")
    assert changed_rules([lists("x")], [lists("x"), second]) == (["apt-lists"], [])


def test_findings_are_unknown_if_they_were_not_searched() -> None:
    comparison = compare(side([[file("a", b"a")]]), side([[file("a", b"b", mode=0o4755)]]))
    assert comparison.secrets is None
    assert comparison.findings is None
    assert len(comparison.privileges) == 1
