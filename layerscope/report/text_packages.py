"""The largest installed packages, in the text report."""

from __future__ import annotations

from layerscope.opening.opened import Opened
from layerscope.report.console import Console, padded
from layerscope.report.options import ReportOptions
from layerscope.text import cells, clip, count_of, safe_name, size

PACKAGES = 10
"""Most packages that are shown."""
_NAME = 40
"""Columns that names and versions are clipped to."""


def write_packages(console: Console, opened: Opened, options: ReportOptions) -> None:
    """Write the largest packages, with the layers that added them."""
    packages = () if opened.findings is None else opened.findings.packages
    if not packages:
        return
    binary = options.binary_sizes
    total = size(sum(package.bytes for package in packages), binary=binary)
    console.heading("Packages", f"  {total} in {count_of(len(packages), 'package')}")
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
    for bytes_, name, version, about in zip(sizes, names, versions, abouts, strict=True):
        console.line(
            f"  {bytes_:>{width}}  {padded(name, name_width)}  ",
            (padded(version, room), "dim"),
            (f"  {about}", "dim"),
        )
    if len(packages) > PACKAGES:
        rest = size(sum(package.bytes for package in packages[PACKAGES:]), binary=binary)
        more = count_of(len(packages) - PACKAGES, "more package", "more packages")
        console.line("  ", (f"… and {more}, {rest}", "dim"))
