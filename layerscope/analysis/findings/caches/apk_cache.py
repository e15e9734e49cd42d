"""Indexes and packages that apk keeps."""

from layerscope.analysis.findings.known_paths import cleaned, path_rule, with_option

RULE = path_rule(
    "apk-cache",
    title="Cache of apk left in",
    why="apk keeps indexes and packages for the next call, which an image never makes.",
    patterns=("/var/cache/apk/*", "/etc/apk/cache/*"),
    fix=with_option("apk add", "--no-cache", cleaned("rm -rf /var/cache/apk/*")),
)
