"""Passwords in configuration files of applications: for databases, services and frameworks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from layerscope.analysis.findings.secrets.pairs import (
    is_named_secret,
    json_leaves,
    literal_pairs,
    password_in_connection,
    passwords_in_urls,
    plain_pairs,
    snake_case,
)
from layerscope.analysis.findings.secrets.values import Secret
from layerscope.image.dummy_secrets import is_loopback

SHORTEST = 6
"""Minimum length of a password in a configuration file."""
_LONG = 16
"""Minimum length of a key or token: shorter values are names."""
_PASSWORD = re.compile(r"passw(?:or)?d$|(?:^|_|db|user|root)(?:pass|pwd)$|(?:^|_)passphrase$")
_KEY = re.compile(
    r"(?:^|_)(?:secret_key_base|(?:encrypt(?:ion)?|fernet|signing|hmac|master|app|session|cookie|account|machine)_key)$"
)
_VAGUE = re.compile(r"(?:^|_)(?:auth|credentials?)$")
_HOST = re.compile(r"(?:^|_)(?:host|hostname|server|servername|url|uri|jdbc_url|dsn|address)$")
_HOST_OF_URL = re.compile(
    r"(?:jdbc:)?[a-z][a-z0-9+.:-]{1,40}//(?:[^\s/@]{0,200}@)?(\[[0-9a-f:]{2,40}\]|[^\s/:;?,\"']{1,255})"
)
_MIXED = re.compile(r"(?=.*[A-Za-z])(?=.*\d)")


def plain(text: str) -> Iterator[Secret]:
    """Settings in any syntax, with or without quotes: properties, YAML, INI, XML, JSON."""
    leaves = [(keys[-1], value) for keys, value in json_leaves(text) if keys]
    yield from _secrets(leaves or [*plain_pairs(text), *literal_pairs(text)])


def program(text: str) -> Iterator[Secret]:
    """Quoted texts that a program assigns: anything else is computed."""
    yield from _secrets(literal_pairs(text))


def spaced(text: str) -> Iterator[Secret]:
    """`NAME value` lines, as in Redis, and assignments."""
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] in ("requirepass", "masterauth", "password", "AuthPass"):
            yield Secret(words[1].strip("\"'"))
    yield from plain(text)


def quoted_users(text: str) -> Iterator[Secret]:
    """`"user" "password"` lines, as in PgBouncer; hashes begin with their kind."""
    for match in re.finditer(
        r'^"([^"\n]{1,200})" "((?!md5[0-9a-f]{32}|SCRAM)[^"\n]{1,400})"', text, re.MULTILINE
    ):
        yield Secret(match[2], "", match[1])


def _secrets(settings: Iterable[tuple[str, str]]) -> Iterator[Secret]:
    """Values with the name of a secret, and passwords in values. If all hosts in the file are the machine itself, the passwords
    are for it.
    """
    passwords: list[str] = []
    local = remote = False
    for name, value in settings:
        name = snake_case(name)
        if _HOST.search(name):
            in_url = _HOST_OF_URL.match(value)
            if is_loopback(in_url[1] if in_url else value):
                local = True
            elif value:
                remote = True
        inside = [*passwords_in_urls(value)]
        if (connection := password_in_connection(value)) is not None:
            inside.append(connection)
        if inside:
            yield from inside
        elif value.isascii() and value.strip() and not re.search(r"\s", value):
            if _PASSWORD.search(name):
                passwords.append(value)
            elif _is_key(name, value):
                yield Secret(value)
    host = "localhost" if local and not remote else ""
    yield from (Secret(password, host) for password in passwords if len(password) >= SHORTEST)


def _is_key(name: str, value: str) -> bool:
    """Whether a setting is named like a key or token, and its value looks like one."""
    if _VAGUE.search(name) or not (_KEY.search(name) or is_named_secret(name)):
        return False
    return len(value) >= _LONG and _MIXED.match(value) is not None
