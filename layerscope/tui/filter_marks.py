"""Results of the analysis as masks for the filter language."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerscope.browse.package_files import PackageFiles
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.selector import Mask
from layerscope.tui.switched_off import looked_for_secrets

if TYPE_CHECKING:
    from layerscope.analysis.accounting import Accounting
    from layerscope.analysis.duplicates import Duplicates
    from layerscope.analysis.findings.finding import Findings


def wasted(filesystem: Filesystem, accounting: Accounting) -> Mask:
    """Versions whose content is not in the final image."""
    dead = np.zeros(len(filesystem.inodes.columns.stored), bool)
    dead[accounting.waste.inodes] = True
    return dead[filesystem.inode_of]


def duplicate(filesystem: Filesystem, duplicates: Duplicates) -> Mask:
    """Files of the final image with duplicates, under all their names."""
    paths = np.zeros(len(filesystem.table), bool)
    paths[duplicates.paths] = True
    live = filesystem.visible(filesystem.layer_count - 1)
    copies = np.zeros(len(filesystem.inodes.columns.stored), bool)
    copies[filesystem.inode_of[live & paths[filesystem.paths]]] = True
    return live & copies[filesystem.inode_of]


def secret(filesystem: Filesystem, findings: Findings) -> Mask | None:
    """Files named by findings about secrets; None if no rule looked for secrets."""
    if not looked_for_secrets(findings):
        return None
    named = np.zeros(len(filesystem.paths), bool)
    for finding in findings.found:
        if finding.secret and len(finding.inodes):
            named |= np.isin(filesystem.inode_of, finding.inodes) & np.isin(
                filesystem.paths, finding.paths
            )
    return named


def packages(findings: Findings) -> PackageFiles:
    """The files of installed packages."""
    return PackageFiles(
        [package.name for package in findings.packages],
        np.array([len(package.paths) for package in findings.packages], np.int64),
        np.concatenate([np.zeros(0, np.int32), *(each.paths for each in findings.packages)]),
    )
