"""Metadata and packages that dnf, yum, microdnf and tdnf keep."""

from layerscope.analysis.findings.fixes import run_and
from layerscope.analysis.findings.known_paths import Place, not_copied, path_rule


def _clean(place: Place) -> str:
    """Clean with the tool that the step itself calls."""
    words = place.step.arguments.split()
    tool = next(
        (word for word in ("microdnf", "tdnf", "dnf5", "dnf", "yum") if word in words), "dnf"
    )
    return not_copied(place) or run_and(place.step, f"{tool} clean all")


RULE = path_rule(
    "dnf-cache",
    title="Cache of dnf or yum left in",
    why="Metadata of repositories and downloaded packages are kept for the next call, which an image never makes.",
    patterns=("/var/cache/dnf/*", "/var/cache/yum/*", "/var/cache/libdnf5/*", "/var/cache/tdnf/*"),
    fix=_clean,
)
