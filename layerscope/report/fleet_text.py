"""The text report of a fleet: headline, then a table for each answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import BinaryIO

from layerscope.analysis.gate.verdict import Outcome
from layerscope.fleet.answers.model import BaseAnswer, BuildAnswer, GrowthAnswer
from layerscope.fleet.fleet import Fleet
from layerscope.fleet.tables import ImageRow
from layerscope.report.console import Console, Part, widest
from layerscope.report.gate.table import GLYPHS, STYLES, write_table
from layerscope.report.options import ReportOptions
from layerscope.text import (
    clip,
    count_of,
    date_of,
    percent,
    safe_name,
    short_digest,
    size,
)
from layerscope.words import Severity

NARROWEST, WIDEST = 60, 200
_ROWS = 10
"""Rows of a table."""
_LINES = 2
"""Dockerfile lines that are named for a rule."""
_VERSIONS = 4
"""Versions of a base image or package that are named."""
_ERRORS = 20
"""Images without figures that are listed."""
_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: ""}


def write(fleet: Fleet, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the report. Tables fit the width."""
    width = min(max(options.width, NARROWEST), WIDEST)
    _Report(fleet, Console(stream, width, color=options.color), options.binary_sizes).write()


class _Report:
    """Writes the sections, one after the other."""

    def __init__(self, fleet: Fleet, console: Console, binary: bool) -> None:
        self._fleet = fleet
        self._answers = fleet.answers
        self._console = console
        self._binary = binary
        rows = list(fleet.results.rows(ImageRow))
        self._titles = [safe_name(row.title) for row in rows]
        self._stored = [row.stored_bytes for row in rows]

    def write(self) -> None:
        """Write everything."""
        self._headline()
        self._gate()
        if self._answers.layers:
            self._rules()
            self._lines()
            self._layers()
            self._bases()
            self._builds()
            self._packages()
            self._duplicates()
            self._images()
            self._repositories()
            self._growth()
        self._errors()
        self._console.flush()

    def _size(self, count: int) -> str:
        return size(count, binary=self._binary) if count else "0"

    def _headline(self) -> None:
        totals, console = self._answers.totals, self._console
        stored = totals.stored_once_bytes
        console.flow(
            [
                (count_of(totals.images, "image"), "bold"),
                (count_of(totals.distinct_layers, "distinct layer"), "bold"),
                (f"{self._size(stored)} stored once", "bold"),
                (f"{self._size(totals.stored_bytes)} if no layer were shared", ""),
            ]
        )
        avoidable, wasted = totals.avoidable_once_bytes, totals.wasted_once_bytes
        console.flow(
            [
                (
                    f"{self._size(avoidable)} avoidable ({percent(avoidable, stored)})",
                    "bold yellow" if avoidable else "green",
                ),
                (
                    f"{self._size(wasted)} wasted ({percent(wasted, stored)})",
                    "yellow" if wasted else "",
                ),
                (f"{self._size(totals.blob_once_bytes)} as blobs", ""),
            ]
        )
        bad = [
            (totals.failed_images, "could not be read"),
            (totals.damaged_images, "damaged"),
        ]
        if any(count for count, _ in bad):
            console.flow((f"{count:,} {words}", "bold red") for count, words in bad if count)

    def _gate(self) -> None:
        verdict = self._fleet.verdict
        if verdict is None:
            return
        outcome = Outcome.PASS if verdict.passed else Outcome.FAIL
        word = "passes" if verdict.passed else "fails"
        self._console.line()
        parts = [(f"{GLYPHS[outcome]} the fleet {word}", f"{STYLES[outcome]} bold")]
        if verdict.checked_images:
            failed = len(verdict.failed_images)
            checked = count_of(verdict.checked_images, "image")
            parts.append((f"{failed:,} of {checked} fail" if failed else f"{checked} pass", ""))
        parts.append((f"rules: {safe_name(verdict.source)}", "dim"))
        self._console.flow(parts, between="  ")
        if verdict.checks:
            write_table(self._console, verdict.checks, binary=self._binary)
        for image, rules in list(verdict.failed_images.items())[:_ERRORS]:
            names = ", ".join(dict.fromkeys(rules))
            self._console.flow(
                [(f"{GLYPHS[Outcome.FAIL]} {self._titles[image]}", "red"), (names, "")],
                between="  ",
                indent=2,
            )
        if len(verdict.failed_images) > _ERRORS:
            more = count_of(len(verdict.failed_images) - _ERRORS, "more image")
            self._console.line("  ", (f"… and {more}", "dim"))

    def _rules(self) -> None:
        answers = self._answers.rules
        if not answers:
            return
        self._console.heading(
            "Findings", "  ", ("what one change saves in all images that have the finding", "dim")
        )
        titles = ("once", "in all", "images")
        shown = answers[:_ROWS]
        table = self._table(
            titles,
            [
                (self._size(one.once_bytes), self._size(one.bytes), f"{one.images:,}")
                for one in shown
            ],
            "finding",
        )
        for number, one in enumerate(shown):
            table(number, (one.title, _STYLES[Severity(one.severity)]), (f"  {one.rule}", "dim"))
            for line in one.lines[:_LINES] if len(one.lines) > 1 or one.images > 1 else ():
                table(
                    None,
                    (f"{self._size(line.bytes)} in {line.images:,}: ", "dim"),
                    (safe_name(line.line), "dim"),
                )
        self._rest(len(answers), "finding rule")

    def _lines(self) -> None:
        answers = [one for one in self._answers.lines if one.avoidable_bytes or one.wasted_bytes]
        if not answers:
            return
        self._console.heading("Dockerfile lines", "  ", ("avoidable and wasted bytes", "dim"))
        shown = answers[:_ROWS]
        table = self._table(
            ("once", "in all", "wasted", "images"),
            [
                (
                    self._size(one.avoidable_once_bytes),
                    self._size(one.avoidable_bytes),
                    self._size(one.wasted_bytes),
                    f"{one.images:,}",
                )
                for one in shown
            ],
            "line",
        )
        for number, one in enumerate(shown):
            table(number, (safe_name(one.line), ""))
        self._rest(len(answers), "line")

    def _layers(self) -> None:
        answers = self._answers.layers
        self._console.heading("Layers", "  ", ("bytes × images", "dim"))
        shown = answers[:_ROWS]
        table = self._table(
            ("in all", "stored", "images"),
            [
                (self._size(one.total_bytes), self._size(one.stored_bytes), f"{one.images:,}")
                for one in shown
            ],
            "layer",
        )
        for number, one in enumerate(shown):
            table(number, (f"{short_digest(one.digest)[-12:]}  ", "dim"), (safe_name(one.line), ""))
        self._rest(len(answers), "layer")

    def _bases(self) -> None:
        answers = self._answers.bases
        if not answers:
            return
        lagging = sum(one.lagging_images for one in answers)
        words = f"{count_of(lagging, 'image')} on an older version" if lagging else "all up to date"
        self._console.heading("Base images", "  ", (words, "yellow" if lagging else "dim"))
        shown = answers[:_ROWS]
        for one in shown:
            self._base(one)
        self._rest(len(answers), "base image")

    def _base(self, base: BaseAnswer) -> None:
        console = self._console
        name = safe_name(base.name or base.line)
        count = count_of(base.images, "image")
        console.line("  ", (clip(name, console.width - len(count) - 6), "bold"), f"  {count}")
        rows = [
            (date_of(one.created) or "", f"{len(one.images):,}", self._size(one.stored_bytes))
            for one in base.versions[:_VERSIONS]
        ]
        table = self._table(("built", "images", "stored"), rows, "version", indent=4)
        for number, one in enumerate(base.versions[:_VERSIONS]):
            shown = one.name if one.name is not None else short_digest(one.chain_id)[-12:]
            lag = "" if one.newest else "  lags"
            names = ", ".join(self._titles[image] for image in one.images)
            table(number, (safe_name(shown), ""), (lag, "yellow"), (f"  {names}", "dim"))
        if len(base.versions) > _VERSIONS:
            more = count_of(len(base.versions) - _VERSIONS, "more version")
            console.line("    ", (f"… and {more}", "dim"))

    def _packages(self) -> None:
        answers = [one for one in self._answers.packages if one.bytes]
        if not answers:
            return
        self._console.heading("Packages", "  ", ("bytes in all images", "dim"))
        shown = answers[:_ROWS]
        table = self._table(
            ("once", "in all", "images"),
            [
                (self._size(one.once_bytes), self._size(one.bytes), f"{one.images:,}")
                for one in shown
            ],
            "package",
        )
        for number, one in enumerate(shown):
            versions = ", ".join(safe_name(each.version) for each in one.versions[:_VERSIONS])
            more = len(one.versions) - _VERSIONS
            versions += f" and {more:,} more" if more > 0 else ""
            table(number, (safe_name(one.name), ""), (f" {safe_name(one.type)}  {versions}", "dim"))
        self._rest(len(answers), "package")

    def _builds(self) -> None:
        answers = self._answers.builds
        if not answers:
            return
        again = self._size(sum(one.again_bytes for one in answers))
        self._console.heading(
            "Builds that are not reproducible", "  ", (f"{again} stored again", "yellow")
        )
        shown = answers[:_ROWS]
        table = self._table(
            ("again", "layers", "images"),
            [
                (self._size(one.again_bytes), f"{len(one.layers):,}", f"{one.images:,}")
                for one in shown
            ],
            "step, and what differs",
        )
        for number, one in enumerate(shown):
            table(number, (safe_name(one.line), ""))
            table(None, (difference_words(one), "dim"))
        self._rest(len(answers), "build")

    def _duplicates(self) -> None:
        found = self._answers.duplicates
        if not found.contents:
            return
        self._console.heading(
            "Duplicates",
            "  ",
            (
                f"{self._size(found.saved_bytes)} in copies of {count_of(found.contents, 'file')} in several layers",
                "dim",
            ),
        )
        shown = found.largest[:_ROWS]
        table = self._table(
            ("saving", "copies", "images"),
            [(self._size(one.saved_bytes), f"{one.copies:,}", f"{one.images:,}") for one in shown],
            "file",
        )
        for number, one in enumerate(shown):
            table(number, (f"/{safe_name(one.path)}" if one.path else one.digest, ""))
        self._rest(found.contents, "file")

    def _images(self) -> None:
        shares = [one for one in self._answers.shares if self._stored[one.image] is not None]
        shares.sort(key=lambda one: (-one.unique_bytes, one.image))
        self._console.heading("Images", "  ", ("unique bytes are reclaimable by removal", "dim"))
        shown = shares[:_ROWS]
        table = self._table(
            ("unique", "shared", "share"),
            [
                (
                    self._size(one.unique_bytes),
                    self._size(one.shared_bytes),
                    percent(one.shared_bytes, one.shared_bytes + one.unique_bytes),
                )
                for one in shown
            ],
            "image",
        )
        for number, one in enumerate(shown):
            table(number, (self._titles[one.image], ""))
        self._rest(len(shares), "image")

    def _repositories(self) -> None:
        answers = [one for one in self._answers.repositories if len(one.images) > 1]
        if not answers:
            return
        self._console.heading(
            "Repositories",
            "  ",
            ("unique bytes are reclaimable by removing all their images", "dim"),
        )
        shown = answers[:_ROWS]
        table = self._table(
            ("unique", "stored", "images"),
            [
                (
                    self._size(one.unique_bytes),
                    self._size(one.stored_once_bytes),
                    f"{len(one.images):,}",
                )
                for one in shown
            ],
            "repository",
        )
        for number, one in enumerate(shown):
            table(number, (safe_name(one.name), ""))
        self._rest(len(answers), "repository", "repositories")

    def _growth(self) -> None:
        answers = [one for one in self._answers.growth if one.date is not None]
        period, rows = "day", by_period(answers, 10)
        if len(rows) > _ROWS:
            period, rows = "month", by_period(answers, 7)
        if len(rows) > _ROWS:
            period, rows = "year", by_period(answers, 4)
        if len(rows) < 2:
            return
        self._console.heading("Growth", "  ", ("by the time at which images were made", "dim"))
        table = self._table(
            ("stored once", "added", "images"),
            [
                (self._size(one.stored_once_bytes), self._size(one.added_bytes), f"{one.images:,}")
                for one in rows[-_ROWS:]
            ],
            period,
        )
        for number, one in enumerate(rows[-_ROWS:]):
            table(number, (one.date or "", ""))

    def _errors(self) -> None:
        failures = self._fleet.failures
        if not failures:
            return
        self._console.heading("Not read completely")
        for failure in failures[:_ERRORS]:
            self._console.paragraph(safe_name(failure.message), "red", indent=2)
        if len(failures) > _ERRORS:
            self._console.line("  ", (f"… and {len(failures) - _ERRORS:,} more", "dim"))

    def _rest(self, count: int, one: str, many: str | None = None) -> None:
        """Say how many rows are left out."""
        if count > _ROWS:
            more = count_of(count - _ROWS, f"more {one}", None if many is None else f"more {many}")
            self._console.line("  ", (f"… and {more}", "dim"))

    def _table(
        self, titles: Sequence[str], rows: Sequence[Sequence[str]], last: str, *, indent: int = 2
    ) -> Callable[..., None]:
        """Write the titles of a table of figures whose last column is text; what writes one of its rows, by number, with the parts
        of that text; None for a row without figures."""
        widths = [
            max(widest([row[column] for row in rows]), len(title))
            for column, title in enumerate(titles)
        ]
        room = self._console.width - indent - sum(widths) - 2 * len(widths)

        def line(figures: Sequence[str], parts: Sequence[Part]) -> None:
            start = "".join(
                f"{figure:>{width}}  " for figure, width in zip(figures, widths, strict=True)
            )
            left, shown = room, list[Part]()
            for text, style in parts:
                cut = clip(text, max(left, 0))
                shown.append((cut, style))
                left -= len(text)
            self._console.line(" " * indent, start, *shown)

        head = "".join(f"{title:>{width}}  " for title, width in zip(titles, widths, strict=True))
        self._console.line((" " * indent + head + last, "dim"))

        def write(number: int | None, *parts: Part) -> None:
            line([""] * len(widths) if number is None else rows[number], parts)

        return write


def difference_words(build: BuildAnswer) -> str:
    """In what builds of the same thing differ, in words."""
    found = build.differs
    counts = [
        (found.added, "added"),
        (found.removed, "removed"),
        (found.modified, "modified"),
        (found.metadata, "with other metadata"),
        (found.times, "with other times"),
    ]
    words = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    if not words:
        return "the same files: only headers or the order of the tar differ"
    what = "the same content, " if build.same_content else ""
    names = ", ".join(f"/{safe_name(path)}" for path in found.paths)
    return f"{what}{words}: {names}"


def by_period(days: Sequence[GrowthAnswer], length: int) -> list[GrowthAnswer]:
    """The growth by periods: days whose dates begin with the same `length` characters."""
    return [
        GrowthAnswer(
            period,
            sum(day.images for day in group),
            sum(day.stored_bytes for day in group),
            sum(day.added_bytes for day in group),
            group[-1].stored_once_bytes,
        )
        for period, found in groupby(days, lambda day: (day.date or "")[:length])
        if (group := list(found))
    ]
