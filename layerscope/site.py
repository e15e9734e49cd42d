"""The documentation's address on the web: an installed layerscope has no `docs/`."""

from __future__ import annotations

SITE = "https://layerscope.readthedocs.io/en/latest/"
"""That of `site_url` in mkdocs.yml and of `project.urls` in pyproject.toml."""


def page_address(name: str) -> str:
    """The address of `docs/NAME.md`."""
    return f"{SITE}{name}/"
