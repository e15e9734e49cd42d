"""Directories that are not images: stores, checkouts, root filesystems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layerscope.sources.kinds.directories import KINDS
from tests.sources.image_files import refuse


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.name} {kind.names[0]}")
@pytest.mark.parametrize("which", [0, -1], ids=["first", "last"])
def test_each_kind_is_recognised_by_its_contents(tmp_path: Path, kind: Any, which: int) -> None:
    """The hint quotes the path for a shell."""
    folder = tmp_path / "a b"
    for names in kind.names:
        (folder / names.split("|")[which]).mkdir(parents=True)
    error = refuse(folder)
    assert f"the directory is {kind.name}, not an image" in str(error)
    assert error.hint == kind.hint.format(path=f"'{folder}'")


def test_an_empty_directory_is_reported(tmp_path: Path) -> None:
    assert "the directory is empty" in str(refuse(tmp_path))


def test_archives_in_a_directory_are_named(tmp_path: Path) -> None:
    """One of them is probably meant."""
    for name in "abcd":
        (tmp_path / f"{name}.tar").touch()
    error = refuse(tmp_path)
    assert "the directory holds no image" in str(error)
    listed = ", ".join(str(tmp_path / f"{name}.tar") for name in "abc")
    assert error.hint == f"name an archive in it: {listed}, …"
