"""All package managers, and all packages of an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.packages.apk import Apk
from layerscope.analysis.packages.count import Counter
from layerscope.analysis.packages.dpkg import Dpkg
from layerscope.analysis.packages.model import Books, Installed
from layerscope.analysis.packages.npm import Npm
from layerscope.analysis.packages.python import Python
from layerscope.analysis.packages.rpm import Rpm
from layerscope.analysis.scan_files import look_into
from layerscope.image.warnings import ImageWarning

_TOLD = 5
"""Books that a warning names."""

MANAGERS: tuple[Callable[[Evidence], Books], ...] = (Dpkg, Rpm, Apk, Python, Npm)


def open_books(evidence: Evidence) -> list[Books]:
    """The books of all managers, still to be read."""
    return [manager(evidence) for manager in MANAGERS]


def count_packages(evidence: Evidence, books: list[Books]) -> Installed:
    """All packages, once the books are read."""
    packages = Counter(evidence).count(books)
    return Installed(packages, tuple(_complaints(evidence, books)))


def find_packages(evidence: Evidence) -> Installed:
    """All packages of an image. Reads the books of package managers; damaged ones list what can be read, and draw a warning."""
    books = open_books(evidence)
    look_into(evidence.filesystem, evidence.contents, books, evidence.progress)
    return count_packages(evidence, books)


def _complaints(evidence: Evidence, books: list[Books]) -> Iterator[ImageWarning]:
    """One warning a layer."""
    said: dict[int, list[str]] = {}
    for manager in books:
        for path, why in sorted(manager.complaints.items()):
            layer = evidence.filesystem.inodes.layer(int(evidence.live_inodes[path]))
            said.setdefault(layer, []).append(f"{evidence.name(path)}: {why}")
    for layer, words in sorted(said.items()):
        shown = "; ".join(words[:_TOLD])
        more = f"; and {len(words) - _TOLD:,} more" if len(words) > _TOLD else ""
        yield ImageWarning(
            "packages-unreadable", layer, f"packages are missing from the list: {shown}{more}"
        )
