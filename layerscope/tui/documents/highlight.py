"""Syntax highlighting: the lexer for a name, and the styles of each row; bounded in time and size."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from layerscope.progress import Progress, check
from layerscope.text import safe_name
from layerscope.tui.documents.text import TextDocument

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

TIME_LIMIT = 3.0
"""Time limit for highlighting, in seconds; the rest stays plain."""
MAX_CHARACTERS = 1 << 20
"""Maximum number of characters that are highlighted."""
LONGEST_LINE = 2000
"""Texts with longer lines are not highlighted: they are generated, and slow for lexers."""

_BY_NAME = {
    "dockerfile": "docker", "containerfile": "docker", "makefile": "make", "gnumakefile": "make",
    "cmakelists.txt": "cmake", "gemfile": "ruby", "rakefile": "ruby", "pipfile": "toml",
    "passwd": "", "group": "", "requirements.txt": "", ".bashrc": "bash", ".profile": "bash",
    "nginx.conf": "nginx", "os-release": "ini", "crontab": "",
}  # fmt: skip
_BY_SUFFIX = {
    "bash": "bash", "c": "c", "cc": "cpp", "cfg": "ini", "conf": "ini", "cpp": "cpp", "cs": "csharp",
    "css": "css", "diff": "diff", "ex": "elixir", "exs": "elixir", "go": "go", "gradle": "groovy",
    "groovy": "groovy", "h": "c", "hcl": "terraform", "hpp": "cpp", "htm": "html", "html": "html",
    "ini": "ini", "java": "java", "js": "javascript", "json": "json", "jsx": "javascript", "kt": "kotlin",
    "less": "less", "lua": "lua", "md": "markdown", "mjs": "javascript", "mk": "make", "patch": "diff",
    "php": "php", "pl": "perl", "pm": "perl", "proto": "protobuf", "ps1": "powershell", "py": "python",
    "pyi": "python", "rb": "ruby", "rs": "rust", "scala": "scala", "scss": "scss", "service": "ini",
    "sh": "bash", "sql": "sql", "svg": "xml", "swift": "swift", "tf": "terraform", "toml": "toml",
    "ts": "typescript", "tsx": "typescript", "xml": "xml", "yaml": "yaml", "yml": "yaml", "zsh": "bash",
}  # fmt: skip
"""Lexers by file extension. Lexers are never guessed from contents, which are untrusted."""
_BY_INTERPRETER = {
    "sh": "bash", "bash": "bash", "dash": "bash", "python": "python", "python3": "python",
    "perl": "perl", "ruby": "ruby", "node": "javascript", "php": "php",
}  # fmt: skip


def lexer_name(name: bytes, first_line: str) -> str | None:
    """The lexer for a file called `name`, None for plain text; scripts are recognised by their interpreter."""
    lowered = safe_name(name).lower()
    if lowered in _BY_NAME:
        return _BY_NAME[lowered] or None
    _, dot, suffix = lowered.rpartition(".")
    if dot and suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if first_line.startswith("#!"):
        words = first_line[2:200].replace("/usr/bin/env", "", 1).split()
        return _BY_INTERPRETER.get(words[0].rpartition("/")[2]) if words else None
    return None


def styles_of(
    document: TextDocument, name: bytes, progress: Progress
) -> list[list[tuple[int, str]]]:
    """The styles of a document's rows, within the limits of time and size. Raises `CancelledError`."""
    if not len(document) or any(number == 0 for number in document.numbers):
        return []
    lexer = lexer_name(name, document.rows[0])
    if lexer is None or max(map(len, document.rows)) > LONGEST_LINE:
        return []
    from pygments.lexers import get_lexer_by_name

    text = "\n".join(document.rows)[:MAX_CHARACTERS]
    styles: list[list[tuple[int, str]]] = [[]]
    for style, part in _tokens(get_lexer_by_name(lexer), text, progress):
        first, *others = part.split("\n")
        if first:
            styles[-1].append((len(first), style))
        styles += ([(len(line), style)] if line else [] for line in others)
    return styles


def _tokens(lexer: Lexer, text: str, progress: Progress) -> Iterator[tuple[str, str]]:
    """Style and text of each token, until time is up."""
    ends = time.monotonic() + TIME_LIMIT
    names: dict[_TokenType, str] = {}
    for number, (_, kind, part) in enumerate(lexer.get_tokens_unprocessed(text)):
        if number % 256 == 0:
            check(progress)
            if time.monotonic() > ends:
                return
        if kind not in names:
            names[kind] = _style(str(kind))
        yield names[kind], part


def _style(kind: str) -> str:
    """The name of the style for a kind of token."""
    for start, style in (
        ("Token.Comment", "comment"),
        ("Token.Literal.String.Doc", "comment"),
        ("Token.Literal.String", "string"),
        ("Token.Literal.Number", "number"),
        ("Token.Keyword", "keyword"),
        ("Token.Operator.Word", "keyword"),
        ("Token.Name.Tag", "keyword"),
        ("Token.Name.Function", "function"),
        ("Token.Name.Class", "function"),
        ("Token.Name.Decorator", "number"),
        ("Token.Name.Attribute", "function"),
        ("Token.Name.Builtin", "function"),
        ("Token.Generic.Heading", "keyword"),
        ("Token.Generic.Subheading", "keyword"),
        ("Token.Generic.Inserted", "added"),
        ("Token.Generic.Deleted", "removed"),
    ):
        if kind.startswith(start):
            return style
    return ""
