"""Old states of the package databases that dpkg and debconf keep."""

from layerscope.analysis.findings.known_paths import cleaned, path_rule

RULE = path_rule(
    "debian-backups",
    title="Backups of package databases left in",
    why="dpkg and debconf keep a copy of their databases as they were before the last change; nobody goes back in an image.",
    patterns=("/var/cache/debconf/*-old", "/var/lib/dpkg/*-old"),
    fix=cleaned("rm -f /var/cache/debconf/*-old /var/lib/dpkg/*-old"),
)
