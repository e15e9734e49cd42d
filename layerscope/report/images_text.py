"""Images of engines and stores as text: a table per source, and the bytes that its images share."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import BinaryIO

from layerscope.report.console import Console, padded
from layerscope.report.options import ReportOptions
from layerscope.sources.listing import SourceListing
from layerscope.sources.references import familiar_name
from layerscope.sources.sharing import Share, SharedLayer, sharing
from layerscope.sources.store_image import StoreImage
from layerscope.text import age_of, cells, clip, count_of, moment_of, safe_name, short_digest, size

NARROWEST, WIDEST = 72, 160
_WIDE = 100
"""From this width on, there is a column for shared bytes."""
_ID, _AGE, _SIZE = 12, 10, 9
_LAYERS = 5
"""Shared layers that are listed per store."""


def write(
    answers: Sequence[SourceListing],
    stream: BinaryIO,
    options: ReportOptions,
    now: datetime.datetime,
) -> None:
    """Write a section for each reachable source."""
    console = Console(stream, min(max(options.width, NARROWEST), WIDEST), color=options.color)
    first = True
    for answer in answers:
        if answer.refusal is not None:
            continue
        if not first:
            console.line()
        first = False
        _Section(console, answer, now, options.binary_sizes).write()
    console.flush()


class _Section:
    """The images of one source."""

    def __init__(
        self, console: Console, answer: SourceListing, now: datetime.datetime, binary: bool
    ) -> None:
        self._console, self._source, self._now, self._binary = console, answer.source, now, binary
        images = [image for image in answer.images if not image.intermediate]
        self._sharing = sharing(images)
        rows = list(zip(images, self._sharing.shares, strict=True))
        earliest = datetime.datetime.min.replace(tzinfo=datetime.UTC)
        rows.sort(key=lambda row: _name(row[0]))
        rows.sort(key=lambda row: moment_of(row[0].created) or earliest, reverse=True)
        self._rows = rows
        self._wide = console.width >= _WIDE
        self._name_width = console.width - _ID - _AGE - _SIZE - 6
        if self._source.stored:
            self._name_width -= (_SIZE + 2) * (2 if self._wide else 1)

    def write(self) -> None:
        """Write the heading, the table and the shared bytes."""
        places = list(dict.fromkeys(image.location for image, _ in self._rows if image.location))
        where = clip(safe_name(", ".join(places)), self._console.width - 40)
        count = count_of(len(self._rows), "image")
        self._console.line((self._source.name, "bold"), f"  {count}  ", (where, "dim"))
        if not self._rows:
            return
        titles = ["age", "size"]
        if self._source.stored:
            titles += ["shared", "unique"] if self._wide else ["unique"]
        self._line("image", "id", titles, "dim")
        for image, share in self._rows:
            figures = [age_of(image.created, self._now), self._size(image.size)]
            if self._source.stored:
                figures += self._shares(share)
            style = "dim" if image.dangling else ""
            self._line(_name(image), safe_name(image.id)[:_ID], figures, style)
        if self._source.stored:
            self._write_sharing()

    def _line(self, name: str, identifier: str, figures: Sequence[str], style: str) -> None:
        widths = [_AGE, *[_SIZE] * (len(figures) - 1)]
        columns = "".join(
            f"  {clip(words, width):>{width}}" for words, width in zip(figures, widths, strict=True)
        )
        shown = padded(clip(name, self._name_width), self._name_width)
        self._console.line((f"{shown}  {identifier:<{_ID}}{columns}", style))

    def _shares(self, share: Share) -> list[str]:
        both = [self._size(share.shared), self._size(share.unique)]
        return both if self._wide else both[1:]

    def _size(self, count: int | None) -> str:
        if count is None:
            return "?"
        return size(count, binary=self._binary) if count else "0"

    def _write_sharing(self) -> None:
        sharing = self._sharing
        self._console.line()
        dangling = sum(image.dangling for image, _ in self._rows)
        self._console.flow(
            [
                (f"{self._size(sharing.stored)} stored", ""),
                (f"{self._size(sharing.shared)} shared", ""),
                (
                    f"{count_of(dangling, 'dangling image')}: {self._size(sharing.dangling)} reclaimable"
                    if dangling
                    else "no dangling images",
                    "yellow" if sharing.dangling else "",
                ),
            ]
        )
        for shared in sharing.layers[:_LAYERS]:
            self._write_layer(shared)
        if len(sharing.layers) > _LAYERS:
            more = count_of(len(sharing.layers) - _LAYERS, "more shared layer")
            self._console.line("  ", (f"… and {more}", "dim"))

    def _write_layer(self, shared: SharedLayer) -> None:
        layer = shared.layer
        digest = short_digest(layer.chain_id or layer.key)
        figures = f"{self._size(layer.size):>{_SIZE}} in {count_of(shared.images, 'image')}  "
        names = [_name(image) for image, _ in self._rows if any(one.key == layer.key for one in image.layers or ())]  # fmt: skip
        room = self._console.width - cells(figures) - cells(digest) - 4
        self._console.line(f"  {figures}", digest, "  ", (clip(", ".join(names), room), "dim"))


def _name(image: StoreImage) -> str:
    """The first tag, and the number of further ones."""
    if not image.tags:
        return "(no name)"
    more = f" +{len(image.tags) - 1}" if len(image.tags) > 1 else ""
    return safe_name(familiar_name(image.tags[0])) + more
