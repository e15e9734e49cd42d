"""Findings of two images: which are new, gone, changed, the same."""

from __future__ import annotations

from pathlib import Path

from layerscope.analysis.compare.comparison import Comparison, compare
from layerscope.opening.open import Opened, Options
from tests.images import Member, docker_archive, file, layer_tar
from tests.report.sample import opened

KEY = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"QUJD" * 40 + b"\n"
LISTS = file("var/lib/apt/lists/main", b"l" * 300_000)


def image(path: Path, members: list[Member]) -> Opened:
    """An image of one layer, with its findings."""
    return opened(path, docker_archive([layer_tar(members)]), Options(rules={}))


def compared(folder: Path, old: list[Member], new: list[Member]) -> Comparison:
    """Two images of one layer, compared."""
    return compare(image(folder / "old.tar", old), image(folder / "new.tar", new))


def test_new_secrets_come_first_and_what_is_gone_after_what_changed(tmp_path: Path) -> None:
    """A finding about the same files is one; of the same rule about others it has changed."""
    pip = file("root/.cache/pip/1", b"p" * 200_000)
    more = file("var/lib/apt/lists/main", b"l" * 400_000)
    found = compared(tmp_path, [LISTS, pip], [more, file("srv/id_rsa", KEY)]).findings
    assert found is not None
    states = [
        (change.finding.rule, change.old is None, change.new is None, change.growth)
        for change in found
    ]
    assert states == [
        ("secret-private-key", True, False, len(KEY)),
        ("apt-lists", False, False, 100_000),
        ("pip-cache", False, True, -200_000),
    ]


def test_the_same_findings_do_not_differ(tmp_path: Path) -> None:
    found = compared(tmp_path, [LISTS], [LISTS]).findings
    assert found is not None
    assert [(change.finding.rule, change.differs) for change in found] == [("apt-lists", False)]


def test_a_finding_whose_files_have_other_names_is_the_same_one(tmp_path: Path) -> None:
    """A cache of one tool is one finding, whatever its files are called."""
    old, new = file("root/.cache/pip/1", b"p" * 200_000), file("root/.cache/pip/2", b"p" * 300_000)
    found = compared(tmp_path, [old], [new]).findings
    assert found is not None
    assert [(change.old is None, change.new is None) for change in found] == [(False, False)]


def test_without_rules_nothing_is_said_of_findings(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    plain = opened(path, docker_archive([layer_tar([LISTS])]))
    comparison = compare(plain, plain)
    assert comparison.findings is None
    assert comparison.packages is None


def test_files_that_become_setuid_are_known(tmp_path: Path) -> None:
    """New ones and those that were there without the bit; not those that had it."""
    old = [file("a", b"a"), file("b", b"b", mode=0o4755), file("c", b"c")]
    new = [
        file("a", b"a", mode=0o4755),
        file("b", b"bb", mode=0o4755),
        file("c", b"cc"),
        file("d", b"d", mode=0o2755),
    ]
    comparison = compared(tmp_path, old, new)
    files = comparison.files
    paths = list(files.table.full_paths(files.paths))
    assert [paths[row] for row in comparison.privileged] == [b"a", b"d"]
