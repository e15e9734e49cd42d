"""Reads provenance: the Dockerfile of a build, and the line that created each layer.

BuildKit attaches this to images built with `--provenance=mode=max` (SLSA provenance v0.2 and v1).
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from layerscope.errors import LayerscopeError
from layerscope.image.dockerfile import Dockerfile, parse_dockerfile
from layerscope.image.documents import Lenient, decode_object
from layerscope.limits import Limits

_V02_METADATA = "https://mobyproject.org/buildkit@v1#metadata"


class Provenance(Struct, frozen=True):
    """The source of a build."""

    dockerfile: Dockerfile
    lines: Mapping[str, int]
    """The line of the Dockerfile, counted from 0, by digest of the layer's blob."""

    def instructions(self, digests: Mapping[int, str]) -> dict[int, int]:
        """The step of each instruction, by index; `digests` are those of the steps' layers.

        Layers that occur several times are left out: all empty ones are the same blob.
        """
        owner = {
            line: number
            for number, instruction in enumerate(self.dockerfile.instructions)
            for line in range(instruction.first, instruction.end)
        }
        counts = Counter(digests.values())
        return {
            owner[self.lines[digest]]: step
            for step, digest in digests.items()
            if self.lines.get(digest) in owner and counts[digest] == 1
        }


def read_provenance(data: bytes, limits: Limits) -> Provenance | None:
    """The source of a build, from an in-toto statement; None if missing or unreadable."""
    try:
        predicate = Lenient(decode_object(data, "the provenance", limits), "provenance").child(
            "predicate"
        )
        metadata = _metadata(predicate)
        return None if metadata is None else _read(metadata)
    except LayerscopeError:
        return None


def _metadata(predicate: Lenient) -> Lenient | None:
    """BuildKit's metadata, from its places in v1 and v0.2."""
    for place in (
        predicate.child("runDetails").child("metadata").child("buildkit_metadata"),
        predicate.child("metadata").child(_V02_METADATA),
    ):
        if place.mapping("source"):
            return place
    return None


def _read(metadata: Lenient) -> Provenance | None:
    source = metadata.child("source")
    infos = source.items("infos")
    starts = {
        name: place
        for name, places in source.mapping("locations").items()
        if (place := _start(places))
    }
    chosen = next((index for index, _ in starts.values()), 0)
    if not 0 <= chosen < len(infos):
        return None
    info = Lenient(infos[chosen], "info")
    try:
        text = base64.b64decode(info.text("data") or "", validate=True)
    except (binascii.Error, ValueError):
        return None
    dockerfile = parse_dockerfile(text, info.text("filename") or "Dockerfile")
    lines: dict[str, int] = {}
    for name, chains in metadata.mapping("layers").items():
        place = starts.get(name.partition(":")[0])
        if place is not None and place[0] == chosen:
            lines |= dict.fromkeys(_top_layers(chains), place[1])
    return Provenance(dockerfile, lines)


def _start(places: object) -> tuple[int, int] | None:
    """Source and line, counted from 0, of a build step."""
    for place in Lenient(places, "step").items("locations"):
        fields = Lenient(place, "location")
        for source_range in fields.items("ranges"):
            line = Lenient(source_range, "range").child("start").number("line")
            if line is not None and line > 0:
                return fields.number("sourceIndex") or 0, line - 1
    return None


def _top_layers(chains: Any) -> Iterator[str]:
    """The top layer of each chain: the others belong to earlier steps."""
    for chain in chains if isinstance(chains, list) else ():
        if isinstance(chain, list) and chain:
            digest = Lenient(chain[-1], "layer").text("digest")
            if digest is not None:
                yield digest
