"""Names and words of an image in Markdown: shown as they are, whatever is in them.

A code span keeps GitHub and GitLab from taking a name for a link, a mention or a reference.
"""

from __future__ import annotations

import re

from layerscope.text import safe_name

_MARKUP = re.compile(r"[!#$&*<>@\[\\\]^_`{|}~]|:(?=[\0/])|/(?=/)|(?<=\S)\.(?=[^\W\d_])")
"""ASCII punctuation that means something within a line; as a character reference, it means nothing. Of colons, slashes and dots
those that make an address: GitHub and GitLab link http://name.com, other readers name.com alone, too."""
_TRIGGER = re.compile(
    r"""
    [@\#!$%~&^](?=["\w])        # a mention, or a reference to an issue, a merge request, a milestone, a label
    | :(?=//|[\w+-]+:)          # an address, or an emoji
    | \b(?:www(?=\.)|GH(?=-))   # an address, or an issue
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NOTHING = "<!-- -->"
"""Parts an address of mail for a reader of Markdown, and is neither shown nor copied."""
_JOINER = "&#8288;"
"""A word joiner: nothing to see, and what stands before it begins nothing any more."""


def plain(text: str) -> str:
    """Running text of which nothing is markup, a link, a mention or a reference."""
    text = _TRIGGER.sub(lambda match: f"{match[0]}\0", safe_name(text))
    return _MARKUP.sub(_entity, text).replace("\0", _JOINER)


def prose(text: str) -> str:
    """The same, with `code` between backticks."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return plain(text)
    return "".join(
        code(safe_name(part)) if number % 2 else plain(part) for number, part in enumerate(parts)
    )


def code(text: str) -> str:
    """Safe text on one line as code, also within a table."""
    if not text.strip():
        return ""
    if "`" not in text and "|" not in text and text == text.strip():
        return f"`{text}`"
    html = _MARKUP.sub(_entity, text).replace("&#64;", f"&#64;{_NOTHING}")
    return f"<code>{html}</code>"


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def fenced(text: str, language: str) -> str:
    """Safe lines as a block of code; nothing in them ends it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
