"""Indexes plain layers in a process of its own: going from header to header is work of the interpreter, which has one lock.

It is given the file in which the layers lie as an open descriptor. A request is a line of JSON: where a layer lies in it, and
the limits.
The answer is eight bytes that say how long the index is, then the index as the cache packs it; nothing but eight zero bytes if
there is none that can be packed: whoever asked then reads the layer itself, and meets whatever is wrong with it.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import BinaryIO

import msgspec

from layerscope.layers.blob import OpenFile, PartOfBlob
from layerscope.layers.indexing import index_layer
from layerscope.layers.packing import pack, pack_fields
from layerscope.limits import Limits
from layerscope.progress import NullProgress

LENGTH = struct.Struct("<Q")


class Request(msgspec.Struct):
    """One layer to be indexed."""

    name: str
    """What errors would call it."""
    offset: int
    """Where it begins in the file, in bytes."""
    size: int
    limits: Limits


def answer(file: OpenFile, request: Request) -> list[bytes | memoryview]:
    """The packed index of a layer; no pieces if it is broken, or cannot be packed."""
    blob = PartOfBlob(file.blob(request.name), request.name, request.offset, request.size)
    try:
        index = index_layer(blob, request.limits, NullProgress())
        return [] if index.broken is not None else pack(pack_fields(index))
    except Exception:  # whoever asked meets it, too, and knows what to say
        return []


def serve(file: OpenFile, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests, a line each, until there are no more."""
    for line in requests:
        pieces = answer(file, msgspec.json.decode(line, type=Request))
        answers.write(LENGTH.pack(sum(map(len, pieces))))
        for piece in pieces:
            answers.write(piece)
        answers.flush()


if __name__ == "__main__":
    serve(OpenFile(os.dup(int(sys.argv[1])), "layer"), sys.stdin.buffer, sys.stdout.buffer)
