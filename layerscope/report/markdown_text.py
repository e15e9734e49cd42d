"""Escaping of names and texts from an image in Markdown, so that they are shown literally.

In a code span, GitHub and GitLab do not turn a name into a link, a mention or a reference.
"""

from __future__ import annotations

import re

from layerscope.text import safe_name

_MARKUP = re.compile(r"[!#$&*<>@\[\\\]^_`{|}~]|:(?=[\0/])|/(?=/)|(?<=\S)\.(?=[^\W\d_])")
"""ASCII punctuation with a meaning inside a line, which character references do not have. Colons, slashes and dots are
    included only where they form an address: GitHub and GitLab link http://name.com, other readers link name.com, too."""
_TRIGGER = re.compile(
    r"""
    [@\#!$%~&^](?=["\w])        # a mention, or a reference to an issue, a merge request, a milestone, a label
    | :(?=//|[\w+-]+:)          # an address, or an emoji
    | \b(?:www(?=\.)|GH(?=-))   # an address, or an issue
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NOTHING = "<!-- -->"
"""Breaks a mail address for Markdown readers, and is neither shown nor copied."""
_JOINER = "&#8288;"
"""A word joiner, invisible; the character before it no longer starts a mention or link."""


def plain(text: str) -> str:
    """Text in which nothing is read as markup, link, mention or reference."""
    text = _TRIGGER.sub(lambda match: f"{match[0]}\0", safe_name(text))
    return _MARKUP.sub(_entity, text).replace("\0", _JOINER)


def prose(text: str) -> str:
    """Like `plain`, with code between backticks."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return plain(text)
    return "".join(
        code(safe_name(part)) if number % 2 else plain(part) for number, part in enumerate(parts)
    )


def code(text: str) -> str:
    """Safe text on one line as code; works inside tables."""
    if not text.strip():
        return ""
    if "`" not in text and "|" not in text and text == text.strip():
        return f"`{text}`"
    html = _MARKUP.sub(_entity, text).replace("&#64;", f"&#64;{_NOTHING}")
    return f"<code>{html}</code>"


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def fenced(text: str, language: str) -> str:
    """Safe lines as a code block with a fence longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
