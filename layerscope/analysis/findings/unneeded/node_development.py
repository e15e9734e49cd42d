"""Packages of npm that are for development alone."""

from layerscope.analysis.findings.finding import Confidence
from layerscope.analysis.findings.fixes import run_and
from layerscope.analysis.findings.known_paths import Place, not_copied, path_rule, with_option

_PACKAGES = (
    *("typescript", "ts-node", "tsx", "eslint", "prettier", "stylelint"),
    *("@types", "@typescript-eslint", "jest", "@jest", "mocha", "chai", "nyc", "vitest", "karma"),
    *("cypress", "@playwright", "webpack", "webpack-cli", "webpack-dev-server", "rollup", "vite"),
    *("esbuild", "parcel", "@babel/core", "@babel/preset-env", "core-js-compat"),
    *("nodemon", "husky", "lint-staged"),
)
"""Packages that are devDependencies nearly always."""


def _omitted(place: Place) -> str:
    """Install without them; where node_modules was copied, leave it out of the context."""
    if not_copied(place):
        return (
            "# .dockerignore: node_modules, then install in the image without what is for development\n"
            f"{not_copied(place)}\nRUN npm ci --omit=dev"
        )
    return with_option("npm ci|npm install|npm i", "--omit=dev", _pruned)(place)


def _pruned(place: Place) -> str:
    return run_and(place.step, "npm prune --omit=dev")


RULE = path_rule(
    "node-development",
    title="Packages for development in node_modules",
    why="Compilers, linters, bundlers and test runners are needed while an application is built, not while it runs.",
    patterns=tuple(f"**/node_modules/{name}" for name in _PACKAGES),
    fix=_omitted,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
