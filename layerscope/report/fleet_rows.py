"""The answers about a fleet as tables, for all reports and the explorer. All texts are safe to show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from layerscope.fleet.answers.model import BuildAnswer, GrowthAnswer, PackageAnswer
from layerscope.fleet.fleet import Fleet
from layerscope.fleet.tables import ImageRow
from layerscope.report.fleet_table import Cell, Column, FailedImage, FleetRow, FleetTable
from layerscope.text import count_of, date_of, percent, safe_name, short_digest, size

_VERSIONS = 4
"""Versions of a package that are named."""
_LINES = 3
"""Dockerfile lines that are named for a rule."""
PERIODS = {"days": ("day", 10), "months": ("month", 7), "years": ("year", 4)}
"""Tables of growth: what a row is, and the length of the start of the date that its days share."""


class FleetTables:
    """The tables of a fleet."""

    def __init__(self, fleet: Fleet, *, binary: bool) -> None:
        self.fleet = fleet
        self._answers = fleet.answers
        self._binary = binary
        rows = list(fleet.results.rows(ImageRow))
        self.titles = [safe_name(row.title) for row in rows]
        """Names of the images, by number."""
        self.created = [date_of(row.created) or "" for row in rows]
        self.stored = [row.stored_bytes for row in rows]
        """Bytes of the images; None without figures."""

    def size(self, count: int) -> str:
        """A size as all tables show it."""
        return size(count, binary=self._binary) if count else "0"

    def _sizes(self, *counts: int) -> Iterable[Cell]:
        return [("number", count, self.size(count)) for count in counts]

    def rules(self) -> FleetTable:
        """Findings over all images."""
        rows = [
            FleetRow(
                (
                    *self._sizes(one.once_bytes, one.bytes),
                    _number(one.images),
                    ("word", None, one.severity),
                    ("word", None, safe_name(one.title)),
                    ("code", None, "; ".join(safe_name(line.line) for line in one.lines[:_LINES])),
                ),
                one,
            )
            for one in self._answers.rules
        ]
        columns = [*_ONCE_AND_IN_ALL, _IMAGES, Column("severity", spare=1), Column("finding", grow=3), Column("lines", grow=2, spare=2)]  # fmt: skip
        note = "what one change saves in all images that have the finding"
        return FleetTable("Findings", note, columns, rows, "rule", order=1)

    def lines(self) -> FleetTable:
        """Dockerfile lines over all images."""
        rows = [
            FleetRow(
                (
                    *self._sizes(
                        one.avoidable_once_bytes,
                        one.avoidable_bytes,
                        one.wasted_bytes,
                        one.stored_bytes,
                    ),
                    _number(one.images),
                    _number(one.layers),
                    ("code", None, safe_name(one.line)),
                ),
                one,
            )
            for one in self._answers.lines
        ]
        columns = [
            Column("avoidable once", True, "once"),
            Column("avoidable in all", True, "in all"),
            Column("wasted", True),
            Column("stored", True, spare=1),
            _IMAGES,
            Column("layers", True, spare=2),
            Column("line", grow=1),
        ]
        return FleetTable("Dockerfile lines", "in all images", columns, rows, "line", order=1)

    def layers(self) -> FleetTable:
        """Distinct layers."""
        rows = [
            FleetRow(
                (
                    *self._sizes(one.total_bytes, one.stored_bytes),
                    _number(one.images),
                    ("word", None, short_digest(one.digest)[-12:]),
                    ("code", None, safe_name(one.line)),
                ),
                one,
            )
            for one in self._answers.layers
        ]
        columns = [Column("in all", True), Column("stored", True), _IMAGES, Column("layer"), Column("step", grow=1)]  # fmt: skip
        return FleetTable("Layers", "bytes × images", columns, rows, "layer", order=0)

    def bases(self) -> FleetTable:
        """Versions of base images."""
        rows = [
            FleetRow(
                (
                    ("text", None, safe_name(base.name or base.line)),
                    ("word", None, date_of(one.created) or ""),
                    ("word", None, safe_name(one.name or short_digest(one.chain_id)[-12:])),
                    _number(len(one.images)),
                    *self._sizes(one.stored_bytes, one.unique_bytes),
                    ("word", None, "" if one.newest else "lags"),
                    ("text", None, ", ".join(self.titles[image] for image in one.images)),
                ),
                one,
            )
            for base in self._answers.bases
            for one in base.versions
        ]
        columns = [
            Column("base image", grow=2),
            Column("built"),
            Column("version"),
            _IMAGES,
            Column("stored", True, spare=2),
            Column("unique", True, spare=1),
            Column(""),
            Column("used by", grow=2, spare=3),
        ]
        lagging = sum(one.lagging_images for one in self._answers.bases)
        note = f"{count_of(lagging, 'image')} on an older version" if lagging else "all up to date"
        return FleetTable("Base images", note, columns, rows, "version")

    def builds(self) -> FleetTable:
        """Layers of the same content, or of the same step, under different digests."""
        rows = [
            FleetRow(
                (
                    *self._sizes(one.again_bytes),
                    _number(len(one.layers)),
                    _number(one.images),
                    ("code", None, safe_name(one.line)),
                    ("text", None, difference_words(one)),
                ),
                one,
            )
            for one in self._answers.builds
        ]
        columns = [
            Column("stored again", True, "again"),
            Column("layers", True),
            _IMAGES,
            Column("step", grow=3),
            Column("what differs", grow=4),
        ]
        note = "the same content under different digests"
        return FleetTable("Builds that are not reproducible", note, columns, rows, "build", order=0)

    def packages(self) -> FleetTable:
        """Packages over all images."""
        rows = [
            FleetRow(
                (
                    *self._sizes(one.once_bytes, one.bytes),
                    _number(one.images),
                    ("word", None, safe_name(one.type)),
                    ("text", None, safe_name(one.name)),
                    ("text", None, _versions(one)),
                ),
                one,
            )
            for one in self._answers.packages
        ]
        columns = [*_ONCE_AND_IN_ALL, _IMAGES, Column("type"), Column("package", grow=2), Column("versions", grow=3)]  # fmt: skip
        return FleetTable("Packages", "bytes in all images", columns, rows, "package", order=1)

    def duplicates(self) -> FleetTable:
        """Files that are stored in several layers."""
        duplicates = self._answers.duplicates
        rows = [
            FleetRow(
                (
                    *self._sizes(one.saved_bytes, one.bytes),
                    _number(one.copies),
                    _number(one.images),
                    ("path", None, f"/{safe_name(one.path)}" if one.path else one.digest),
                ),
                one,
            )
            for one in duplicates.largest
        ]
        columns = [
            Column("saving", True),
            Column("one copy", True, spare=1),
            Column("copies", True),
            _IMAGES,
            Column("file", grow=1),
        ]
        note = f"{self.size(duplicates.saved_bytes)} in copies of {count_of(duplicates.contents, 'file')} in several layers"
        more = duplicates.contents - len(rows)
        return FleetTable("Duplicates", note, columns, rows, "file", more=more, order=0)

    def images(self) -> FleetTable:
        """What each image shares, and what its removal frees."""
        shares = [one for one in self._answers.shares if self.stored[one.image] is not None]
        shares.sort(key=lambda one: (-one.unique_bytes, one.image))
        rows = [
            FleetRow(
                (
                    *self._sizes(one.unique_bytes, one.shared_bytes),
                    _share(one.shared_bytes, one.shared_bytes + one.unique_bytes),
                    ("word", None, self.created[one.image]),
                    ("text", None, self.titles[one.image]),
                ),
                one.image,
            )
            for one in shares
        ]
        columns = [
            Column("unique", True),
            Column("shared", True),
            Column("share", True, rising=True),
            Column("made"),
            Column("image", grow=1),
        ]
        note = "unique bytes are reclaimable by removal"
        return FleetTable("Images", note, columns, rows, "image", order=0)

    def repositories(self) -> FleetTable:
        """Repositories of several images."""
        rows = [
            FleetRow(
                (
                    *self._sizes(one.unique_bytes, one.stored_once_bytes),
                    _number(len(one.images)),
                    ("text", None, safe_name(one.name)),
                ),
                one,
            )
            for one in self._answers.repositories
            if len(one.images) > 1
        ]
        columns = [
            Column("unique", True),
            Column("stored", True),
            _IMAGES,
            Column("repository", grow=1),
        ]
        note = "unique bytes are reclaimable by removing all their images"
        return FleetTable("Repositories", note, columns, rows, "repository", "repositories", order=0)  # fmt: skip

    def growth(self, period: str) -> FleetTable:
        """What each day, month or year added: `period` is one of `PERIODS`."""
        word, length = PERIODS[period]
        rows = [
            FleetRow(
                (
                    *self._sizes(one.stored_once_bytes, one.added_bytes),
                    _number(one.images),
                    ("word", None, one.date or ""),
                ),
                one,
            )
            for one in by_period(self.dated, length)
        ]
        columns = [Column("stored once", True), Column("added", True), _IMAGES, Column(word)]
        note = "by the time at which images were made"
        return FleetTable("Growth", note, columns, rows, word)

    @property
    def dated(self) -> list[GrowthAnswer]:
        """Growth by days, without images of unknown age."""
        return [one for one in self._answers.growth if one.date is not None]

    def failures(self) -> FleetTable:
        """Images that could not be read completely, and why."""
        failures = sorted(self.fleet.reading.failures.items())
        rows = [
            FleetRow(
                (
                    ("text", None, self.titles[image]),
                    (
                        "text",
                        None,
                        safe_name(failure.message).removeprefix(f"{self.titles[image]}: "),
                    ),
                ),
                FailedImage(image, failure),
            )
            for image, failure in failures
        ]
        columns = [Column("image", grow=1), Column("why", grow=2)]
        note = "figures cover only what could be read"
        return FleetTable("Not read completely", note, columns, rows, "image")


_ONCE_AND_IN_ALL = (Column("once", True), Column("in all", True))
"""Bytes with each distinct layer counted once, and in every image that has it."""
_IMAGES = Column("images", True)


def _versions(package: PackageAnswer) -> str:
    names = ", ".join(safe_name(each.version) for each in package.versions[:_VERSIONS])
    more = len(package.versions) - _VERSIONS
    return f"{names} and {more:,} more" if more > 0 else names


def _number(count: int) -> Cell:
    return ("number", count, f"{count:,}")


def _share(part: int, whole: int) -> Cell:
    return ("number", part / whole if whole else 0, percent(part, whole))


def difference_words(build: BuildAnswer) -> str:
    """How builds of the same step differ, in words."""
    differences = build.differs
    counts = [
        (differences.added, "added"),
        (differences.removed, "removed"),
        (differences.modified, "modified"),
        (differences.metadata, "with other metadata"),
        (differences.times, "with other times"),
    ]
    words = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    if not words:
        return "the same files: only headers or the order of the tar differ"
    what = "the same content, " if build.same_content else ""
    names = ", ".join(f"/{safe_name(path)}" for path in differences.paths)
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
        for period, same_period in groupby(days, lambda day: (day.date or "")[:length])
        if (group := list(same_period))
    ]
