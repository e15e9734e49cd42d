"""All package managers, and all packages of an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

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

_MAX_NAMED = 5
"""Maximum databases that a warning names."""

MANAGERS = (Dpkg, Rpm, Apk, Python, Npm, Ruby)
PATTERNS = tuple(pattern for manager in MANAGERS for pattern in manager.patterns)
"""Patterns of the files of all databases."""


def open_databases(evidence: Evidence) -> list[PackageDatabase]:
    """The databases of all package managers, not read yet."""
    return [manager(evidence) for manager in MANAGERS]


def count_packages(evidence: Evidence, databases: list[PackageDatabase]) -> Installed:
    """All packages of databases that have been read, and those that only SBOMs beside the image list."""
    packages = Counter(evidence).count([*databases, *sbom_listings(evidence)])
    problems = [database.problems for database in databases]
    return Installed(packages, tuple(unreadable_warnings(evidence, problems)))


def sbom_listings(evidence: Evidence) -> Sequence[Listing]:
    """The packages listed in SBOMs beside the image."""
    sboms = evidence.image.beside.sboms
    if not sboms:
        return ()
    from layerscope.analysis.packages.sboms import sbom_packages  # few images have them

    return sbom_packages(sboms)


def find_packages(evidence: Evidence) -> Installed:
    """All packages of an image. A damaged database lists what can be read, with a warning."""
    databases = open_databases(evidence)
    scan_files(evidence.filesystem, evidence.contents, databases, evidence.progress)
    return count_packages(evidence, databases)


def unreadable_warnings(
    evidence: Evidence, problems: Iterable[Mapping[int, str]]
) -> Iterator[ImageWarning]:
    """One warning for each layer with files that could not be read completely; `problems` are the reasons, by path."""
    of_layer: dict[int, list[str]] = {}
    for by_path in problems:
        for path, why in sorted(by_path.items()):
            layer = evidence.filesystem.inodes.layer(int(evidence.live_inodes[path]))
            of_layer.setdefault(layer, []).append(f"{evidence.name(path)}: {why}")
    for layer, messages in sorted(of_layer.items()):
        shown = "; ".join(messages[:_MAX_NAMED])
        more = f"; and {len(messages) - _MAX_NAMED:,} more" if len(messages) > _MAX_NAMED else ""
        yield ImageWarning(
            "packages-unreadable", layer, f"packages are missing from the list: {shown}{more}"
        )
