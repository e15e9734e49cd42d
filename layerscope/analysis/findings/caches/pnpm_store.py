"""Packages that pnpm and Bun keep."""

from layerscope.analysis.findings.known_paths import mounted, path_rule

RULE = path_rule(
    "pnpm-store",
    title="Store of pnpm or Bun left in",
    why="Downloaded packages are kept for the next installation; what is linked into node_modules is not counted here.",
    patterns=(
        "**/.local/share/pnpm/store",
        "**/.pnpm-store",
        "**/.cache/pnpm",
        "**/.bun/install/cache",
    ),
    fix=mounted,
)
