"""Gems that were downloaded and unpacked."""

from layerscope.analysis.findings.known_paths import cleaned, path_rule

RULE = path_rule(
    "gem-cache",
    title="Downloaded gems left in",
    why="RubyGems keeps the .gem file of each gem that it has installed; only reinstalling needs it.",
    patterns=(
        "**/ruby/gems/*/cache/*.gem",
        "/var/lib/gems/*/cache/*.gem",
        "/usr/local/bundle/cache/*.gem",
        "**/vendor/bundle/ruby/*/cache/*.gem",
        "**/.bundle/cache",
    ),
    fix=cleaned('rm -rf "$(gem env gemdir)"/cache/*.gem'),
)
