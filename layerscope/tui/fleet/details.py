"""The details of a row of a fleet's table: its figures, and the images that have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from layerscope import text
from layerscope.fleet.answers.model import (
    BaseVersion,
    BuildAnswer,
    DistinctLayer,
    DuplicateAnswer,
    GrowthAnswer,
    LineAnswer,
    PackageAnswer,
    RepositoryAnswer,
    RuleAnswer,
)
from layerscope.fleet.holders import Check, images_of
from layerscope.fleet.messages import Failure
from layerscope.fleet.tables import ImageRow, LayerRow, StepRow
from layerscope.report.fleet_rows import FleetTables, difference_words
from layerscope.report.fleet_table import FailedImage, FleetRow, FleetTable
from layerscope.tui.widgets.paragraph_list import Paragraph

_SIZE = 9
_MAX_PATHS = 12
_LABEL_WIDTH = 13


def paragraphs_of(
    row: FleetRow, table: FleetTable, tables: FleetTables, check: Check
) -> Iterator[Paragraph]:
    """The details of a row. Reads the rows of all images; raises `OSError`, and what `check` raises."""
    about = row.about
    if isinstance(about, int):
        yield from _image(about, tables)
        return
    if isinstance(about, FailedImage):
        yield from _failure(about.image, about.failure, tables)
        return
    yield Paragraph(_title(row), "strong")
    for column, cell in zip(table.columns, row.cells, strict=True):
        if cell[0] == "number":
            yield Paragraph(f"{column.title:<{_LABEL_WIDTH}} {cell[2]}")
    yield from _extra_facts(about, tables)
    yield from _images(images_of(tables.fleet, about, check), tables)


def _title(row: FleetRow) -> str:
    """The name of a row."""
    about = row.about
    names = [words for kind, _, words in row.cells if kind != "number" and words]
    if isinstance(about, RuleAnswer):
        return names[1]
    return names[-1] if isinstance(about, DistinctLayer | LineAnswer) else (names or [""])[0]


def _fact(label: str, words: str, style: str = "") -> Paragraph:
    return Paragraph(f"{label:<{_LABEL_WIDTH}} {words}", style, hang=" " * (_LABEL_WIDTH + 1))


def _extra_facts(about: object, tables: FleetTables) -> Iterator[Paragraph]:
    """Facts for which the table has no column."""
    size = tables.size
    match about:
        case DistinctLayer():
            yield Paragraph(text.safe_name(about.digest), "quiet")
            kind = "compressed" if about.compressed else "not compressed"
            yield _fact("blob", f"{size(about.bytes)}, {kind}; tar {size(about.tar_bytes)}")
            if about.base:
                yield Paragraph("part of a base image in every image that has it", "quiet")
        case RuleAnswer():
            yield _fact("rule", about.rule)
            yield _fact("severity", about.severity)
            yield _fact("findings", f"{about.findings:,}")
            if about.base_images:
                count = text.count_of(about.base_images, "image")
                yield Paragraph(f"only another base image avoids it in {count}", "quiet")
            yield Paragraph("")
            yield Paragraph("Dockerfile lines", "strong")
            for line in about.lines:
                count = text.count_of(line.images, "image")
                figures = f"{size(line.bytes)} in {count}, {size(line.once_bytes)} once"
                yield Paragraph(text.safe_name(line.line))
                yield Paragraph(figures, "quiet", "  ")
        case BaseVersion():
            yield _fact("version", text.safe_name(about.name or text.short_digest(about.chain_id)))
            yield _fact("built", text.date_of(about.created) or "unknown")
            yield _fact("layers", f"{about.layers:,}")
            if not about.newest:
                yield Paragraph("lags: a newer version is in use", "waste")
        case BuildAnswer():
            yield Paragraph(difference_words(about), "modified")
            for path in about.differs.paths[:_MAX_PATHS]:
                yield Paragraph(f"/{text.safe_name(path)}", "quiet", "  ")
        case DuplicateAnswer():
            yield _fact("layers", f"{about.layers:,}")
            yield _fact("SHA-256", f"{about.digest}…")
        case PackageAnswer():
            yield _fact("type", text.safe_name(about.type))
        case GrowthAnswer() | RepositoryAnswer() | LineAnswer():
            yield _fact("in all", size(about.stored_bytes))


def _images(groups: Mapping[str, Sequence[int]], tables: FleetTables) -> Iterator[Paragraph]:
    """The images by group; a group without a name has only a count."""
    for name, images in groups.items():
        yield Paragraph("")
        count = text.count_of(len(images), "image")
        shown = text.short_digest(name)[-12:] if name.startswith("sha256:") else text.safe_name(name)  # fmt: skip
        yield Paragraph(f"{shown}  {count}" if name else count, "strong")
        for image in images:
            yield _image_line(image, tables)


def _image_line(image: int, tables: FleetTables) -> Paragraph:
    return Paragraph(tables.titles[image], "directory", "  ", image=image)


def _image(number: int, tables: FleetTables) -> Iterator[Paragraph]:
    """The figures of an image, and its layers with the number of images that have each."""
    results, size = tables.fleet.results, tables.size
    (row,) = results.of_image(ImageRow, number)
    yield Paragraph(tables.titles[number], "strong", image=number)
    yield Paragraph(text.safe_name(row.reference), "quiet")
    created = tables.created[number] or "unknown"
    yield _fact("made", f"{created}  {text.safe_name(row.platform or '')}")
    stored, wasted = row.stored_bytes or 0, row.wasted_bytes or 0
    yield _fact("stored", size(stored))
    yield _fact("wasted", f"{size(wasted)} ({text.percent(wasted, stored)})")
    if row.avoidable_bytes is not None:
        yield _fact("avoidable", f"{size(row.avoidable_bytes)} ({text.percent(row.avoidable_bytes, stored)})")  # fmt: skip
    share = tables.fleet.answers.shares[number]
    yield _fact("shared", f"{size(share.shared_bytes)} in layers that other images have")
    yield _fact("unique", f"{size(share.unique_bytes)} reclaimable by removal")
    if row.base_layers:
        name = f"{text.safe_name(row.base_name)}, " if row.base_name else ""
        yield _fact("base image", f"{name}{text.count_of(row.base_layers, 'layer')}")
    if row.secrets:
        yield Paragraph(text.count_of(row.secrets, "secret"), "removed")
    if row.error:
        yield Paragraph(text.safe_name(row.error), "removed")
    yield Paragraph("")
    yield Paragraph("Layers, and how many images have each", "strong")
    counts = {layer.digest: layer.images for layer in tables.fleet.answers.layers}
    lines = {step.step: step.line for step in results.of_image(StepRow, number)}
    for layer in results.of_image(LayerRow, number):
        images = counts.get(layer.key, 1)
        style = "" if images > 1 else "waste"
        line = text.safe_name(lines.get(layer.step, ""))
        figures = f"{size(layer.stored_bytes):>{_SIZE}} × {images:<4,} "
        yield Paragraph(f"{figures}{line}", style, hang=" " * len(figures))


def _failure(image: int, failure: Failure, tables: FleetTables) -> Iterator[Paragraph]:
    """Why an image could not be read."""
    yield Paragraph(tables.titles[image], "strong", image=image)
    yield Paragraph("")
    yield Paragraph(text.safe_name(failure.message), "removed")
    if failure.hint:
        yield Paragraph("")
        yield Paragraph(text.safe_name(failure.hint))
    figures = "It has no figures." if tables.stored[image] is None else "Its figures cover only what could be read."  # fmt: skip
    yield Paragraph("")
    yield Paragraph(figures, "quiet")
