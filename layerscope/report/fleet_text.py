"""The text report of a fleet: headline, then a table for each answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO

from msgspec.structs import replace

from layerscope.analysis.gate.verdict import Outcome
from layerscope.fleet.answers.model import BaseAnswer
from layerscope.fleet.fleet import Fleet
from layerscope.report.console import Console, Part, widest
from layerscope.report.fleet_headline import Role, headline
from layerscope.report.fleet_rows import PERIODS, FleetTables
from layerscope.report.fleet_table import FleetTable
from layerscope.report.gate.table import GLYPHS, STYLES, write_table
from layerscope.report.options import ReportOptions
from layerscope.text import (
    clip,
    count_of,
    date_of,
    safe_name,
    short_digest,
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
_HEADLINE_LINES = (
    (Role.COUNT, Role.STORED),
    (Role.AVOIDABLE, Role.GOOD, Role.WASTED, Role.PLAIN),
    (Role.FAILED,),
)
"""The lines of the headline."""
_ROLE_STYLES = {
    Role.COUNT: "bold",
    Role.STORED: "",
    Role.AVOIDABLE: "bold yellow",
    Role.GOOD: "green",
    Role.WASTED: "yellow",
    Role.PLAIN: "",
    Role.FAILED: "bold red",
}
_SEVERITY_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: ""}


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
        self._tables = FleetTables(fleet, binary=binary)
        self._titles = self._tables.titles

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

    def _headline(self) -> None:
        parts = headline(self._answers.totals, binary=self._binary)
        for roles in _HEADLINE_LINES:
            shown = [(words, _ROLE_STYLES[role]) for words, _, role in parts if role in roles]
            if shown:
                self._console.flow(shown)

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
        table = self._tables.rules()
        self._console.heading(table.title, "  ", (table.note, "dim"))
        write_row = self._start_table_of(table, ("once", "in all", "images"), "finding")
        for number, one in enumerate(answers[:_ROWS]):
            write_row(
                number,
                (one.title, _SEVERITY_STYLES[Severity(one.severity)]),
                (f"  {one.rule}", "dim"),
            )
            for line in one.lines[:_LINES] if len(one.lines) > 1 or one.images > 1 else ():
                write_row(
                    None,
                    (f"{self._tables.size(line.bytes)} in {line.images:,}: ", "dim"),
                    (safe_name(line.line), "dim"),
                )
        self._write_left_out(len(answers), "finding rule")

    def _lines(self) -> None:
        table = self._tables.lines()
        rows = [row for row in table.rows if row.cells[1][1] or row.cells[2][1]]
        table = replace(table, rows=rows, note="avoidable and wasted bytes")
        self._write_section(table, ("once", "in all", "wasted", "images"))

    def _layers(self) -> None:
        table = self._tables.layers()
        self._console.heading(table.title, "  ", (table.note, "dim"))
        write_row = self._start_table_of(table, ("in all", "stored", "images"), table.noun)
        for number, row in enumerate(table.rows[:_ROWS]):
            *_, digest, line = row.cells
            write_row(number, (f"{digest[2]}  ", "dim"), (line[2], ""))
        self._write_left_out(len(table.rows), table.noun)

    def _bases(self) -> None:
        answers = self._answers.bases
        if not answers:
            return
        lagging = any(one.lagging_images for one in answers)
        table = self._tables.bases()
        self._console.heading(table.title, "  ", (table.note, "yellow" if lagging else "dim"))
        shown = answers[:_ROWS]
        for one in shown:
            self._base(one)
        self._write_left_out(len(answers), "base image")

    def _base(self, base: BaseAnswer) -> None:
        console = self._console
        name = safe_name(base.name or base.line)
        count = count_of(base.images, "image")
        console.line("  ", (clip(name, console.width - len(count) - 6), "bold"), f"  {count}")
        rows = [
            (
                date_of(one.created) or "",
                f"{len(one.images):,}",
                self._tables.size(one.stored_bytes),
            )
            for one in base.versions[:_VERSIONS]
        ]
        write_row = self._start_table(("built", "images", "stored"), rows, "version", indent=4)
        for number, one in enumerate(base.versions[:_VERSIONS]):
            shown = one.name if one.name is not None else short_digest(one.chain_id)[-12:]
            lag = "" if one.newest else "  lags"
            names = ", ".join(self._titles[image] for image in one.images)
            write_row(number, (safe_name(shown), ""), (lag, "yellow"), (f"  {names}", "dim"))
        if len(base.versions) > _VERSIONS:
            more = count_of(len(base.versions) - _VERSIONS, "more version")
            console.line("    ", (f"… and {more}", "dim"))

    def _packages(self) -> None:
        table = self._tables.packages()
        table = replace(table, rows=[row for row in table.rows if row.cells[1][1]])
        if not table.rows:
            return
        self._console.heading(table.title, "  ", (table.note, "dim"))
        write_row = self._start_table_of(table, ("once", "in all", "images"), table.noun)
        for number, row in enumerate(table.rows[:_ROWS]):
            *_, kind, name, versions = row.cells
            write_row(number, (name[2], ""), (f" {kind[2]}  {versions[2]}", "dim"))
        self._write_left_out(len(table.rows), table.noun)

    def _builds(self) -> None:
        table = self._tables.builds()
        if not table.rows:
            return
        again = self._tables.size(sum(one.again_bytes for one in self._answers.builds))
        self._console.heading(table.title, "  ", (f"{again} stored again", "yellow"))
        write_row = self._start_table_of(
            table, ("again", "layers", "images"), "step, and what differs"
        )
        for number, row in enumerate(table.rows[:_ROWS]):
            *_, line, difference = row.cells
            write_row(number, (line[2], ""))
            write_row(None, (difference[2], "dim"))
        self._write_left_out(len(table.rows), table.noun)

    def _duplicates(self) -> None:
        self._write_section(self._tables.duplicates(), ("saving", "copies", "images"))

    def _images(self) -> None:
        self._write_section(self._tables.images(), ("unique", "shared", "share"))

    def _repositories(self) -> None:
        self._write_section(self._tables.repositories(), ("unique", "stored", "images"))

    def _growth(self) -> None:
        period = next(
            (one for one in PERIODS if len(self._tables.growth(one).rows) <= _ROWS), "years"
        )
        table = self._tables.growth(period)
        if len(table.rows) > 1:
            self._write_section(
                replace(table, rows=table.rows[-_ROWS:]), ("stored once", "added", "images")
            )

    def _errors(self) -> None:
        failures = self._fleet.failures
        if not failures:
            return
        self._console.heading("Not read completely")
        for failure in failures[:_ERRORS]:
            self._console.paragraph(safe_name(failure.message), "red", indent=2)
        if len(failures) > _ERRORS:
            self._console.line("  ", (f"… and {len(failures) - _ERRORS:,} more", "dim"))

    def _write_left_out(self, count: int, one: str, many: str | None = None) -> None:
        """Write how many rows are left out."""
        if count > _ROWS:
            more = count_of(count - _ROWS, f"more {one}", None if many is None else f"more {many}")
            self._console.line("  ", (f"… and {more}", "dim"))

    def _write_section(self, table: FleetTable, figures: Sequence[str]) -> None:
        """Write a section with these figures and the last cell of each row; nothing if there are no rows."""
        if not table.rows:
            return
        self._console.heading(table.title, "  ", (table.note, "dim"))
        write_row = self._start_table_of(table, figures, table.columns[-1].brief)
        for number, row in enumerate(table.rows[:_ROWS]):
            write_row(number, (row.cells[-1][2], ""))
        self._write_left_out(len(table.rows) + table.more, table.noun, table.nouns)

    def _start_table_of(
        self, table: FleetTable, figures: Sequence[str], last: str
    ) -> Callable[..., None]:
        """Write the titles of a table: the columns of figures with these titles, then one of text. Returns what `_start_table` returns."""
        titles = [column.brief for column in table.columns]
        places = [titles.index(figure) for figure in figures]
        rows = [[row.cells[place][2] for place in places] for row in table.rows[:_ROWS]]
        return self._start_table(figures, rows, last)

    def _start_table(
        self, titles: Sequence[str], rows: Sequence[Sequence[str]], last: str, *, indent: int = 2
    ) -> Callable[..., None]:
        """Write the titles of a table of figures whose last column is text. Returns a function that writes a row: it takes the number
        of the row, or None for one without figures, and the parts of its text."""
        widths = [
            max(widest([row[column] for row in rows]), len(title))
            for column, title in enumerate(titles)
        ]
        room = self._console.width - indent - sum(widths) - 2 * len(widths)

        def line(figures: Sequence[str], parts: Sequence[Part]) -> None:
            start = "".join(
                f"{figure:>{width}}  " for figure, width in zip(figures, widths, strict=True)
            )
            remaining, shown = room, list[Part]()
            for text, style in parts:
                cut = clip(text, max(remaining, 0))
                shown.append((cut, style))
                remaining -= len(text)
            self._console.line(" " * indent, start, *shown)

        head = "".join(f"{title:>{width}}  " for title, width in zip(titles, widths, strict=True))
        self._console.line((" " * indent + head + last, "dim"))

        def write(number: int | None, *parts: Part) -> None:
            line([""] * len(widths) if number is None else rows[number], parts)

        return write
