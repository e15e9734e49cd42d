"""Restores instructions that builders record in Go's notation to Dockerfile syntax.

Docker and BuildKit print the structs, maps and lists of their configs: `EXPOSE map[80/tcp:{}]`, `CMD ["nginx" "-g"]`,
`HEALTHCHECK &{["CMD-SHELL" "curl localhost"] "30s" "3s" "0s" "0s" '\\x00'}`. Unlike
the config, the text shows which step set a value.
"""

from __future__ import annotations

import json
import re

from layerscope.image.dockerfile_syntax import json_words
from layerscope.lazy_patterns import lazy_pattern

_PORT = r"[0-9]{1,5}(?:-[0-9]{1,5})?(?:/[a-z]{1,10})?"
_PORT_MAP = lazy_pattern(rf"map\[{_PORT}:\{{\}}(?: {_PORT}:\{{\}})*+\]")
_PORT_LIST = lazy_pattern(rf"\[{_PORT}(?: {_PORT})*+\]")

_STRING = r'"(?:[^"\\]|\\.)*+"'
_LIST = lazy_pattern(rf"\[{_STRING}(?:[ ]{_STRING})*+\]")
_HEALTH = lazy_pattern(
    rf"""&\{{\[(?P<test>{_STRING}(?:[ ]{_STRING})*+)\](?P<times>(?:[ ]"[0-9a-zµ.]{{1,40}}"){{2,4}})[ ]'(?P<retries>\\?[^']{{1,11}}|\\')'\}}"""
)
_ESCAPE = lazy_pattern(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
_PLAIN_ESCAPES = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))
_CONTROL = lazy_pattern("[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_SURROGATE = lazy_pattern("[\ud800-\udfff]")
_TIMES = ("interval", "timeout", "start-period", "start-interval")
"""Options in the order of the struct; older versions of Docker have only the first two or three."""
_ZERO_UNITS = lazy_pattern(r"(?<=[hm])0[ms](?:0s)?$")
"""The superfluous zeros in durations of whole minutes or hours."""


def without_go_values(instruction: str | None, arguments: str) -> str:
    """The arguments in Dockerfile syntax; unknown forms unchanged. Linear in the text; never raises."""
    restored = None
    if instruction == "EXPOSE":
        restored = _ports(arguments)
    elif instruction == "HEALTHCHECK":
        restored = _health_check(arguments)
    elif instruction in ("CMD", "ENTRYPOINT"):
        restored = _words(arguments)
    return arguments if restored is None else restored


def _ports(text: str) -> str | None:
    if _PORT_MAP.fullmatch(text):
        return text[4:-1].replace(":{}", "")
    return text[1:-1] if _PORT_LIST.fullmatch(text) else None


def _words(text: str) -> str | None:
    if not _LIST.fullmatch(text) or json_words(text) is not None:
        return None
    words = [_text(word) for word in re.findall(_STRING, text)]
    if any(word is None or _SURROGATE.search(word) for word in words):
        return None
    return json.dumps(words, ensure_ascii=False)


def _health_check(text: str) -> str | None:
    match = _HEALTH.fullmatch(text)
    if match is None:
        return None
    words = [_text(word) for word in re.findall(_STRING, match["test"])]
    retries = _text(f'"{match["retries"]}"')
    if retries is None or len(retries) != 1 or None in words:
        return None
    kind, *command = [word or "" for word in words]
    if any(_CONTROL.search(word) for word in command):
        return None
    options = [
        f"--{name}={_ZERO_UNITS.sub('', time)}"
        for name, time in zip(_TIMES, re.findall('"([^"]+)"', match["times"]), strict=False)
        if time != "0s"
    ]
    if retries != "\0":
        options.append(f"--retries={ord(retries)}")
    if kind == "NONE" and not command:
        return "NONE"
    if kind == "CMD-SHELL" and len(command) == 1:
        return " ".join([*options, "CMD", command[0]])
    if kind == "CMD" and command:
        return " ".join([*options, "CMD", json.dumps(command, ensure_ascii=False)])
    return None


def _text(quoted: str) -> str | None:
    """The text of a string in Go's quotes; None for an unknown escape."""
    try:
        return _ESCAPE.sub(_character, quoted[1:-1])
    except (KeyError, ValueError, OverflowError):
        return None


def _character(match: re.Match[str]) -> str:
    number = match[1] or match[2] or match[3]
    return chr(int(number, 16)) if number else _PLAIN_ESCAPES[match[4]]
