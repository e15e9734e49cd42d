"""All package managers, and all packages of an image."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.packages.apk import Apk
from layerscope.analysis.packages.count import Counter
from layerscope.analysis.packages.dpkg import Dpkg
from layerscope.analysis.packages.model import Installed, Listing, PackageDatabase
from layerscope.analysis.packages.npm import Npm
from layerscope.analysis.packages.python import Python
from layerscope.analysis.packages.rpm import Rpm
from layerscope.analysis.packages.ruby import Ruby
from layerscope.analysis.scan_files import scan_files
from layerscope.image.warnings import ImageWarning

_NAMED = 5
"""How many databases a warning names."""

MANAGERS = (Dpkg, Rpm, Apk, Python, Npm, Ruby)
PATTERNS = tuple(pattern for manager in MANAGERS for pattern in manager.patterns)
"""What matches the files of all databases."""


def open_databases(evidence: Evidence) -> list[PackageDatabase]:
    """The databases of all package managers, not read yet."""
    return [manager(evidence) for manager in MANAGERS]


def count_packages(evidence: Evidence, databases: list[PackageDatabase]) -> Installed:
    """All packages of databases that have been read, and those that only SBOMs beside the image list."""
    listings: list[Listing] = [*databases]
    if sboms := evidence.image.beside.sboms:
        from layerscope.analysis.packages.sboms import sbom_packages  # few images have them

        listings += sbom_packages(sboms)
    packages = Counter(evidence).count(listings)
    return Installed(packages, tuple(_warnings(evidence, databases)))


def find_packages(evidence: Evidence) -> Installed:
    """All packages of an image. A damaged database lists what can be read, with a warning."""
    databases = open_databases(evidence)
    scan_files(evidence.filesystem, evidence.contents, databases, evidence.progress)
    return count_packages(evidence, databases)


def _warnings(evidence: Evidence, databases: list[PackageDatabase]) -> Iterator[ImageWarning]:
    """One warning for each layer with unreadable databases."""
    problems: dict[int, list[str]] = {}
    for manager in databases:
        for path, why in sorted(manager.problems.items()):
            layer = evidence.filesystem.inodes.layer(int(evidence.live_inodes[path]))
            problems.setdefault(layer, []).append(f"{evidence.name(path)}: {why}")
    for layer, words in sorted(problems.items()):
        shown = "; ".join(words[:_NAMED])
        more = f"; and {len(words) - _NAMED:,} more" if len(words) > _NAMED else ""
        yield ImageWarning(
            "packages-unreadable", layer, f"packages are missing from the list: {shown}{more}"
        )
