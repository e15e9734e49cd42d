"""The documentation as a site, for mkdocs: pages and pictures that lie outside docs/, and a page for each rule.

mkdocs reads one directory. Links are written for a checkout and for GitHub, where `../screenshots/map.svg` leads somewhere;
here they become links from page to page, or to the source. `make docs` builds the site.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "SECURITY.md",
    "bench/README.md",
    "layerscope/schemas/*.json",
    "screenshots/*.svg",
)
"""What the site shows besides docs/; what is in the package is not below `layerscope/` there."""
SOURCE = "https://github.com/layerscope/layerscope/blob/main/"
"""Where files are that the site does not show."""
PLAYER = """```asciinema-player
{"file": "first-minute.cast", "mkap_theme": "none", "cols": 120, "rows": 32, "preload": true}
```"""
_LINK = re.compile(r"\]\((?!#|[a-z]+:)([^)#\s]+)")


def on_config(config: MkDocsConfig) -> None:
    """Replace the directory of rules by a page for each rule."""
    rules = sorted(path.name for path in (ROOT / "docs" / "rules").glob("*.md"))
    pages: list[Any] = (
        ["findings.md#all-rules"] if not rules else [f"rules/{name}" for name in rules]
    )
    config.nav = [
        {"Rules": pages} if part == {"Rules": "rules"} else part for part in config.nav or ()
    ]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add files outside docs/."""
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            name = _on_site(path.relative_to(ROOT).as_posix())
            files.append(File.generated(config, name, abs_src_path=str(path)))


def _on_site(name: str) -> str:
    """The site's path of a file of the checkout."""
    return name.removeprefix("layerscope/")


@event_priority(100)  # before the plug-in that makes a player of the fence
def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links of the checkout into links of the site, and the place of the cast into a player."""
    page_path = PurePosixPath(page.file.src_uri)
    place = "docs" / page_path if (ROOT / "docs" / page_path).exists() else page_path

    def moved(link: re.Match[str]) -> str:
        target = PurePosixPath(os.path.normpath(place.parent / link[1]))
        if target.is_relative_to("docs"):
            target = target.relative_to("docs")
        elif not any(target.match(pattern) for pattern in OUTSIDE):
            return f"]({SOURCE}{target}"
        return f"]({os.path.relpath(_on_site(str(target)), page_path.parent)}"

    return _LINK.sub(moved, markdown).replace("<!-- cast -->", PLAYER)
