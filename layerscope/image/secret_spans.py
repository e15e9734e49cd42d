"""Finds secrets in the text of an instruction: in assignments, options and headers. Arguments of commands are in
`command_secrets`.

The text is hostile: every pattern is linear in it, except for bounded parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec import Struct

from layerscope.image.command_secrets import command_secrets
from layerscope.image.secret_names import is_real, is_secret, is_secret_name
from layerscope.lazy_patterns import lazy_pattern

MASK = "***"
"""Replacement for a secret."""
IN_URL = "password in a URL"
PRIVATE_KEY = "private key"

_VALUE = r"""(?:"(?P<double>(?:[^"\\]|\\.)*+)"|'(?P<single>[^']*+)'|(?P<plain>(?:\\.|[^\s\\"'`;&|<>()])++))"""
"""A shell word, quoted or bare."""
_SEPARATED = r"""(?:[\s=]++|"\s*+,?\s*+(?="))"""
"""The text between an option and its value, also in a JSON or Go list."""

_PAIR = lazy_pattern(r"""(?<![\w$.{])["']?([A-Za-z_][\w.-]{0,127})["']?=""" + _VALUE)
_NEXT_NAME = lazy_pattern(r"""\s["']?[A-Za-z_][\w.-]{0,127}["']?=|\s\# buildkit\s*$""")
_DECLARED = lazy_pattern(r"""(?:^|(?<=\s))["']?([A-Za-z_][\w.-]{0,127})["']?=""")
_BUILD_ARGS = lazy_pattern(r"(?:RUN\s+)?\|[0-9]{1,6} ")
_SHELL = lazy_pattern(
    r"\s(?:/\S{1,40}/)?(?:ba|da|a|z|k)?sh\s+-|\s(?:cmd|powershell|pwsh)\s", re.IGNORECASE
)
_OLD_ENV = lazy_pattern(r"(?:ENV\s+)?([A-Za-z_][\w.-]{0,127})\s+(?=[^\s=])")
_LINE = lazy_pattern(
    r"""^[ \t]{0,80}["']?([A-Za-z_][\w.-]{0,127})["']?(?:[ ]?:|[ ]=)[ \t]+(?:"(?P<double>[^"\n]++)"|'(?P<single>[^'\n]++)'|(?P<plain>\S++))""",
    re.MULTILINE,
)
"""A line of YAML or settings in a here-document."""
_JSON = lazy_pattern(
    r"""["']([A-Za-z_][\w.-]{0,127})\\?["']\s{0,20}:\s{0,20}\\?["'](?P<plain>[^"'\\]++)"""
)
_OPTION = lazy_pattern(r"""(?<![\w-])--?([A-Za-z][\w.-]{1,63})""" + _SEPARATED + _VALUE)
_SWITCH = lazy_pattern(
    r"^(?:no|non|with|without|disabled?|enabled?|skip|reset|allow|ask|require|use|show|empty)-",
    re.IGNORECASE,
)
_SECRET_ENDING = lazy_pattern(
    r"(?:pass|word|wd|phrase|secret|token|key|auth|credentials?)$", re.IGNORECASE
)
"""The end of an option name whose value is a secret; names such as `--pass-through` do not qualify."""
_AMBIGUOUS = ("auth", "pass")
"""Options whose value is a secret only if it follows `=`; otherwise it may be the kind of a secret."""

_MAX_KNOWN = 4096
"""Maximum characters of a text whose secrets are remembered."""

_Form = tuple[str, re.Pattern[str], int]


def _form(label: str, pattern: str, shortest: int = 2) -> _Form:
    """The label of a secret, its pattern (the value is the word at `@@`, or the group `plain`), and its minimum length."""
    return label, lazy_pattern(pattern.replace("@@", _VALUE), re.IGNORECASE), shortest


_FORMS: tuple[_Form, ...] = (
    _form("Authorization header", r"""\bauthorization["']?\s*[:=]\s*["']?(?:bearer|basic|token|apikey)\s+(?P<plain>[^\s"'\\]++)""", 6),
    _form("bearer token", r"""\bbearer\s+(?P<plain>[\w.~+/=-]{16,}+)""", 6),
    _form("header with a token", r"""\b(?:[a-z]{1,20}-){0,3}(?:(?:api|auth|access|secret)-key|[a-z]{1,20}-token):\s*(?P<plain>[^\s"'\\]++)""", 6),
    _form("password of chpasswd", r"""\bchpasswd\b[^;&|\n]{0,60}?<<<\s*["']?[\w.$-]{1,64}:(?P<plain>[^\s"']++)"""),
    _form("password of SQL", r"""\b(?:identified\s+by|password)\s+\\?['"](?P<plain>[^\s'"\\]++)"""),
    _form("npm token", r":_(?:authToken|auth|password)[\s=]+@@", 6),
    _form(IN_URL, r"""[a-z][a-z0-9+.-]{1,20}://[^\s:/@'"$]{0,100}:(?P<plain>[^\s/@'"$]{3,200})@""", 3),
    _form(PRIVATE_KEY, r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?P<plain>[^-]{40,16384})"),
    _form("JSON Web Token", r"\b(?P<plain>eyJ[\w-]{10,}+\.[\w-]{4,}+(?:\.[\w-]*)?)"),
)  # fmt: skip
"""Secrets in any text, by label; the value follows the match, or is the group `plain`."""

