"""The fix of building in a stage of its own, and of taking packages out again."""

from __future__ import annotations

import re

from layerscope.analysis.findings.fixes import instruction_text, is_open_run, run_and
from layerscope.analysis.findings.known_paths import Place, not_copied

_INSTALL = re.compile(
    r"\b(apt-get|apt|apk|dnf|microdnf|yum|zypper)\s+(?:-\S+\s+)*(?:install|add)\s+([^;&|]*)"
)
_REMOVE = {
    "apt-get": "apt-get purge -y --auto-remove {}",
    "apt": "apt-get purge -y --auto-remove {}",
    "apk": "apk del {}",
    "dnf": "dnf remove -y {}",
    "microdnf": "microdnf remove -y {}",
    "yum": "yum remove -y {}",
    "zypper": "zypper remove -y --clean-deps {}",
}
_BUILDS = re.compile(
    r"(?:build-essential|build-base|gcc|g\+\+|gcc-c\+\+|clang|cpp|make|cmake|autoconf|automake|libtool|binutils|dpkg-dev"
    r"|pkg-config|linux-headers|musl-dev|rustc|cargo|golang|golang-go|.*-dev|.*-devel|.*-headers)(?:=.*|-\d+)?"
)
"""Packages that are for building alone."""


def built_apart(place: Place) -> str:
    """Take the packages for building out again where the step itself installs them; else a stage of its own."""
    copied = not_copied(place)
    if copied:
        return copied
    found = _INSTALL.search(place.step.arguments)
    if found is not None and is_open_run(place.step):
        names = [word for word in found[2].split() if _BUILDS.fullmatch(word)]
        if names:
            command = _REMOVE[found[1]].format(" ".join(names))
            told = "# build what needs them in the same RUN, or in a stage of its own, then take them out"
            return f"{told}\n{run_and(place.step, command)}"
    quoted = instruction_text(place.step)
    return (
        "# build in a stage of its own, and copy only what was built\n"
        f"FROM … AS build\n{quoted}\n\nFROM …\nCOPY --from=build … …"
    )
