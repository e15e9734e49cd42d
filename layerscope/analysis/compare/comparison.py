"""All differences between two images."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from layerscope.analysis.compare.config import ConfigDifference, compare_config
from layerscope.analysis.compare.directories import DirectoryChange, group_by_directory
from layerscope.analysis.compare.files import FileChanges, compare_files
from layerscope.analysis.compare.findings import FindingChanges, compare_findings
from layerscope.analysis.compare.layers import LayerComparison, compare_layers, diff_ids
from layerscope.analysis.compare.packages import PackageChange, compare_packages
from layerscope.analysis.compare.risks import (
    NewPrivilege,
    NewSecret,
    new_privileges,
    new_secrets,
)
from layerscope.analysis.compare.side import Side
from layerscope.analysis.compare.steps import StepChange, StepPair, compare_steps
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import NullProgress, Progress


class Comparison(Struct, frozen=True):
    """Two images, compared."""

    layers: LayerComparison
    steps: Sequence[StepPair]
    """All steps of both images, equal ones included."""
    files: FileChanges
    directories: Sequence[DirectoryChange]
    packages: Sequence[PackageChange] | None
    """None unless packages were searched in both images."""
    config: Sequence[ConfigDifference]
    findings: FindingChanges | None
    """None unless rules were applied to both images; so are the secrets."""
    secrets: Sequence[NewSecret] | None
    privileges: Sequence[NewPrivilege]
    mtime: bool
    """Whether times count."""
    only: Sequence[str]
    """The paths that were compared; empty for all."""

    @property
    def differ(self) -> bool:
        """Whether the images differ in files, config, instructions or stored bytes, or only in the compared paths. Different
        layer digests count only if times do.
        """
        if self.only:
            return len(self.files) > 0
        alike = {StepChange.SAME} if self.mtime else {StepChange.SAME, StepChange.REBUILT}
        return (
            len(self.files) > 0
            or bool(self.config)
            or any(pair.change not in alike for pair in self.steps)
        )


def compare(
    old: Side,
    new: Side,
    progress: Progress | None = None,
    *,
    mtime: bool = False,
    only: Sequence[str] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Comparison:
    """Compare two images; see `compare_files` for the options. Raises `CancelledError`."""
    files = compare_files(
        old, new, progress or NullProgress(), mtime=mtime, only=only, limits=limits
    )
    comparison = Comparison(
        layers=compare_layers(diff_ids(old), diff_ids(new)),
        steps=compare_steps(old, new),
        files=files,
        directories=group_by_directory(files),
        packages=None,
        config=compare_config(old.image, new.image),
        findings=None,
        secrets=None,
        privileges=new_privileges(old, new, files),
        mtime=mtime,
        only=tuple(only),
    )
    return with_findings(comparison, old, new)


def with_findings(comparison: Comparison, old: Side, new: Side) -> Comparison:
    """The comparison with findings, secrets and packages, if they were searched in both images."""
    if old.findings is None or new.findings is None:
        return comparison
    return replace(
        comparison,
        packages=compare_packages(old.findings.packages, new.findings.packages),
        findings=compare_findings(old, new, comparison.steps),
        secrets=new_secrets(old, new),
    )
