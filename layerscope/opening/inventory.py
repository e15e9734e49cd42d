"""Takes the inventory of an opened image, or reads it from the cache."""

from __future__ import annotations

import hashlib

from msgspec.structs import replace

from layerscope.analysis.cache import ImageCache
from layerscope.analysis.findings.finding import Findings
from layerscope.analysis.findings.layer_scans import LayerScans
from layerscope.analysis.packages.inventory import take_inventory
from layerscope.analysis.packages.model import Installed
from layerscope.opening.opened import Opened
from layerscope.opening.run_rules import evidence_of
from layerscope.progress import Progress


def with_inventory(
    opened: Opened,
    findings: Findings,
    progress: Progress,
    cache: ImageCache,
    scans: LayerScans | None,
) -> Opened:
    """The image with all its packages; `scans` holds what was found while the layers were read.

    Raises `CancelledError`, `LimitExceededError`, and `LayerscopeError` if a temporary file cannot be written.
    """
    words = ["sboms", *(hashlib.sha256(sbom).hexdigest() for sbom in opened.image.beside.sboms)]
    inventory = cache.inventory(words, opened.filesystem)
    if inventory is None:
        scans = scans or LayerScans(opened.filesystem.layer_count)
        scans.read(cache, opened.filesystem)
        installed = Installed(findings.packages, findings.warnings)
        evidence = evidence_of(opened, opened.image, 0, progress)
        inventory = take_inventory(evidence, installed, scans.kept(opened.filesystem))
        cache.keep_inventory(inventory, words, opened.filesystem)
    warnings = [*opened.warnings, *inventory.warnings]
    return replace(opened, inventory=inventory, warnings=warnings)
