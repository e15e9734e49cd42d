"""A fleet as HTML: one self-contained file with sortable tables, and a chart of its growth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from layerscope.fleet.answers.model import GrowthAnswer
from layerscope.fleet.fleet import Fleet
from layerscope.fleet.tables import ImageRow
from layerscope.report.fleet_text import by_period, difference_words
from layerscope.report.html import write_sections
from layerscope.report.html_columns import Bar, columns
from layerscope.report.html_parts import CELL, MAX_BYTES, ROWS, Section, fitting, macros
from layerscope.report.options import ReportOptions
from layerscope.text import clip, count_of, date_of, percent, safe_name, short_digest, size

_DAMAGES = 50
_DAYS = 60
"""Most bars of the chart; with more, they are months."""
_VERSIONS = 8

Cell = tuple[str, object, str]
Titles = list[tuple[str, str]]


def write(fleet: Fleet, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the page."""
    _Page(fleet, options).write(stream)


class _Page:
    """The sections of one page."""

    def __init__(self, fleet: Fleet, options: ReportOptions) -> None:
        self._fleet = fleet
        self._answers = fleet.answers
        self._options = options
        rows = list(fleet.results.rows(ImageRow))
        self._titles = [safe_name(row.title) for row in rows]
        self._created = [date_of(row.created) or "" for row in rows]
        self._stored = [row.stored_bytes for row in rows]

    def write(self, stream: BinaryIO) -> None:
        """Write everything."""
        sections = [
            self._growth(),
            self._gate(),
            self._rules(),
            self._lines(),
            self._layers(),
            self._bases(),
            self._builds(),
            self._packages(),
            self._duplicates(),
            self._images(),
            self._repositories(),
        ]
        write_sections(self._header(), sections, stream, self._options)

    def _header(self) -> dict[str, object]:
        totals = self._answers.totals
        once = totals.stored_once_bytes
        failures = self._fleet.failures
        return {
            "title": count_of(totals.images, "image"),
            "headline": [
                (f"{self._size(once)} stored once", "stored"),
                (f"{self._size(totals.stored_bytes)} if no layer were shared", ""),
            ],
            "about": count_of(totals.distinct_layers, "distinct layer"),
            "facts": [],
            "digests": "",
            "bad": bool(failures),
            "figures": [
                ("stored once", self._size(once), ""),
                ("avoidable", self._size(totals.avoidable_once_bytes), percent(totals.avoidable_once_bytes, once)),
                ("wasted", self._size(totals.wasted_once_bytes), percent(totals.wasted_once_bytes, once)),
                ("as blobs", self._size(totals.blob_once_bytes), ""),
            ],
            "damages": [clip(safe_name(failure.message), CELL) for failure in failures[:_DAMAGES]],
        }  # fmt: skip

    def _growth(self) -> Section | None:
        """Bars of what is stored by the end of each day, or month; what it added is the upper part."""
        days = [one for one in self._answers.growth if one.date is not None]
        shown = days if len(days) <= _DAYS else by_period(days, len("2000-01"))
        if len(shown) < 2:
            return None
        body = columns(
            [self._bar(one) for one in shown],
            "Bytes of all images by the time they were made, each distinct layer once",
            ("added", "from earlier images"),
            self._options,
        )
        return Section("Growth", "by the time at which images were made", body)

    def _bar(self, one: GrowthAnswer) -> Bar:
        about = f"{one.date}  {self._size(one.stored_once_bytes)}, {self._size(one.added_bytes)} added by {count_of(one.images, 'image')}"
        return Bar(
            (one.date or "")[2:], about, one.added_bytes, one.stored_once_bytes - one.added_bytes
        )

    def _gate(self) -> Section | None:
        verdict = self._fleet.verdict
        if verdict is None:
            return None
        rows: list[list[Cell]] = [
            [("word", None, self._titles[image]), ("text", None, ", ".join(dict.fromkeys(rules)))]
            for image, rules in verdict.failed_images.items()
        ]
        rows += [
            [("word", None, check.outcome.value), ("text", None, safe_name(check.title))]
            for check in verdict.checks
        ]
        word = "passes" if verdict.passed else "fails"
        return self._section(f"The fleet {word}", "rules of the gate", [("image", ""), ("", "")], rows, "row")  # fmt: skip

    def _rules(self) -> Section | None:
        rows = [
            [
                *self._sizes(one.once_bytes, one.bytes),
                self._number(one.images),
                ("word", None, one.severity),
                ("word", None, safe_name(one.title)),
                ("code", None, "; ".join(safe_name(line.line) for line in one.lines[:3])),
            ]
            for one in self._answers.rules
        ]
        titles = [*_TWO, ("images", "n"), ("severity", ""), ("finding", ""), ("lines", "")]
        note = "what one change saves in all images that have the finding"
        return self._section("Findings", note, titles, rows, "rule")

    def _lines(self) -> Section | None:
        rows = [
            [
                *self._sizes(
                    one.avoidable_once_bytes,
                    one.avoidable_bytes,
                    one.wasted_bytes,
                    one.stored_bytes,
                ),
                self._number(one.images),
                self._number(one.layers),
                ("code", None, safe_name(one.line)),
            ]
            for one in self._answers.lines
        ]
        titles = [
            ("avoidable once", "n"), ("avoidable in all", "n"), ("wasted", "n"), ("stored", "n"),
            ("images", "n"), ("layers", "n"), ("line", ""),
        ]  # fmt: skip
        return self._section("Dockerfile lines", "in all images", titles, rows, "line")

    def _layers(self) -> Section | None:
        rows = [
            [
                *self._sizes(one.total_bytes, one.stored_bytes),
                self._number(one.images),
                ("word", None, short_digest(one.digest)[-12:]),
                ("code", None, safe_name(one.line)),
            ]
            for one in self._answers.layers
        ]
        titles = [("in all", "n"), ("stored", "n"), ("images", "n"), ("layer", ""), ("step", "")]
        return self._section("Layers", "bytes × images", titles, rows, "layer")

    def _bases(self) -> Section | None:
        rows = [
            [
                ("text", None, safe_name(base.name or base.line)),
                ("word", None, date_of(one.created) or ""),
                ("word", None, safe_name(one.name or short_digest(one.chain_id)[-12:])),
                self._number(len(one.images)),
                *self._sizes(one.stored_bytes, one.unique_bytes),
                ("word", None, "" if one.newest else "lags"),
                ("text", None, ", ".join(self._titles[image] for image in one.images)),
            ]
            for base in self._answers.bases
            for one in base.versions
        ]
        titles = [
            ("base image", ""), ("built", ""), ("version", ""), ("images", "n"), ("stored", "n"),
            ("unique", "n"), ("", ""), ("used by", ""),
        ]  # fmt: skip
        lagging = sum(one.lagging_images for one in self._answers.bases)
        note = f"{count_of(lagging, 'image')} on an older version" if lagging else "all up to date"
        return self._section("Base images", note, titles, rows, "version")

    def _builds(self) -> Section | None:
        rows = [
            [
                *self._sizes(one.again_bytes),
                self._number(len(one.layers)),
                self._number(one.images),
                ("code", None, safe_name(one.line)),
                ("text", None, difference_words(one)),
            ]
            for one in self._answers.builds
        ]
        titles = [
            ("stored again", "n"), ("layers", "n"), ("images", "n"), ("step", ""), ("what differs", ""),
        ]  # fmt: skip
        note = "the same content under different digests"
        return self._section("Builds that are not reproducible", note, titles, rows, "build")

    def _packages(self) -> Section | None:
        rows = [
            [
                *self._sizes(one.once_bytes, one.bytes),
                self._number(one.images),
                ("word", None, safe_name(one.type)),
                ("text", None, safe_name(one.name)),
                ("text", None, ", ".join(safe_name(each.version) for each in one.versions[:_VERSIONS])),
            ]
            for one in self._answers.packages
        ]  # fmt: skip
        titles = [*_TWO, ("images", "n"), ("type", ""), ("package", ""), ("versions", "")]
        return self._section("Packages", "bytes in all images", titles, rows, "package")

    def _duplicates(self) -> Section | None:
        found = self._answers.duplicates
        rows = [
            [
                *self._sizes(one.saved_bytes, one.bytes),
                self._number(one.copies),
                self._number(one.images),
                ("path", None, f"/{safe_name(one.path)}" if one.path else one.digest),
            ]
            for one in found.largest
        ]
        titles = [
            ("saving", "n"), ("one copy", "n"), ("copies", "n"), ("images", "n"), ("file", ""),
        ]  # fmt: skip
        note = f"{self._size(found.saved_bytes)} in several layers"
        return self._section("Duplicates", note, titles, rows, "file", found.contents)

    def _images(self) -> Section | None:
        shares = [one for one in self._answers.shares if self._stored[one.image] is not None]
        shares.sort(key=lambda one: (-one.unique_bytes, one.image))
        rows = [
            [
                *self._sizes(one.unique_bytes, one.shared_bytes),
                ("word", None, percent(one.shared_bytes, one.shared_bytes + one.unique_bytes)),
                ("word", None, self._created[one.image]),
                ("text", None, self._titles[one.image]),
            ]
            for one in shares
        ]
        titles = [("unique", "n"), ("shared", "n"), ("share", ""), ("made", ""), ("image", "")]
        note = "unique bytes are reclaimable by removal"
        return self._section("Images", note, titles, rows, "image")

    def _repositories(self) -> Section | None:
        rows = [
            [
                *self._sizes(one.unique_bytes, one.stored_once_bytes),
                self._number(len(one.images)),
                ("text", None, safe_name(one.name)),
            ]
            for one in self._answers.repositories
            if len(one.images) > 1
        ]
        titles = [("unique", "n"), ("stored", "n"), ("images", "n"), ("repository", "")]
        note = "unique bytes are reclaimable by removing all their images"
        return self._section("Repositories", note, titles, rows, "image of a repository")

    def _section(
        self,
        title: str,
        note: str,
        titles: Titles,
        rows: list[list[Cell]],
        noun: str,
        count: int | None = None,
    ) -> Section | None:
        """A table, unless it is empty; `count` are its rows if not all are given."""
        if not rows:
            return None
        parts = macros(self._options)
        shown = fitting((parts.cells(row) for row in rows), ROWS, MAX_BYTES)
        left = (len(rows) if count is None else count) - len(shown)
        return Section(title, note, parts.listing(titles, shown, left, noun))

    def _size(self, count: int) -> str:
        return size(count, binary=self._options.binary_sizes)

    def _sizes(self, *counts: int) -> Iterable[Cell]:
        return [("number", count, self._size(count) if count else "0") for count in counts]

    @staticmethod
    def _number(count: int) -> Cell:
        return ("number", count, f"{count:,}")


_TWO: Titles = [("once", "n"), ("in all", "n")]
"""Titles of the two figures that most sizes have."""
