"""Reads whole files with a size limit, without ever blocking on a pipe; replaces files atomically."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from layerscope.signals import at_end

_TEMPORARY_MODE = 0o600
"""The permissions with which `tempfile` creates a file."""


def open_regular(path: str | os.PathLike[str], _flags: int = 0) -> int:
    """A descriptor of a regular file, for reading. Can be passed to `open` as its `opener`.

    Raises OSError, also for a directory, pipe, socket or device other than /dev/null: opening or reading these could block
    forever.
    """
    _check_regular(Path(path).stat(), path)  # opening a device may have effects
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _check_regular(os.fstat(descriptor), path)  # it may have been replaced meanwhile
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_file(path: str | os.PathLike[str], at_most: int) -> bytes:
    """The content of a regular file. Raises OSError, also if it has more than `at_most` bytes."""
    with os.fdopen(open_regular(path), "rb") as stream:
        data = stream.read(at_most + 1)
    if len(data) > at_most:
        raise OSError(errno.EFBIG, f"more than {at_most:,} bytes", str(path))
    return data


def read_toml(path: Path, at_most: int = 1 << 20) -> dict[str, Any]:
    """The values of a TOML file of another program. Raises OSError and ValueError."""
    import tomllib

    try:
        return tomllib.loads(read_file(path, at_most).decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


@contextmanager
def replacing(
    path: Path, *, prefix: str = ".layerscope-", mode: int | None = None
) -> Iterator[BinaryIO]:
    """A temporary file beside `path` that replaces it once complete; on any error or signal it is removed and `path` is
    unchanged.

    Permissions are `mode`, otherwise those of the file at `path`, otherwise those of a new file. A symlink at `path` is replaced,
    not followed. Nothing is synced to disk. Raises OSError.
    """
    import tempfile

    descriptor, name = tempfile.mkstemp(prefix=prefix, dir=path.parent)
    temporary = Path(name)
    cancel_cleanup = at_end(lambda: temporary.unlink(missing_ok=True))
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        permissions = _mode_of(path) if mode is None else mode
        if permissions != _TEMPORARY_MODE:
            temporary.chmod(permissions)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    finally:
        cancel_cleanup()


def _mode_of(path: Path) -> int:
    """The permissions of a file, or the default ones if it does not exist."""
    with suppress(FileNotFoundError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            return stat.S_IMODE(status.st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _is_null(status: os.stat_result) -> bool:
    """Whether a file is /dev/null, which is often given as an empty file."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == Path(os.devnull).stat().st_rdev


def _check_regular(status: os.stat_result, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode) and not _is_null(status):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def is_full(error: OSError) -> bool:
    """Whether a write failed because there is no more space for it."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
