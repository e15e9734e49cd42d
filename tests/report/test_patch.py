"""Parts of a patch: hunks, the rest after an earlier patch, and saving."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.analysis.findings.composing import Plan
from layerscope.errors import UsageError
from layerscope.report.patch import (
    FileChange,
    Patch,
    hunks,
    patch_bytes,
    remaining_patch,
    save_patch,
)

DOCKERFILE = Path("Dockerfile")
IGNORE = FileChange(Path(".dockerignore"), None, ".git\n")


def patch(*files: FileChange, dockerfile: str = "c\n") -> Patch:
    """A patch that ends with this Dockerfile."""
    return Patch(Plan(), files, dockerfile, None, restored=False)


def test_hunks_mark_a_missing_newline() -> None:
    """A last line without a newline is marked as in Git; other line ends stay."""
    change = FileChange(DOCKERFILE, "a\r\nb", "a\r\nc")
    assert hunks(change) == [
        "@@ -1,2 +1,2 @@",
        " a\r",
        "-b",
        "\\ No newline at end of file",
        "+c",
        "\\ No newline at end of file",
    ]
    assert hunks(FileChange(DOCKERFILE, "a\n", "a\n")) == []


def test_a_patch_continues_after_an_earlier_one() -> None:
    """It starts from the Dockerfile that the earlier patch wrote; changes that it already has are left out."""
    full_patch = patch(FileChange(DOCKERFILE, "a\n", "c\n"), IGNORE)
    assert remaining_patch(full_patch, DOCKERFILE, "b\n").files == (
        FileChange(DOCKERFILE, "b\n", "c\n"),
        IGNORE,
    )
    assert remaining_patch(full_patch, DOCKERFILE, "c\n").files == (IGNORE,)


def test_changes_of_an_earlier_patch_can_be_undone() -> None:
    """A larger fix replaced a smaller one."""
    assert remaining_patch(patch(dockerfile="a\n"), DOCKERFILE, "b\n").files == (
        FileChange(DOCKERFILE, "b\n", "a\n"),
    )


def test_saving_never_replaces_a_file(tmp_path: Path) -> None:
    """Neither an existing file nor the target of a link is replaced."""
    saved = patch(IGNORE)
    save_patch(saved, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == patch_bytes(saved)
    (tmp_path / "link").symlink_to(tmp_path / "none")
    for name in ("a", "link", "."):
        with pytest.raises(UsageError, match="already exists"):
            save_patch(saved, tmp_path / name)
    with pytest.raises(UsageError, match=r"cannot write .*none/a: No such file"):
        save_patch(saved, tmp_path / "none" / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "link"]


def test_a_patch_that_cannot_be_written_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partial patch is worse than none."""

    def full(_: Patch) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("layerscope.report.patch.patch_bytes", full)
    with pytest.raises(UsageError, match="No space left"):
        save_patch(patch(IGNORE), tmp_path / "a")
    assert not list(tmp_path.iterdir())
