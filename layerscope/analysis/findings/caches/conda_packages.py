"""Packages that conda and mamba keep."""

from layerscope.analysis.findings.known_paths import cleaned, path_rule

RULE = path_rule(
    "conda-packages",
    title="Packages of conda left in",
    why="conda keeps each package twice: packed and unpacked; what it linked into an environment is not counted here.",
    patterns=(
        "/opt/conda/pkgs",
        "**/miniconda3/pkgs",
        "**/anaconda3/pkgs",
        "**/miniforge3/pkgs",
        "**/mambaforge/pkgs",
        "**/micromamba/pkgs",
        "**/.conda/pkgs",
    ),
    fix=cleaned("conda clean --all --force-pkgs-dirs --yes"),
)
