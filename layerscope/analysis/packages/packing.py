"""Packages as plain values, for the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from layerscope.analysis.packages.model import Installed, Package
from layerscope.image.warnings import ImageWarning


def installed_values(installed: Installed) -> dict[str, Any]:
    """Names and figures of packages, a list each, and the warnings."""
    return {
        "packages": [list(astuple(package)) for package in installed.packages],
        "warnings": [list(astuple(warning)) for warning in installed.warnings],
    }


def installed_of(values: Mapping[str, Any]) -> Installed:
    """What `installed_values` was given. Raises KeyError, TypeError or ValueError for what it did not make."""
    packages = tuple(
        Package(str(kind), str(name), str(version), int(size), int(files), int(layer))
        for kind, name, version, size, files, layer in values["packages"]
    )
    warnings = tuple(
        ImageWarning(str(code), int(layer), str(message))
        for code, layer, message in values["warnings"]
    )
    return Installed(packages, warnings)
