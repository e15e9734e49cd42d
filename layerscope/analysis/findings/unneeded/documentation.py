"""Manual pages and documentation."""

from layerscope.analysis.findings.finding import Severity
from layerscope.analysis.findings.fixes import instruction_text
from layerscope.analysis.findings.known_paths import (
    Place,
    not_copied,
    path_rule,
    removed,
    with_option,
)

_EXCLUDE = """# first, in the stage's first RUN: dpkg then never unpacks them
RUN printf 'path-exclude=/usr/share/%s/*\\n' man doc info > /etc/dpkg/dpkg.cfg.d/docs \\
    && echo 'path-include=/usr/share/doc/*/copyright' >> /etc/dpkg/dpkg.cfg.d/docs"""


def _excluded(place: Place) -> str:
    """Tell the package manager not to unpack them; for other steps, delete them."""
    if not_copied(place):
        return not_copied(place)
    words = place.step.arguments.split()
    if "apt-get" in words or "apt" in words:
        return f"{_EXCLUDE}\n{instruction_text(place.step)}"
    if "dnf" in words or "microdnf" in words or "yum" in words:
        return with_option("(?:micro)?dnf|yum", "--setopt=tsflags=nodocs", removed)(place)
    return removed(place)


RULE = path_rule(
    "documentation",
    title="Manual pages and documentation",
    why="Nobody reads manuals inside a container; the files on copyright, which licences ask for, are not counted here.",
    patterns=(
        "/usr/share/man/*",
        "/usr/share/doc/*",
        "/usr/share/info/*",
        "/usr/share/gtk-doc/*",
        "/usr/share/help/*",
        "/usr/local/share/man/*",
        "/usr/local/share/doc/*",
        "/opt/conda/share/doc/*",
        "/opt/conda/share/man/*",
    ),
    fix=_excluded,
    spare=("/usr/share/doc/*/copyright", "/usr/share/doc/*/LICENSE*", "/usr/share/doc/*/COPYING*"),
    severity=Severity.NOTE,
    min_bytes=1_000_000,
)
