"""Files named by users are read with a limit and without blocking."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from layerscope.analysis.gate.baseline_report import read_report
from layerscope.analysis.gate.discover import load_config
from layerscope.errors import UsageError
from layerscope.files import open_regular, read_file, replacing
from layerscope.image.dockerfile import read_dockerfile
from layerscope.settings import load_settings
from layerscope.state import load_state


def fifo(path: Path) -> None:
    """A pipe without a writer."""
    os.mkfifo(path)


def bound_socket(path: Path) -> None:
    """A socket without a listener."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


SPECIAL: dict[str, Callable[[Path], None]] = {
    "fifo": fifo,
    "socket": bound_socket,
    "directory": Path.mkdir,
    "zero": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.fixture(params=[*SPECIAL])
def special(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that is not a regular file."""
    path = tmp_path / "special"
    SPECIAL[request.param](path)
    return path


def test_only_regular_files_are_accepted(special: Path) -> None:
    """Others are rejected without blocking."""
    with pytest.raises(OSError, match=r"(Is a directory|not a regular file)"):
        open_regular(special)


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    """A file of exactly this size is accepted."""
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_file(path, 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes") as error:
        read_file(path, 4)
    assert error.value.errno == errno.EFBIG
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none", 5)


@pytest.mark.parametrize(
    "read",
    [
        read_dockerfile,
        read_report,
        lambda path: load_config(path, path.parent),
        lambda path: load_settings({"LAYERSCOPE_CONFIG": str(path)}),
    ],
    ids=["dockerfile", "baseline", "gate", "settings"],
)
def test_files_that_the_user_names_never_block(
    read: Callable[[Path], object], special: Path
) -> None:
    """The error names the file."""
    with pytest.raises(UsageError, match=r"special: (Is a directory|not a regular file)"):
        read(special)


def test_an_invalid_state_file_never_blocks(special: Path) -> None:
    """The state is empty then."""
    assert load_state(special) == {}


@pytest.mark.parametrize(
    ("existing_mode", "given_mode", "expected"),
    [(None, None, 0o640), (0o604, None, 0o604), (None, 0o600, 0o600), (0o644, 0o600, 0o600)],
)
def test_a_replaced_file_keeps_its_mode_or_gets_the_given_one(
    tmp_path: Path, existing_mode: int | None, given_mode: int | None, expected: int
) -> None:
    """A new file has the mode of the umask."""
    path = tmp_path / "file"
    if existing_mode is not None:
        path.write_bytes(b"old")
        path.chmod(existing_mode)
    old = os.umask(0o026)
    try:
        with replacing(path, mode=given_mode) as stream:
            stream.write(b"new")
    finally:
        os.umask(old)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == expected


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), ValueError()]
)
def test_an_error_leaves_the_file_unchanged(tmp_path: Path, error: BaseException) -> None:
    """No other file is left in its folder."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write() -> None:
        with replacing(path) as stream:
            stream.write(b"new")
            raise error

    with pytest.raises(type(error)):
        write()
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_a_failed_replacement_leaves_no_temporary_file(tmp_path: Path) -> None:
    """A directory has the name."""
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError), replacing(tmp_path / "file"):
        pass
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """Its target is unchanged."""
    (tmp_path / "input").write_bytes(b"old")
    (tmp_path / "link").symlink_to("input")
    with replacing(tmp_path / "link") as stream:
        stream.write(b"new")
    assert (tmp_path / "input").read_bytes() == b"old"
    assert not (tmp_path / "link").is_symlink()
