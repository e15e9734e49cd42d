"""The largest installed packages, and where the files of no package are, in the text report."""

from __future__ import annotations

from layerscope.analysis.packages.usage import PackageUsage, package_usage
from layerscope.opening.opened import Opened
from layerscope.report.console import Console, padded, widest
from layerscope.report.options import ReportOptions
from layerscope.report.rows import safe_path
from layerscope.text import cells, clip, clip_start, count_of, percent, safe_name, size

PACKAGES = 10
DIRECTORIES = 5
"""Maximum rows."""
_NAME = 40
"""Columns that names and versions are clipped to."""


def write_packages(console: Console, opened: Opened, options: ReportOptions) -> None:
    """Write the largest packages, with the layers that added them, and the directories of files of no package."""
    packages = () if opened.findings is None else opened.findings.packages
    if not packages:
        return
    binary = options.binary_sizes
    usage = package_usage(opened.filesystem, packages)
    total = size(usage.owned, binary=binary)
    share = percent(usage.owned, usage.live)
    console.heading(
        "Packages",
        f"  {total} in {count_of(len(packages), 'package')}, {share} of the final image",
    )
    console.line()
    shown = packages[:PACKAGES]
    sizes = [size(package.bytes, binary=binary) for package in shown]
    names = [clip(safe_name(package.name), _NAME) for package in shown]
    abouts = [f"{package.kind}, layer {package.layer}" for package in shown]
    width, name_width, about_width = (
        max(map(len, sizes)),
        max(map(cells, names)),
        max(map(len, abouts)),
    )
    room = max(console.width - width - name_width - about_width - 8, 8)
    versions = [clip(safe_name(package.version), room) for package in shown]
    room = min(room, max(map(cells, versions)))
    for amount, name, version, about in zip(sizes, names, versions, abouts, strict=True):
        console.line(
            f"  {amount:>{width}}  {padded(name, name_width)}  ",
            (padded(version, room), "dim"),
            (f"  {about}", "dim"),
        )
    if len(packages) > PACKAGES:
        rest = size(sum(package.bytes for package in packages[PACKAGES:]), binary=binary)
        more = count_of(len(packages) - PACKAGES, "more package", "more packages")
        console.line("  ", (f"… and {more}, {rest}", "dim"))
    if usage.unowned_files:
        _write_unowned(console, opened, usage, binary)


def _write_unowned(console: Console, opened: Opened, usage: PackageUsage, binary: bool) -> None:
    """The directories with most of the files that belong to no package."""
    total = size(usage.unowned, binary=binary)
    console.heading("In no package", f"  {total} in {count_of(usage.unowned_files, 'file')}")
    console.line()
    shown = usage.directories[:DIRECTORIES]
    sizes = [size(group.bytes, binary=binary) for group in shown]
    counts = [count_of(len(group.files), "file") for group in shown]
    width, count_width = widest(sizes), widest(counts)
    room = console.width - width - count_width - 6
    names = [clip_start(safe_path(opened, group.path), room) for group in shown]
    room = min(room, widest(names))
    for amount, name, count in zip(sizes, names, counts, strict=True):
        console.line(f"  {amount:>{width}}  {padded(name, room)}  ", (count, "dim"))
    left_out = usage.directories[DIRECTORIES:]
    if left_out:
        rest = size(sum(group.bytes for group in left_out), binary=binary)
        more = count_of(len(left_out), "more directory", "more directories")
        console.line("  ", (f"… and {more}, {rest}", "dim"))
