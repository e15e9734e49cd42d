"""Files of local stores: documents, and layers kept as tar-split. Nothing is locked or written. Engines change stores while they
are read: if something just listed is missing, it is read again (`with_retries`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from layerscope import files
from layerscope.errors import CorruptImageError, LayerscopeError, UnreachableError
from layerscope.image.documents import decode
from layerscope.layers.blob import Blob, MissingBlob, PathFile
from layerscope.layers.file_identity import FileChangedError
from layerscope.layers.object_files import ObjectFiles
from layerscope.layers.split_files import SplitFiles
from layerscope.layers.tarsplit import TarSplitBlob
from layerscope.limits import Limits
from layerscope.sources.docker_archive import read_document

ATTEMPTS = 4
PAUSE = 0.05
"""Seconds before a store is read again, doubled each time."""

_Value = TypeVar("_Value")


class StoreChangedError(LayerscopeError):
    """A listed item is missing: the store changed in between, or is damaged."""

    title = "Damaged store"


class NoStoreError(UnreachableError):
    """A folder without a store of this kind."""

    def __init__(self, kind: str, root: Path) -> None:
        super().__init__(f"no {kind} found in {root}")
        self.kind = kind
        self.where = str(root)
        """The folder and its origin."""


def no_store_error(refusals: Sequence[UnreachableError]) -> UnreachableError:
    """The error if no store of one kind can be read: the folders, and the problem of each."""
    absent = [error for error in refusals if isinstance(error, NoStoreError)]
    # An existing store without permission matters more than a missing one.
    problems = [error.message for error in refusals if not isinstance(error, NoStoreError)]
    if absent:
        places = list(dict.fromkeys(error.where for error in absent))
        listed = " or ".join([", ".join(places[:-1]), places[-1]] if len(places) > 1 else places)
        problems.append(f"no {absent[0].kind} found in {listed}")
    ordered = sorted(refusals, key=lambda error: isinstance(error, NoStoreError))
    hints = [error.hint for error in ordered if error.hint]
    return UnreachableError("; ".join(dict.fromkeys(problems)), hint=next(iter(hints), None))


def with_retries(read: Callable[[], _Value]) -> _Value:
    """The result of `read`, retried while the store changes; finally its error."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return read()
        except StoreChangedError:
            time.sleep(PAUSE * 2**attempt)
    return read()


def read_file(path: Path, limits: Limits) -> bytes:
    """The bytes of a document in a store. Raises `StoreChangedError` if missing or just replaced, OSError if not readable."""
    try:
        return read_document(PathFile(path, str(path)).blob(str(path)), limits)
    except (FileNotFoundError, NotADirectoryError):
        raise StoreChangedError(f"{path} is missing from the store") from None
    except FileChangedError:
        raise StoreChangedError(f"{path} changed while it was read", hint="try again") from None
    except CorruptImageError as error:  # truncated: replaced while it was read
        raise StoreChangedError(error.message) from error


def read_json(path: Path, limits: Limits) -> Any:
    """The value of a JSON document in a store. Raises as `read_file` does, and `DocumentError`."""
    return decode(read_file(path, limits), str(path), limits)[0]


def check_access(root: Path, kind: str, hint: str) -> None:
    """Raise `UnreachableError` unless this user can enter `root`, the folder of a store of this `kind`."""
    try:
        os.scandir(root).close()
    except (FileNotFoundError, NotADirectoryError):
        raise NoStoreError(kind, root) from None
    except PermissionError:
        raise UnreachableError(f"{root}: permission denied", hint=hint) from None
    except OSError as error:
        raise UnreachableError(f"{root}: {error.strerror or error}") from error


def open_layer(
    name: str, split: Path, folder: Path | None, limits: Limits, table: Path | None = None
) -> Blob:
    """A layer with its headers in `split` and its files in `folder`, None if their place is not known.

    With a `table` of contents, files are named by their content, and the table maps names to them. A layer with lost or damaged
    headers is a blob whose reads fail; nothing is read before that.
    """
    try:
        headers = PathFile(split, name).blob(name)
    except OSError as error:
        return MissingBlob(name, f"the store has no headers of it ({error.strerror})")
    files = None
    if folder is not None:
        with suppress(OSError):  # files can be listed even if not readable
            files = (
                SplitFiles(folder)
                if table is None
                else ObjectFiles(folder, partial(_read_table, table, limits))
            )
    return TarSplitBlob(name, headers, files, limits)


def _read_table(path: Path, limits: Limits) -> bytes:
    """The bytes of a layer's table of contents. Raises OSError."""
    return files.read_file(path, limits.metadata_bytes)
