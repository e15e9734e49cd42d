"""Whether a secret is a dummy: a placeholder during a build, or for a service on the same machine."""

from __future__ import annotations

import re

_MAX_LENGTH = 128
"""Maximum characters of a dummy."""
_MAX_EXAMINED = 1024
"""Maximum characters of a value that are examined."""
_WORDS = frozenset(
    """
    a admin administrator alpha app application assets at auth bar base baz beta bot build builder building buildtime by cache
    ci client collectstatic compile compilation container database db default demo dev devel developer development django
    do docker dont empty env environment fill foo for from generate generation give guest hello here host hostname img
    image in is it key laravel letmein local localdev localhost long main mariadb master me migrate mock mongo mongodb my
    mysql need needed no node none not nothing null of only or pass passphrase passw password passwd pg phase placeholder please
    postgres postgresql precompile precompilation prisma private prod production pwd qwerty rabbitmq rails random real
    redis replace required root run runtime sa secret secretkey server service session set some something static step
    string strong super symfony temp temporary test testing tests that the this time tmp to token unused use used user username
    value very we welcome whatever will with world you your
    """.split()  # noqa: SIM905 - a list of words
)
"""Ordinary words: a value that consists only of these was not meant to be a secret."""
_DUMMY_WORDS = frozenset(
    "dummy placeholder changeme insecure fake example sample notreal mocked buildtime redacted unsafe throwaway".split()  # noqa: SIM905 - the same
)
"""Words that mark a value as a dummy, whatever else it contains."""
_DUMMY_PART = re.compile(
    "dummy|placeholder|changeme|insecure|example|buildtime|redacted|throwaway|build.time|change.me|not.a.real|do.not.use",
    re.IGNORECASE,
)
"""Such words as parts of longer ones; they are too long to occur in a random value by chance."""
_LEET = str.maketrans("0134578$@", "oieastbsa")
"""Digits used instead of letters."""
_PARTS = re.compile(r"[^\W\d_]+|\d+")
_LONGEST_WORD = max(map(len, _WORDS | _DUMMY_WORDS))
_HOST = r"(\[[0-9A-Fa-f:]{2,40}\]|[^\s/:\"'?]{0,255})"
_URL = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]{{1,20}}://([^\s:/@]*):([^\s/@]+)@{_HOST}")
_AT_HOST = re.compile(f"@{_HOST}")
_LOOPBACK = re.compile(
    r"localhost|localhost\.localdomain|[\w-]{1,63}\.localhost|127(?:\.[0-9]{1,3}){1,3}|0\.0\.0\.0|\[?::1\]?"
    r"|host\.docker\.internal|[\w.-]{1,200}\.invalid",
    re.IGNORECASE,
)


def is_dummy(value: str, host: str = "", user: str = "") -> bool:
    """Whether the value of a secret, or the password in a URL, is a dummy.

    `host` is the service's host and `user` the name of the account, if known.
    """
    value = value[:_MAX_EXAMINED].strip().strip("\"'")
    if match := _URL.search(value):
        user, value, host = match.groups()
    if is_loopback(host) or (value and value == user):
        return True
    if not value or len(value) > _MAX_LENGTH:
        return _DUMMY_PART.search(value[:_MAX_LENGTH]) is not None
    if len(set(value)) == 1 or _DUMMY_PART.search(value) is not None:
        return True
    low = value.lower()
    parts = _PARTS.findall(low)
    if not _DUMMY_WORDS.isdisjoint(parts) or _are_ordinary(parts):
        return True
    return _are_ordinary(_PARTS.findall(low.translate(_LEET)))


def is_loopback(host: str) -> bool:
    """Whether a host is the machine itself, or not a valid host."""
    return _LOOPBACK.fullmatch(host) is not None


def is_dummy_at(text: str, start: int, end: int) -> bool:
    """Whether the secret between two positions of a text is a dummy; in a URL, considering its user and host."""
    host = user = ""
    if text[end : end + 1] == "@":
        before = re.search(r"//([^\s:/@]{0,100}):$", text[max(start - 110, 0) : start])
        after = _AT_HOST.match(text, end)
        user = before[1] if before else ""
        host = after[1] if after else ""
    return is_dummy(text[start:end], host, user)


def _are_ordinary(parts: list[str]) -> bool:
    return bool(parts) and all(_is_ordinary(part) for part in parts)


def _is_ordinary(part: str) -> bool:
    """Whether a run of letters consists of ordinary words, or a run of digits is a year, a count or a short number."""
    if part.isdecimal():
        return (
            len(part) <= 2
            or part in "01234567890"
            or part in "9876543210"
            or len(set(part)) == 1
            or re.fullmatch("(?:19|20)[0-9]{2}", part) is not None
        )
    is_words = [True] + [False] * len(part)  # whether the text up to here consists of words
    for stop in range(1, len(part) + 1):
        is_words[stop] = any(
            is_words[start] and part[start:stop] in _WORDS
            for start in range(max(stop - _LONGEST_WORD, 0), stop)
        )
    return is_words[-1]
