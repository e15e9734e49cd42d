"""Whether a setting is a secret, judging by its name, unless its value is a placeholder or a variable."""

from __future__ import annotations

import re

from layerscope.lazy_patterns import lazy_pattern

PLACEHOLDER = lazy_pattern(
    r"\$\{?\w+\}?|%\w+%|<.*>|\{\{.*\}\}|x{3,}|\*+|\.\.\.|(?:your|my|change|replace|example|todo|dummy|test|none|null|password|secret"
    r"|changeme|placeholder)[\w .-]*",
    re.IGNORECASE,
)
"""Placeholders and variables."""
_MIN_LENGTH = 6
"""Minimum length of a value that is secret because of its name."""

_SECRET_NAME = lazy_pattern(
    r"(?:^|[_.-])(?:pass|pwd|passphrase|secret|token|apikey|api[_-]?key|private[_-]?key|access[_-]?key|auth|credentials?)(?:$|[_.-])"
    r"|(?:^|[_.-])passw(?:or)?d[_.-]|passw(?:or)?d$|authtoken$|(?:store|key)pass$",
    re.IGNORECASE,
)
_NOT_SECRET = lazy_pattern(
    r"(?:_|-)(?:url|uri|host|file|path|dir|name|id|ttl|expiry|expires?|enabled|algorithm|type|stdin|sha[0-9]*|checksum|digest"
    r"|fingerprint|version|length|timeout|policy|prefix|header|issuer|endpoint|server|service|mode|class|provider|method|required"
    r"|user|username)$",
    re.IGNORECASE,
)
_WORKING_DIRECTORY = ("PWD", "pwd")
_URL = lazy_pattern(r"[a-z][a-z0-9+.-]{1,20}://[^\s:/@]*:([^\s/@]+)@", re.IGNORECASE)
_VARIABLE = lazy_pattern(r"\$[A-Za-z_{(]|`|\{\{|%[A-Za-z_]\w*%|<[^<>]*>")


def is_secret(name: str, value: str) -> bool:
    """Whether a setting has a secret's name and a real value."""
    value = value.strip().strip("\"'")
    if url := _URL.search(value):
        return PLACEHOLDER.fullmatch(url[1]) is None
    return is_secret_name(name) and _is_literal(value, _MIN_LENGTH)


def is_secret_name(name: str) -> bool:
    """Whether it is the name of a password, token or key, not of a file with one."""
    return (
        _SECRET_NAME.search(name) is not None
        and _NOT_SECRET.search(name) is None
        and name not in _WORKING_DIRECTORY
    )


def is_real(value: str, shortest: int = 1) -> bool:
    """Whether a word of a command contains no variable, and is not a path or a placeholder."""
    return _is_literal(value, shortest) and _VARIABLE.search(value) is None


def _is_literal(value: str, shortest: int) -> bool:
    return (
        len(value) >= shortest
        and not value.startswith(("/", "$", "%", "<", "-"))
        and value.lower() not in ("true", "false")
        and PLACEHOLDER.fullmatch(value) is None
    )
