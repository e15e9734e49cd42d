"""What only reading files tells: secrets, packages and what rules read, in one pass over the layers, and never again if it was cached."""

from __future__ import annotations

from layerscope.analysis.cache import ImageCache
from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.secrets.scan import SecretScan, find_secrets
from layerscope.analysis.packages.managers import count_packages, find_packages, open_books
from layerscope.analysis.packages.notes import Notes, read_notes
from layerscope.analysis.scan_files import Looker, look_into


def survey(evidence: Evidence, cache: ImageCache | None = None) -> None:
    """Let `evidence.once` know the answers of `find_secrets` and `find_packages`. Raises `CancelledError`."""
    secrets = None if cache is None else cache.secrets()
    packages = None if cache is None else cache.packages()
    if secrets is None or packages is None:
        scan, books, notes = SecretScan(evidence), open_books(evidence), Notes(evidence)
        evidence.progress.stage("Looking into files")
        lookers: list[Looker] = [scan, *books, notes]
        look_into(evidence.filesystem, evidence.contents, lookers, evidence.progress)
        evidence.known[read_notes] = notes
        secrets, packages = scan.found, count_packages(evidence, books)
        if cache is not None:
            cache.keep_secrets(secrets, evidence.filesystem)
            cache.keep_packages(packages, evidence.filesystem)
    evidence.known[find_secrets] = secrets
    evidence.known[find_packages] = packages
