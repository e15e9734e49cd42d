"""Packages in the HTML report, and the directories of files that belong to none."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from layerscope.analysis.packages.usage import package_usage
from layerscope.opening.opened import Opened
from layerscope.report.html_parts import MAX_BYTES, ROWS, Section, macros, rows_that_fit
from layerscope.report.options import ReportOptions
from layerscope.report.rows import layer_label, safe_path
from layerscope.text import count_of, percent, safe_name, size


def packages_section(opened: Opened, options: ReportOptions) -> Section | None:
    """All packages, largest first, and the directories of files in no package; None without packages."""
    packages = () if opened.findings is None else opened.findings.packages
    if not packages:
        return None
    usage, binary = package_usage(opened.filesystem, packages), options.binary_sizes

    def rows() -> Iterator[Markup]:
        for each in packages:
            yield macros(options).package_row(
                {
                    "bytes": each.bytes,
                    "name": safe_name(each.name),
                    "version": safe_name(each.version),
                    "kind": each.kind,
                    "files": each.files,
                    "layer": (each.layer, layer_label(opened, each.layer)),
                }
            )

    shown = rows_that_fit(rows(), ROWS, MAX_BYTES)
    directories = [
        macros(options).unowned_row(group.bytes, safe_path(opened, group.path), len(group.paths))
        for group in usage.directories[:ROWS]
    ]
    note = (
        f"{size(usage.owned, binary=binary)} in {count_of(len(packages), 'package')}: "
        f"{percent(usage.owned, usage.live)} of the final image"
    )
    unowned = f"{size(usage.unowned, binary=binary)} in {count_of(usage.unowned_files, 'file')} of no package"
    body = macros(options).packages(
        shown, len(packages) - len(shown), unowned, rows_that_fit(directories, ROWS, MAX_BYTES)
    )
    return Section("Packages", note, body)
