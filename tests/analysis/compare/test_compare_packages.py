"""Packages are matched by name and version, even with several versions of one name."""

from __future__ import annotations

from layerscope.analysis.compare.packages import compare_packages
from layerscope.analysis.packages.model import Package


def package(name: str, version: str, size: int = 10, kind: str = "npm") -> Package:
    return Package(kind, name, version, size, 1, 0)


def words(old: list[Package], new: list[Package]) -> list[tuple[str, str | None, str | None, int]]:
    """Name, old and new version, and growth in bytes."""
    return [
        (
            change.name,
            change.old.version if change.old else None,
            change.new.version if change.new else None,
            change.growth,
        )
        for change in compare_packages(old, new)
    ]


def test_added_removed_and_changed_versions() -> None:
    """The largest change comes first; equal packages are left out, however large."""
    old = [package("a", "1"), package("b", "1", 30), package("same", "1", 500)]
    new = [package("a", "2", 15), package("c", "1", 20), package("same", "1", 900)]
    assert words(old, new) == [("b", "1", None, -30), ("c", None, "1", 20), ("a", "1", "2", 5)]


def test_a_name_of_several_versions() -> None:
    """Versions in both images are matched first, and the others in order, counting repetitions."""
    old = [package("a", "1"), package("a", "2"), package("a", "2")]
    new = [package("a", "2"), package("a", "3"), package("a", "4")]
    assert sorted(words(old, new)) == [("a", "1", "3", 0), ("a", "2", "4", 0)]
    assert words(old, old[:2]) == [("a", "2", None, -10)]


def test_the_same_name_in_another_database_is_another_package() -> None:
    old, new = [package("a", "1", kind="dpkg")], [package("a", "1", kind="rpm")]
    assert words(old, new) == [("a", "1", None, -10), ("a", None, "1", 10)]
