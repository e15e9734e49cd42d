"""A fleet as HTML: one self-contained file with sortable tables, and a chart of its growth."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.fleet.answers.model import GrowthAnswer
from layerscope.fleet.fleet import Fleet
from layerscope.report.fleet_rows import FleetTables, by_period
from layerscope.report.fleet_table import Cell, FleetTable
from layerscope.report.html import write_sections
from layerscope.report.html_columns import Bar, columns
from layerscope.report.html_parts import CELL, MAX_BYTES, ROWS, Section, macros, rows_that_fit
from layerscope.report.options import ReportOptions
from layerscope.text import clip, count_of, percent, safe_name, size

_DAMAGES = 50
_DAYS = 60
"""Maximum bars of the chart; with more, they are months."""

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
        self._tables = FleetTables(fleet, binary=options.binary_sizes)

    def write(self, stream: BinaryIO) -> None:
        """Write everything."""
        tables = self._tables
        sections = [
            self._growth(),
            self._gate(),
            *map(
                self._section,
                (
                    tables.rules(),
                    tables.lines(),
                    tables.layers(),
                    tables.bases(),
                    tables.builds(),
                    tables.packages(),
                    tables.duplicates(),
                    tables.images(),
                    tables.repositories(),
                ),
            ),
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
        """Bars of the bytes stored by the end of each day or month; the upper part is what was added then."""
        days = self._tables.dated
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

    def _bar(self, growth: GrowthAnswer) -> Bar:
        about = f"{growth.date}  {self._size(growth.stored_once_bytes)}, {self._size(growth.added_bytes)} added by {count_of(growth.images, 'image')}"
        return Bar(
            (growth.date or "")[2:],
            about,
            growth.added_bytes,
            growth.stored_once_bytes - growth.added_bytes,
        )

    def _gate(self) -> Section | None:
        verdict = self._fleet.verdict
        if verdict is None:
            return None
        rows: list[list[Cell]] = [
            [
                ("word", None, self._tables.titles[image]),
                ("text", None, ", ".join(dict.fromkeys(rules))),
            ]
            for image, rules in verdict.failed_images.items()
        ]
        rows += [
            [("word", None, check.outcome.value), ("text", None, safe_name(check.title))]
            for check in verdict.checks
        ]
        word = "passes" if verdict.passed else "fails"
        return self._listing(f"The fleet {word}", "rules of the gate", [("image", ""), ("", "")], rows, "row")  # fmt: skip

    def _section(self, table: FleetTable) -> Section | None:
        """A table, unless it is empty."""
        titles = [(column.title, "n" if column.number else "") for column in table.columns]
        rows = [list(row.cells) for row in table.rows]
        noun = table.noun if table.nouns is None else "row"
        return self._listing(table.title, table.note, titles, rows, noun, table.more)

    def _listing(
        self,
        title: str,
        note: str,
        titles: Titles,
        rows: list[list[Cell]],
        noun: str,
        more: int = 0,
    ) -> Section | None:
        """A section of rows; None if there are none. `more` rows are left out of `rows`."""
        if not rows:
            return None
        parts = macros(self._options)
        shown = rows_that_fit((parts.cells(row) for row in rows), ROWS, MAX_BYTES)
        return Section(
            title, note, parts.listing(titles, shown, len(rows) + more - len(shown), noun)
        )

    def _size(self, count: int) -> str:
        return size(count, binary=self._options.binary_sizes)
