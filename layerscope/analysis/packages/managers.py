"""All package managers, and all packages of an image."""

from __future__ import annotations

from collections.abc import Callable

from layerscope.analysis.findings.evidence import Evidence
from layerscope.analysis.looking import look_into
from layerscope.analysis.packages.apk import Apk
from layerscope.analysis.packages.count import Counter
from layerscope.analysis.packages.dpkg import Dpkg
from layerscope.analysis.packages.model import Books, Package
from layerscope.analysis.packages.npm import Npm
from layerscope.analysis.packages.python import Python
from layerscope.analysis.packages.rpm import Rpm

MANAGERS: tuple[Callable[[Evidence], Books], ...] = (Dpkg, Rpm, Apk, Python, Npm)


def open_books(evidence: Evidence) -> list[Books]:
    """The books of all managers, still to be read."""
    return [manager(evidence) for manager in MANAGERS]


def count_packages(evidence: Evidence, books: list[Books]) -> tuple[Package, ...]:
    """All packages, largest first, once the books are read."""
    return Counter(evidence).count(books)


def find_packages(evidence: Evidence) -> tuple[Package, ...]:
    """All packages of an image, largest first. Reads the books of package managers; damaged ones list nothing."""
    books = open_books(evidence)
    look_into(evidence.filesystem, evidence.contents, books, evidence.progress)
    return count_packages(evidence, books)
