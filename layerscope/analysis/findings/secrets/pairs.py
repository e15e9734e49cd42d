"""Names and values in texts of any syntax: lines of settings, JSON, YAML, XML, and literals of programs.

The texts are untrusted: every pattern takes linear time, except for parts of bounded length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from layerscope.analysis.findings.secrets.values import Secret
from layerscope.image.secret_names import is_secret_name
from layerscope.lazy_patterns import lazy_pattern

LONGEST_LINE = 4096
"""Maximum characters of a line that is examined."""
_MAX_LEAVES = 20_000
"""Maximum values of a JSON document that are examined."""
_NAME = r"[A-Za-z_][\w.-]{0,127}"
_LINE = lazy_pattern(
    rf"""\s*(?:(?:-|export|set|const|let|var|public|private|protected|static|final)\s+){{0,4}}[$:@"']{{0,2}}(?:env:)?({_NAME})["'\]]{{0,2}}\s{{0,40}}(?:=>|:=|=|:)(?:\s|(?=\S))(.*)"""
)
_QUOTED = lazy_pattern(
    rf"""(?<![\w.$-])["'$@]?({_NAME})["'\]]{{0,2}}\s{{0,20}}(?:=>|:=|[:=])\s{{0,20}}[rbuRBU]?(?:"((?:[^"\\]|\\.)*+)"|'((?:[^'\\]|\\.)*+)')"""
)
_DEFINED = lazy_pattern(rf"""\bdefine\s*\(\s*["']({_NAME})["']\s*,\s*["']([^"']+)["']""")
_ATTRIBUTES = lazy_pattern(
    rf"""\b(?:key|name)\s*=\s*["']({_NAME})["']\s+value\s*=\s*(?:"([^"]+)"|'([^']+)')"""
)
_ELEMENT = lazy_pattern(
    rf"""<(?:\w{{1,30}}\s[^<>]{{0,200}}?\b(?:key|name)\s*=\s*["']({_NAME})["'][^<>]{{0,200}}|({_NAME})(?:\s[^<>]{{0,200}})?)>\s*([^<>\s][^<>]{{0,500}}?)\s*</"""
)
_COMMENTED = ("#", ";", "//", "*", "/*", "--", "%", "!", "<!--", "rem ", "REM ")
_CAMEL = lazy_pattern(r"(?<=[a-z0-9])(?=[A-Z])")
_URL = lazy_pattern(
    r"""[a-z][a-z0-9+.-]{1,20}://([^\s:/@"'<>]{0,200}):([^\s/@"'<>]{1,200})@(\[[0-9a-f:]{2,40}\]|[^\s/:"'?,<>]{0,255})""",
    re.IGNORECASE,
)
_CONNECTION = lazy_pattern(
    r"(?:^|[;\s\"'])(?:password|pwd)\s{0,5}=\s{0,5}([^;\s\"']+)", re.IGNORECASE
)
_SERVER = lazy_pattern(
    r"(?:^|[;\s\"'])(?:server|data source|host|hostname|addr|address|network address)\s{0,5}=\s{0,5}(?:tcp:)?(\[[0-9a-f:]{2,40}\]|[^;,:\s\"'\\]+)",
    re.IGNORECASE,
)


def lines(text: str) -> Iterator[str]:
    """Lines that are not comments and not too long."""
    for line in text.splitlines():
        if len(line) <= LONGEST_LINE and not line.lstrip().startswith(_COMMENTED):
            yield line


def plain_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Settings, one per line, with or without quotes: `NAME=value`, `name: value`."""
    for line in lines(text):
        if match := _LINE.match(line):
            yield match[1], _unquoted(match[2])


def literal_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Names and quoted texts in programs and documents, and XML attributes and elements."""
    marked = "<" in text
    if marked:
        text = _without_comments(text)
    for line in lines(text):
        for match in _QUOTED.finditer(line):
            yield match[1], match[2] if match[3] is None else match[3]
        if "define" in line:
            for match in _DEFINED.finditer(line):
                yield match[1], match[2]
        if marked and "<" in line:
            for match in _ATTRIBUTES.finditer(line):
                yield match[1], match[2] if match[3] is None else match[3]
            for match in _ELEMENT.finditer(line):
                yield match[1] or match[2], match[3]


def json_leaves(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts in a JSON document, each with the keys that lead to it; empty if it is invalid."""
    if text.lstrip()[:1] not in ("{", "["):
        return
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    pending: list[tuple[tuple[str, ...], object]] = [((), document)]
    visited = 0
    while pending and visited < _MAX_LEAVES:
        keys, value = pending.pop()
        visited += 1
        if isinstance(value, str):
            yield keys, value
        elif isinstance(value, dict):
            pending += (((*keys[-3:], key), below) for key, below in value.items())
        elif isinstance(value, list):
            pending += ((keys, below) for below in value)


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """All names and values of a text, whatever its syntax. Some may come twice."""
    is_json = False
    for keys, value in json_leaves(text):
        is_json = True
        if keys:
            yield keys[-1], value
    if not is_json:
        yield from plain_pairs(text)
        yield from literal_pairs(text)


def snake_case(name: str) -> str:
    """A name in lower case with its words separated: `clientSecret` becomes `client_secret`."""
    return _CAMEL.sub("_", name.strip(":")).replace("-", "_").replace(".", "_").lower()


def is_named_secret(name: str) -> bool:
    """Whether a name in any style is that of a password, token or key. With a quoted text, `pwd` does not mean a directory."""
    name = snake_case(name)
    return is_secret_name(name) or name == "pwd"


def passwords_in_urls(text: str) -> Iterator[Secret]:
    """Passwords in the URLs of a text."""
    for match in _URL.finditer(text):
        yield Secret(match[2], match[3], match[1])


def password_in_connection(value: str) -> Secret | None:
    """The password in a connection string of ADO.NET, ODBC or libpq."""
    password, server = _CONNECTION.search(value), _SERVER.search(value)
    if password is None or (server is None and ";" not in value):
        return None
    return Secret(password[1], server[1] if server else "")


def values_named(pattern: str) -> Callable[[str], Iterator[Secret]]:
    """Finds the values of names that match an expression (in lower case, with `_`), and passwords in URLs."""
    wanted = lazy_pattern(pattern)

    def find(text: str) -> Iterator[Secret]:
        for name, value in pairs(text):
            if wanted.fullmatch(snake_case(name)):
                yield Secret(value)
        yield from passwords_in_urls(text)

    return find


def _unquoted(text: str) -> str:
    """The value of a line: the text in its quotes, or everything up to a comment."""
    text = text.strip()
    if text[:1] in ("'", '"'):
        end = text.find(text[0], 1)
        return text[1:end] if end > 0 else text[1:]
    return re.split(r"\s#|\s//", text, maxsplit=1)[0].rstrip(" ,;")


def _without_comments(text: str) -> str:
    """XML without its comments."""
    pieces = text.split("<!--")
    return pieces[0] + "".join(
        piece.partition("-->")[2] if "-->" in piece else "" for piece in pieces[1:]
    )
