"""Manual pages and documentation."""

import numpy as np

from layerscope.analysis.findings.build_tools import installation_of
from layerscope.analysis.findings.deleting import deletion
from layerscope.analysis.findings.edits import Fix
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


_INSTALLING = ("install", "groupinstall", "reinstall", "update", "upgrade")


def _excluded(place: Place) -> Fix:
    """Configure the package manager not to unpack them; in other steps, delete them."""
    copied = not_copied(place)
    if copied:
        return copied
    installation = installation_of(place.evidence, place.step)
    if installation is not None and installation.manager in ("apt-get", "apt"):
        return Fix(f"{_EXCLUDE}\n{instruction_text(place.evidence, place.step)}")
    return with_option("(?:micro)?dnf|yum", _INSTALLING, "--setopt=tsflags=nodocs", _deleted)(place)


def _deleted(place: Place) -> Fix:
    """Delete them, except files that licenses require; if earlier layers have others, delete those of the step by name."""
    if place.has_lower_files(_LICENSES):
        files = place.created_paths(tops=False)
        return place.deletion_fix(deletion(place.evidence, place.group.layer, files, (), "f"))
    patterns = [pattern for pattern in _PATTERNS if _has_match(place, pattern)]
    words = " ".join(pattern.removesuffix("/*") for pattern in patterns)
    names = "! -name copyright ! -name 'LICENSE*' ! -name 'COPYING*'"
    return run_and(place.evidence, place.step, f"find {words} -type f {names} -delete")


def _has_match(place: Place, pattern: str) -> bool:
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
_LICENSES = ("/usr/share/doc/*/copyright", "/usr/share/doc/*/LICENSE*", "/usr/share/doc/*/COPYING*")

RULE = path_rule(
    "documentation",
    title="Manual pages and documentation",
    why="Nobody reads manuals in a container. Copyright files, which licenses require, are not counted.",
    wrong="If a program shows its documentation from here, accept the path. Licenses are not reported.",
    patterns=_PATTERNS,
    configured=True,
    fix=_excluded,
    spare=_LICENSES,
    severity=Severity.NOTE,
    min_bytes=1_000_000,
)
