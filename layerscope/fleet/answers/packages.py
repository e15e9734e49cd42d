"""Packages over all images."""

from __future__ import annotations

from msgspec import Struct, field

from layerscope.fleet.answers.model import PackageAnswer, PackageVersion
from layerscope.fleet.results import Results
from layerscope.fleet.tables import PackageRow


class _Version(Struct):
    images: int = 0
    bytes: int = 0
    last_image: int = -1
    largest: dict[str, int] = field(default_factory=dict)
    """The largest figure of any image, by layer."""


class _Package(Struct):
    images: int = 0
    last_image: int = -1
    versions: dict[str, _Version] = field(default_factory=dict)


def packages(results: Results) -> list[PackageAnswer]:
    """All packages, those with most bytes in all images first."""
    by_name: dict[tuple[str, str], _Package] = {}
    for row in results.rows(PackageRow):
        package = by_name.setdefault((row.type, row.name), _Package())
        version = package.versions.setdefault(row.version, _Version())
        version.bytes += row.bytes
        version.largest[row.key] = max(version.largest.get(row.key, 0), row.bytes)
        for counted in (package, version):
            if counted.last_image != row.image:
                counted.images += 1
                counted.last_image = row.image
    answers = [
        PackageAnswer(
            type=kind,
            name=name,
            images=package.images,
            bytes=sum(version.bytes for version in package.versions.values()),
            once_bytes=sum(sum(each.largest.values()) for each in package.versions.values()),
            versions=sorted(
                (
                    PackageVersion(version, each.images, each.bytes)
                    for version, each in package.versions.items()
                ),
                key=lambda version: (-version.images, -version.bytes, version.version),
            ),
        )
        for (kind, name), package in by_name.items()
    ]
    return sorted(answers, key=lambda one: (-one.bytes, one.type, one.name))
