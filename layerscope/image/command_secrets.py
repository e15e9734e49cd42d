"""Secrets in arguments of commands: `mysql -psecret`, `curl -u user:secret`, `echo user:secret | chpasswd`.

Scripts are parsed by `shell`, including those in quotes and here-documents; lists in JSON or in Go's notation are read word by
word.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from layerscope.image.secret_names import is_real
from layerscope.image.shell import read_loosely

_DEPTH = 4
"""Maximum nesting of scripts in quotes."""
_TELLING = re.compile(
    r"mysql|mariadb|mongo|ldap|redis-cli|rabbitmqctl|sshpass|passwd|zip|7z|lftp|-pass|login|configure|(?<![\w-])-\w*[uUa]|--(?:proxy-)?user"
)
"""Matched by every text with such a secret."""
_LIST = re.compile(r'\[\s*+(?:"(?:[^"\\]|\\.)*+"[\s,]*+)++\]')
_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_QUOTED_VALUE = re.compile(r"""\w+=(["'])(.*)\1""", re.DOTALL)
_RECORDED = re.compile(
    r"(?:RUN\s+)?\|\d{1,6}\s.*?\s(?:/\S{1,40}/)?(?:ba|da|a|z|k)?sh\s+-\w+\s", re.DOTALL
)
"""What builders record before a script with build arguments."""
_COMMAND_INSTRUCTIONS = ("CMD", "ENTRYPOINT", "HEALTHCHECK")

_LOGIN, _CHPASSWD = "password of a login", "password of chpasswd"
_ATTACHED, _APART = 1, 2
_OPTIONS: tuple[tuple[str, re.Pattern[str], str, int], ...] = (
    ("password of mysql", re.compile(r"(?:mysql|mariadb)(?:-?(?:dump|admin|import|check|show))?"), "-p", _ATTACHED),
    ("password of mongo", re.compile(r"mongo(?:sh|dump|restore|export|import)?"), "-p", _ATTACHED | _APART),
    ("password of sshpass", re.compile("sshpass"), "-p", _ATTACHED | _APART),
    ("password of redis", re.compile("redis-cli"), "-a", _APART),
    ("password of redis", re.compile("redis-cli"), "--pass", _APART),
    ("password of LDAP", re.compile(r"ldap\w+"), "-w", _ATTACHED | _APART),
    ("password of an archive", re.compile(r"(?:un)?zip"), "-P", _ATTACHED | _APART),
    ("password of an archive", re.compile(r"7z[ar]?"), "-p", _ATTACHED),
)  # fmt: skip
"""The label of a secret, the programs, their option, and where its value is."""
_LOGINS = frozenset("docker podman buildah skopeo nerdctl crane oras helm az oc".split())  # noqa: SIM905 - a list of words
_INSTALLERS = frozenset("apt-get apt apk yum dnf microdnf zypper brew which type man".split())  # noqa: SIM905 - the same
"""Programs whose arguments only name other programs."""
_WRITERS = ("echo", "printf", "yes")
_USERS = re.compile(r"(?:curl|wget|https?|xh|lftp)")
_USER_OPTION = re.compile(r"(?:-[A-Za-z#]*?[uU]|--user|--proxy-user)(?:=|$)")
_ACCOUNTS = ("root", "wheel", "users", "staff", "nobody", "nogroup", "www-data", "docker")
_SETTING = re.compile("secret|token|password", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Word:
    """A word without the quotes around it."""

    start: int
    text: str
    quoted: bool

    def behind(self, count: int) -> _Word:
        """The rest after the first characters, without its own quotes."""
        return _unquoted(self.text[count:], self.start + count)


_Found = tuple[int, int, str]
"""Start, end and label of a secret."""


def command_secrets(text: str, instruction: str | None = None, depth: int = 0) -> Iterator[_Found]:
    """Every secret in the arguments of commands in a text."""
    if depth > _DEPTH or not _TELLING.search(text):
        return
    recorded = _RECORDED.match(text)
    begin = recorded.end() if recorded else 0
    commands: list[tuple[int, int, list[_Word], bool]] = []
    inner: list[tuple[int, str]] = []
    for found in _LIST.finditer(text):
        strings = _STRING.finditer(found[0])
        words = [_Word(found.start() + one.start(1), one[1], True) for one in strings]
        if words and words[0].text in ("CMD", "CMD-SHELL"):
            words = words[1:]
        commands.append((found.start(), found.end(), words, True))
    starts, ends = [one[0] for one in commands], [one[1] for one in commands]
    if 0 not in starts[:1]:
        read, texts = read_loosely(text[begin:])
        for one in read:
            start, end = one.start + begin, one.end + begin
            last = bisect(starts, start) - 1
            if last < 0 or start >= ends[last]:
                words = [
                    _unquoted(text[word.start + begin : word.end + begin], word.start + begin)
                    for word in one.words
                ]
                commands.append((start, end, words, instruction in _COMMAND_INSTRUCTIONS))
        inner += [(begin + start, text[begin + start : begin + end]) for start, end in texts]
    before: tuple[int, list[_Word]] = (-1, [])
    for start, end, words, is_instruction in sorted(commands, key=lambda command: command[0]):
        for word in words:
            if value := _QUOTED_VALUE.fullmatch(word.text):
                inner.append((word.start + value.start(2), value[2]))
            elif word.quoted and re.search(r"\s", word.text):
                inner.append((word.start, word.text))
        if words:
            piped = (
                before[1] if re.fullmatch(r"\s*\|&?\s*", text[max(before[0], 0) : start]) else []
            )
            yield from _given(words, is_instruction)
            yield from _piped(words, piped)
        before = end, words
    for start, part in inner:
        if len(part) < len(text):
            for first, last, label in command_secrets(part, instruction, depth + 1):
                yield start + first, start + last, label


def _given(words: Sequence[_Word], is_instruction: bool) -> Iterator[_Found]:
    """Secrets in the arguments of a command, whatever runs it: `docker exec db mysql -psecret`."""
    texts = [word.text for word in words]
    names = _names(words)
    if _INSTALLERS & {*names[:4]}:
        return
    between, certain = ":", False
    for name, at in {name: at for at, name in reversed([*enumerate(names)])}.items():
        for label, programs, option, where in _OPTIONS:
            if programs.fullmatch(name):
                yield from _values(words[at:], option, where, label)
        if name in _LOGINS and "login" in texts[at:]:
            yield from _values(words[texts.index("login", at) :], "-p", _ATTACHED | _APART, _LOGIN)
        elif name in ("htpasswd", "mosquitto_passwd"):
            yield from _password_file(words[at:])
        elif name in ("add_user", "change_password") and "rabbitmqctl" in names[:at]:
            yield from _secret(words[at + 2 : at + 3], "password of RabbitMQ")
        elif _USERS.fullmatch(name):
            certain, between = True, "," if name == "lftp" else ":"
    if certain or is_instruction or any("://" in text for text in texts):
        yield from _users(words, between, certain)
    configures = "configure" in texts
    for word, following in pairwise(words):
        if word.text in ("-pass", "-passin", "-passout") and following.text.startswith("pass:"):
            yield from _secret([following.behind(5)], "password of openssl")
        if configures and _SETTING.search(word.text) and word.text[:1] not in ("-", "."):
            yield from _secret([following], "setting", 6)


def _names(words: Sequence[_Word]) -> list[str]:
    """The names of the programs that words may refer to; "" for paths of other files."""
    named = (posixpath.split(word.text) for word in words)
    return [name if not folder or folder.endswith("bin") else "" for folder, name in named]


def _values(words: Sequence[_Word], option: str, where: int, label: str) -> Iterator[_Found]:
    for at, word in enumerate(words[1:], 1):
        if word.text == option and where & _APART:
            yield from _secret(words[at + 1 : at + 2], label)
        elif word.text.startswith(option) and len(word.text) > len(option) and where & _ATTACHED:
            equals = word.text[len(option)] == "=" and bool(where & _APART)
            yield from _secret([word.behind(len(option) + equals)], label)


def _password_file(words: Sequence[_Word]) -> Iterator[_Found]:
    """`htpasswd -b FILE USER PASSWORD`, with -n without FILE."""
    letters, others, takes = "", [], False
    for word in words[1:]:
        if takes:
            takes = False
        elif word.text[:1] == "-" and len(word.text) > 1:
            letters += word.text[1:]
            takes = word.text[-1] in "Cr"
        else:
            others.append(word)
    if "b" in letters:
        place = 1 if "n" in letters else 2
        yield from _secret(
            others[place : place + 1], f"password of {posixpath.basename(words[0].text)}"
        )


def _users(words: Sequence[_Word], between: str, certain: bool) -> Iterator[_Found]:
    """`-u USER:PASSWORD`; `certain` if it cannot be a user with a group."""
    for at, word in enumerate(words[1:], 1):
        option = _USER_OPTION.match(word.text)
        if option is not None:
            value = word.behind(option.end()) if option.end() < len(word.text) else None
            value = value or next(iter(words[at + 1 : at + 2]), None)
        elif certain and re.match("-[uU].", word.text):
            value = word.behind(2)
        else:
            continue
        user, colon, password = (value.text if value else "").partition(between)
        group = password.isdigit() or password in _ACCOUNTS or password == user or "/" in user
        if value is not None and colon and user and (certain or not group) and password != user:
            yield from _secret([value.behind(len(user) + 1)], "user and password")


def _piped(words: Sequence[_Word], before: Sequence[_Word]) -> Iterator[_Found]:
    """Secrets that a command reads from the previous one in a pipeline."""
    at = next((at for at, name in enumerate(_names(before)) if name in _WRITERS), None)
    if at is None:
        return
    value = next((word for word in before[at + 1 :] if word.text[:1] != "-"), None)
    names = _names(words)
    if value is None:
        return
    if "chpasswd" in names:
        user, colon, _ = value.text.partition(":")
        if colon:
            yield from _secret([value.behind(len(user) + 1)], _CHPASSWD)
    elif "passwd" in names:
        yield from _secret([value], "password of passwd")
    elif "login" in names[1:]:
        yield from _secret([value], _LOGIN)


def _secret(words: Sequence[_Word], label: str, shortest: int = 2) -> Iterator[_Found]:
    for word in words:
        if is_real(word.text, shortest):
            yield word.start, word.start + len(word.text), label


def _unquoted(text: str, start: int) -> _Word:
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        return _Word(start + 1, text[1:-1], True)
    return _Word(start, text, False)
