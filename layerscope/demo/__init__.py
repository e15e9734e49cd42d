"""The bundled sample image: a small web shop on a Debian-like base, made in code.

No file of it is stored: every byte follows from the tables and templates in this package, so two
builds are the same bytes on every machine and every Python. `steps` tells its Dockerfile.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from layerscope.demo.archive import DEMO_REFERENCE, write_archive
from layerscope.demo.steps import build_steps
from layerscope.errors import UsageError

__all__ = ["DEMO_REFERENCE", "save_demo", "write_demo"]


def write_demo(stream: BinaryIO) -> None:
    """Write the sample image to `stream`, as `docker save` would. The stream need not seek."""
    write_archive(stream, build_steps())


def save_demo(path: Path, *, overwrite: bool = False) -> None:
    """Write the sample image to `path`: the whole file, or nothing."""
    if path.is_dir():
        raise UsageError(f"{path} is a directory", hint="name a file to write, such as demo.tar")
    if not overwrite and os.path.lexists(path):
        raise UsageError(
            f"{path} already exists", hint="choose another name, or pass --force to replace it"
        )
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as stream:
            write_demo(stream)
        temporary.replace(path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}", hint="choose another place"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
