"""Package lists that `apt-get update` leaves behind."""

from layerscope.analysis.findings.known_paths import cleaned, path_rule

RULE = path_rule(
    "apt-lists",
    title="Package lists of apt left in",
    why="`apt-get update` downloads the lists of all packages; they are old when the image runs, and installing needs new ones.",
    patterns=("/var/lib/apt/lists/*",),
    fix=cleaned("rm -rf /var/lib/apt/lists/*"),
)
