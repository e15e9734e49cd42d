"""Manual pages and documentation."""

import numpy as np

from layerscope.analysis.findings.fixes import instruction_text, run_and
from layerscope.analysis.findings.known_paths import (
    Place,
    not_copied,
    path_rule,
    with_option,
)
from layerscope.words import Severity

_EXCLUDE = """# first, in the stage's first RUN: dpkg then never unpacks them
RUN printf 'path-exclude=/usr/share/%s/*\\n' man doc info > /etc/dpkg/dpkg.cfg.d/docs \\
    && echo 'path-include=/usr/share/doc/*/copyright' >> /etc/dpkg/dpkg.cfg.d/docs"""


def _excluded(place: Place) -> str:
    """Configure the package manager not to unpack them; in other steps, delete them."""
    if not_copied(place):
        return not_copied(place)
    words = place.step.arguments.split()
    if "apt-get" in words or "apt" in words:
        return f"{_EXCLUDE}\n{instruction_text(place.step)}"
    if "dnf" in words or "microdnf" in words or "yum" in words:
        return with_option("(?:micro)?dnf|yum", "--setopt=tsflags=nodocs", _deleted)(place)
    return _deleted(place)


def _deleted(place: Place) -> str:
    """Delete them, except files that licenses require."""
    found = [pattern for pattern in _PATTERNS if _holds(place, pattern)]
    words = " ".join(pattern.removesuffix("/*") for pattern in found)
    names = "! -name copyright ! -name 'LICENSE*' ! -name 'COPYING*'"
    return run_and(place.step, f"find {words} -type f {names} -delete")


def _holds(place: Place, pattern: str) -> bool:
    return bool(np.isin(place.topmost_paths(), place.evidence.selector.matches(pattern)).any())


_PATTERNS = (
    "/usr/share/man/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/gtk-doc/*",
    "/usr/share/help/*",
    "/usr/local/share/man/*",
    "/usr/local/share/doc/*",
    "/opt/conda/share/doc/*",
    "/opt/conda/share/man/*",
)

RULE = path_rule(
    "documentation",
    title="Manual pages and documentation",
    why="Nobody reads manuals in a container. Copyright files, which licenses require, are not counted.",
    wrong="A program that shows its documentation from here breaks: accept the path. Licenses are left out.",
    patterns=_PATTERNS,
    configured=True,
    fix=_excluded,
    spare=("/usr/share/doc/*/copyright", "/usr/share/doc/*/LICENSE*", "/usr/share/doc/*/COPYING*"),
    severity=Severity.NOTE,
    min_bytes=1_000_000,
)