_TOKENS = lazy_pattern(
    r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{22,}|\bgl(?:pat|dt|ft|rt|ptt)-[\w-]{20,}|\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"
    r"|\bxox[a-z]-[\w-]{10,}|\bhooks\.slack\.com/services/[\w/]{8,}|\b[sr]k_live_\w{16,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|\bpypi-Ag[\w-]{20,}|\bnpm_[A-Za-z0-9]{36,}|\bAccountKey=[\w+/=]{20,}|\bsk-[\w-]{20,}|\bAIza[\w-]{35}|\bsq0csp-[\w-]{20,}"
)
"""Tokens of services; `detectors` knows more."""


class SecretSpan(Struct, frozen=True):
    """A secret in a text."""

    start: int
    end: int
    label: str
    """The name of the variable or option, or the kind of secret; never the secret. Not escaped for a terminal."""
    named: bool
    """Whether the label is a name."""


def secret_spans(text: str, instruction: str | None = None) -> list[tuple[int, int]]:
    """Start and end of each secret value in an instruction's text, without quotes, in order and without overlap.

    `text` may be the arguments, or the complete `created_by`; `instruction` is the instruction in capitals, if known: values of
    ENV, ARG and LABEL extend to the next name, as builders leave out quotes.
    """
    merged: list[tuple[int, int]] = []
    for start, end in sorted((span.start, span.end) for span in find_spans(text, instruction)):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        elif start < end:
            merged.append((start, end))
    return merged


def masked(text: str, instruction: str | None = None) -> str:
    """The text of an instruction with `***` in place of each secret value; see `secret_spans`."""
    pieces: list[str] = []
    done = 0
    for start, end in secret_spans(text, instruction):
        pieces += (text[done:start], MASK)
        done = end
    return "".join((*pieces, text[done:]))


def find_spans(text: str, instruction: str | None = None) -> Iterable[SecretSpan]:
    """Every secret in the text of an instruction, with its kind; several may overlap.

    Tokens recognised by their format have no label. Each view and each rule asks for the same texts again.
    """
    find = _known_spans if len(text) <= _MAX_KNOWN else _spans
    return find(text, instruction)


@lru_cache(maxsize=1024)
def _known_spans(text: str, instruction: str | None) -> tuple[SecretSpan, ...]:
    return tuple(_spans(text, instruction))


def _spans(text: str, instruction: str | None) -> Iterator[SecretSpan]:
    yield from _declared_secrets(text, instruction)
    yield from _assigned_secrets(text)
    yield from _option_secrets(text)
    for label, pattern, shortest in _FORMS:
        for match in pattern.finditer(text):
            group, value = _value(match)
            if is_real(value, shortest):
                yield SecretSpan(*match.span(group), label, named=False)
    if instruction not in ("ENV", "ARG", "LABEL"):
        for start, end, label in command_secrets(text, instruction):
            yield SecretSpan(start, end, label, named=False)
    for match in _TOKENS.finditer(text):
        yield SecretSpan(*match.span(), "", named=False)


def _declared_secrets(text: str, instruction: str | None) -> Iterator[SecretSpan]:
    """Values set by ENV, ARG, LABEL and build arguments, which may contain spaces without quotes."""
    keyword = re.match(r"(?:/bin/sh -c #\(nop\)\s+)?(ENV|ARG|LABEL)\s+", text)
    begin, end = 0, len(text)
    if keyword is not None:
        begin, instruction = keyword.end(), keyword[1]
    if instruction not in ("ENV", "ARG", "LABEL"):
        counted = _BUILD_ARGS.match(text)
        if counted is None:
            return
        begin = counted.end() - 1
        shell = _SHELL.search(text, begin)
        end = shell.start() if shell else end
    old = _OLD_ENV.match(text, begin)
    if instruction == "ENV" and old is not None:
        if is_secret(old[1], text[old.end() :]):
            yield SecretSpan(old.end(), end, old[1], named=True)
        return
    at = begin
    while match := _DECLARED.search(text, at, end):
        first = match.end()
        following = _NEXT_NAME.search(text, first, end)
        last = following.start() if following else end
        value = text[first:last].rstrip()
        quoted = len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]
        if is_secret(match[1], value):
            yield SecretSpan(first + quoted, first + len(value) - quoted, match[1], named=True)
        at = max(last, first)


def _assigned_secrets(text: str) -> Iterator[SecretSpan]:
    """Values in shell assignments, options (`-Dname=value`), JSON and lines of here-documents."""
    patterns = (_PAIR, _JSON, _LINE) if "\n" in text else (_PAIR, _JSON)
    for pattern in patterns:
        for match in pattern.finditer(text):
            group, value = _value(match)
            if is_secret(match[1], value) and is_real(value):
                yield SecretSpan(*match.span(group), match[1], named=True)


def _option_secrets(text: str) -> Iterator[SecretSpan]:
    """Values of options whose names suggest a secret: `--password=…`, `--token …`, `"--secret-key", "…"`.

    Not `--secret id=…`, which mounts one.
    """
    for match in _OPTION.finditer(text):
        name, (group, value) = match[1], _value(match)
        vague = name in _AMBIGUOUS and "=" not in text[match.end(1) : match.start(group)]
        if vague or value.startswith("id=") or not _SECRET_ENDING.search(name):
            continue
        if not _SWITCH.search(name) and is_secret_name(name) and is_real(value, 2):
            yield SecretSpan(*match.span(group), f"--{name}", named=False)


def _value(match: re.Match[str]) -> tuple[str, str]:
    """The group of a value, and the value."""
    group = match.lastgroup
    return ("plain", match["plain"]) if group is None else (group, match[group])
