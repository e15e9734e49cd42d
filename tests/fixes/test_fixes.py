"""Fixes of findings for real instructions can be built, do the same, and fail where the original failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from tests.fixes.advice import Advice, advice
from tests.fixes.checks import Runner
from tests.fixes.chroot import Chroot
from tests.fixes.corpus import CORPUS
from tests.fixes.entry import Entry
from tests.fixes.known_wrong import KNOWN_WRONG

Judge = Callable[[Entry], Mapping[str, list[Advice]]]


@pytest.fixture(scope="session")
def judge(chroot: Chroot) -> Judge:
    """The judged fixes for an entry, by mode; each entry is judged once."""
    judged: dict[str, dict[str, list[Advice]]] = {}

    def advice_for(entry: Entry) -> Mapping[str, list[Advice]]:
        if entry.name not in judged:
            judged[entry.name] = advice(entry, Runner(chroot, entry))
        return judged[entry.name]

    return advice_for


def cases() -> Iterator[object]:
    """All checks of all entries; those that are known to be wrong must fail."""
    for entry in CORPUS:
        for check in (finds, parses, runs):
            name = f"{check.__name__} {entry.name}"
            mark = pytest.mark.xfail(strict=True, raises=AssertionError, reason="known to be wrong")
            marks = [mark] if name in KNOWN_WRONG else []
            yield pytest.param(entry, check, id=name.replace(" ", "-"), marks=marks)


def finds(entry: Entry, mode: str, fixes: Sequence[Advice]) -> None:
    """The entry's rule has a finding with a fix."""
    assert mode == "patch" or entry.rule in [each.rule for each in fixes], mode


def parses(entry: Entry, mode: str, fixes: Sequence[Advice]) -> None:
    """hadolint reads each fix as a Dockerfile, and the shell accepts its scripts."""
    for each in fixes:
        assert each.unreadable == (), f"{mode}, {each.rule}:\n{each.fix}"


def runs(entry: Entry, mode: str, fixes: Sequence[Advice]) -> None:
    """Each fix runs the same commands in the same order, except for those that the finding is about; it cleans up, and fails
    where the original failed.
    """
    for each in fixes:
        assert each.different == (), f"{mode}, {each.rule}:\n{each.fix}"


@pytest.mark.parametrize(("entry", "check"), cases())
def test_a_fix_does_the_same(
    judge: Judge, entry: Entry, check: Callable[[Entry, str, Sequence[Advice]], None]
) -> None:
    """With and without a Dockerfile, it is found, parsed and run."""
    for mode, found in judge(entry).items():
        check(entry, mode, found)


def test_names_are_unique_and_known() -> None:
    """A name listed as known to be wrong exists in the corpus."""
    names = [entry.name for entry in CORPUS]
    assert len(names) == len(set(names)) >= 150
    assert {known.split()[1] for known in KNOWN_WRONG} <= set(names)
