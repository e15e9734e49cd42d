"""An image of 200,000 entries, made in seconds: all headers of a layer at once, in columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.images import BLOCK, archive, directory, docker_files, layer_tar, whiteout

LAYERS = 8
ENTRIES = 200_000
"""Approximate number of entries in all layers."""
REWRITTEN = 2_000
"""Files of the layer below that each layer stores again."""
PACKAGES = 500
"""Number of directories that contain the files."""
BYTES = 200
"""Bytes of a file with content; nine of ten files are empty."""

Bytes = npt.NDArray[np.uint8]


def large_image(path: Path) -> Path:
    """Write the image as an archive of `docker save`."""
    each = ENTRIES // LAYERS
    layers = []
    for number in range(LAYERS):
        first = number * (each - REWRITTEN)
        markers = layer_tar([whiteout(name(first - each // 2))] if number else [], end=False)
        folders = layer_tar([directory(folder) for folder in folders_of(number)], end=False)
        files = _files(range(first, first + each), number)
        layers.append(markers + folders + files + bytes(2 * BLOCK))
    path.write_bytes(archive(docker_files(layers, tags=("large:latest",))))
    return path


def name(index: int) -> str:
    """The path of a file."""
    return f"opt/pkg{index % PACKAGES:03d}/module-{index:06d}.py"


def folders_of(number: int) -> list[str]:
    """The directories in a layer."""
    return ["opt", *(f"opt/pkg{index:03d}" for index in range(PACKAGES))] if number == 0 else []


def _files(indexes: range, layer: int) -> bytes:
    """A tar of these files, without the end marker."""
    count = len(indexes)
    numbers = np.arange(indexes.start, indexes.stop)
    full = numbers % 10 == 0
    headers = np.zeros((count, BLOCK), np.uint8)
    _put(headers, 0, b"".join(name(index).encode().ljust(32, b"\0") for index in indexes))
    fixed = [(100, b"0000644\0"), (108, b"0000000\0"), (116, b"0000000\0")]
    fixed += [(136, b"%011o\0" % (1_700_000_000 + layer)), (156, b"0"), (257, b"ustar\x0000")]
    for at, value in fixed:
        headers[:, at : at + len(value)] = np.frombuffer(value, np.uint8)
    sizes = (b"%011o\0" % 0, b"%011o\0" % BYTES)
    _put(headers, 124, b"".join(sizes[int(one)] for one in full))
    headers[:, 148:156] = ord(" ")  # the checksum counts itself as spaces
    sums = headers.sum(axis=1, dtype=np.int64)
    _put(headers, 148, b"".join(b"%06o\0 " % int(total) for total in sums))
    blocks = np.zeros((count + int(full.sum()), BLOCK), np.uint8)
    places = np.arange(count) + np.cumsum(full) - full
    blocks[places] = headers
    lines = (b"layer %d, file %9d" % (layer, index) for index in numbers[full])
    words = b"".join(line.ljust(BYTES - 1) + b"\n" for line in lines)
    _put(blocks, 0, words, rows=places[full] + 1)
    return blocks.tobytes()


def _put(
    blocks: Bytes, at: int, values: bytes, *, rows: npt.NDArray[np.int64] | None = None
) -> None:
    """Write one value of equal length into each row, or into some of them."""
    where = np.arange(len(blocks)) if rows is None else rows
    columns = np.frombuffer(values, np.uint8).reshape(len(where), -1)
    blocks[where, at : at + columns.shape[1]] = columns
