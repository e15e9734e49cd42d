"""Finds secrets in arguments of commands: `mysql -psecret`, `curl -u user:secret`, `echo user:secret | chpasswd`.

Scripts are parsed by `shell`, including those in quotes and here-documents; lists in JSON or in Go's notation are read word by
word.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from layerscope.image.secret_names import is_real
from layerscope.image.shell import read_leniently
from layerscope.lazy_patterns import lazy_pattern

_DEPTH = 4
"""Maximum nesting of scripts in quotes."""
_CANDIDATE = lazy_pattern(
    r"mysql|mariadb|mongo|ldap|redis-cli|rabbitmqctl|sshpass|passwd|zip|7z|lftp|-pass|login|configure|(?<![\w-])-\w*[uUa]|--(?:proxy-)?user"
)
"""Matches every text with such a secret, and some others: a quick check."""
_LIST = lazy_pattern(r'\[\s*+(?:"(?:[^"\\]|\\.)*+"[\s,]*+)++\]')
_STRING = lazy_pattern(r'"((?:[^"\\]|\\.)*+)"')
_QUOTED_VALUE = lazy_pattern(r"""\w+=(["'])(.*)\1""", re.DOTALL)
_RECORDED_SHELL = lazy_pattern(
    r"(?:RUN\s+)?\|\d{1,6}\s.*?\s(?:/\S{1,40}/)?(?:ba|da|a|z|k)?sh\s+-\w+\s", re.DOTALL
)
"""The text that builders record before a script with build arguments."""
_COMMAND_INSTRUCTIONS = ("CMD", "ENTRYPOINT", "HEALTHCHECK")

_LOGIN, _CHPASSWD = "password of a login", "password of chpasswd"
_ATTACHED, _SEPARATE = 1, 2
_OPTIONS: tuple[tuple[str, re.Pattern[str], str, int], ...] = (
    ("password of mysql", lazy_pattern(r"(?:mysql|mariadb)(?:-?(?:dump|admin|import|check|show))?"), "-p", _ATTACHED),
    ("password of mongo", lazy_pattern(r"mongo(?:sh|dump|restore|export|import)?"), "-p", _ATTACHED | _SEPARATE),
    ("password of sshpass", lazy_pattern("sshpass"), "-p", _ATTACHED | _SEPARATE),
    ("password of redis", lazy_pattern("redis-cli"), "-a", _SEPARATE),
    ("password of redis", lazy_pattern("redis-cli"), "--pass", _SEPARATE),
    ("password of LDAP", lazy_pattern(r"ldap\w+"), "-w", _ATTACHED | _SEPARATE),
    ("password of an archive", lazy_pattern(r"(?:un)?zip"), "-P", _ATTACHED | _SEPARATE),
    ("password of an archive", lazy_pattern(r"7z[ar]?"), "-p", _ATTACHED),
)  # fmt: skip
"""The label of a secret, the programs, their option, and where its value is."""
_LOGINS = frozenset("docker podman buildah skopeo nerdctl crane oras helm az oc".split())  # noqa: SIM905 - a list of words
_INSTALLERS = frozenset("apt-get apt apk yum dnf microdnf zypper brew which type man".split())  # noqa: SIM905 - the same
"""Programs whose arguments are names of other programs."""
_WRITERS = ("echo", "printf", "yes")
_USERS = lazy_pattern(r"(?:curl|wget|https?|xh|lftp)")
_USER_OPTION = lazy_pattern(r"(?:-[A-Za-z#]*?[uU]|--user|--proxy-user)(?:=|$)")
_ACCOUNTS = ("root", "wheel", "users", "staff", "nobody", "nogroup", "www-data", "docker")
_SETTING = lazy_pattern("secret|token|password", re.IGNORECASE)


class _Word(Struct, frozen=True):
    """A word without the quotes around it."""

    start: int
    text: str
    quoted: bool

    def suffix(self, count: int) -> _Word:
        """The word without its first `count` characters, and without quotes around the rest."""
        return _unquoted(self.text[count:], self.start + count)


_Secret = tuple[int, int, str]
"""Start, end and label of a secret."""


def command_secrets(text: str, instruction: str | None = None, depth: int = 0) -> Iterator[_Secret]:
    """Every secret in the arguments of commands in a text."""
    if depth > _DEPTH or not _CANDIDATE.search(text):
        return
    prefix = _RECORDED_SHELL.match(text)
    script_start = prefix.end() if prefix else 0
    commands: list[tuple[int, int, list[_Word], bool]] = []
    nested: list[tuple[int, str]] = []
    for match in _LIST.finditer(text):
        strings = _STRING.finditer(match[0])
        words = [_Word(match.start() + one.start(1), one[1], True) for one in strings]
        if words and words[0].text in ("CMD", "CMD-SHELL"):
            words = words[1:]
        commands.append((match.start(), match.end(), words, True))
    starts, ends = [one[0] for one in commands], [one[1] for one in commands]
    if 0 not in starts[:1]:
        parsed, texts = read_leniently(text[script_start:])
        for one in parsed:
            start, end = one.start + script_start, one.end + script_start
            last = bisect(starts, start) - 1
            if last < 0 or start >= ends[last]:
                words = [
                    _unquoted(
                        text[word.start + script_start : word.end + script_start],
                        word.start + script_start,
                    )
                    for word in one.words
                ]
                commands.append((start, end, words, instruction in _COMMAND_INSTRUCTIONS))
        nested += [
            (script_start + start, text[script_start + start : script_start + end])
            for start, end in texts
        ]
    previous: tuple[int, list[_Word]] = (-1, [])
    for start, end, words, is_instruction in sorted(commands, key=lambda command: command[0]):
        for word in words:
            if value := _QUOTED_VALUE.fullmatch(word.text):
                nested.append((word.start + value.start(2), value[2]))
            elif word.quoted and re.search(r"\s", word.text):
                nested.append((word.start, word.text))
        if words:
            piped = (
                previous[1]
                if re.fullmatch(r"\s*\|&?\s*", text[max(previous[0], 0) : start])
                else []
            )
            yield from _argument_secrets(words, is_instruction)
            yield from _piped_secrets(words, piped)
        previous = end, words
    for start, part in nested:
        if len(part) < len(text):
            for first, last, label in command_secrets(part, instruction, depth + 1):
                yield start + first, start + last, label


def _argument_secrets(words: Sequence[_Word], is_instruction: bool) -> Iterator[_Secret]:
    """Secrets in the arguments of a command, also if another program runs it: `docker exec db mysql -psecret`."""
    texts = [word.text for word in words]
    names = _names(words)
    if _INSTALLERS & {*names[:4]}:
        return
    separator, certain = ":", False
    for name, at in {name: at for at, name in reversed([*enumerate(names)])}.items():
        for label, programs, option, where in _OPTIONS:
            if programs.fullmatch(name):
                yield from _option_secrets(words[at:], option, where, label)
        if name in _LOGINS and "login" in texts[at:]:
            yield from _option_secrets(
                words[texts.index("login", at) :], "-p", _ATTACHED | _SEPARATE, _LOGIN
            )
        elif name in ("htpasswd", "mosquitto_passwd"):
            yield from _password_file_secrets(words[at:])
        elif name in ("add_user", "change_password") and "rabbitmqctl" in names[:at]:
            yield from _secrets_in(words[at + 2 : at + 3], "password of RabbitMQ")
        elif _USERS.fullmatch(name):
            certain, separator = True, "," if name == "lftp" else ":"
    if certain or is_instruction or any("://" in text for text in texts):
        yield from _user_secrets(words, separator, certain)
    configures = "configure" in texts
    for word, following in pairwise(words):
        if word.text in ("-pass", "-passin", "-passout") and following.text.startswith("pass:"):
            yield from _secrets_in([following.suffix(5)], "password of openssl")
        if configures and _SETTING.search(word.text) and word.text[:1] not in ("-", "."):
            yield from _secrets_in([following], "setting", 6)


def _names(words: Sequence[_Word]) -> list[str]:
    """The names of the programs that words may refer to; "" for paths of other files."""
    named = (posixpath.split(word.text) for word in words)
    return [name if not folder or folder.endswith("bin") else "" for folder, name in named]


def _option_secrets(
    words: Sequence[_Word], option: str, where: int, label: str
) -> Iterator[_Secret]:
    for at, word in enumerate(words[1:], 1):
        if word.text == option and where & _SEPARATE:
            yield from _secrets_in(words[at + 1 : at + 2], label)
        elif word.text.startswith(option) and len(word.text) > len(option) and where & _ATTACHED:
            equals = word.text[len(option)] == "=" and bool(where & _SEPARATE)
            yield from _secrets_in([word.suffix(len(option) + equals)], label)


def _password_file_secrets(words: Sequence[_Word]) -> Iterator[_Secret]:
    """`htpasswd -b FILE USER PASSWORD`, or `htpasswd -nb USER PASSWORD`."""
    letters, operands, expects_value = "", [], False
    for word in words[1:]:
        if expects_value:
            expects_value = False
        elif word.text[:1] == "-" and len(word.text) > 1:
            letters += word.text[1:]
            expects_value = word.text[-1] in "Cr"
        else:
            operands.append(word)
    if "b" in letters:
        position = 1 if "n" in letters else 2
        yield from _secrets_in(
            operands[position : position + 1], f"password of {posixpath.basename(words[0].text)}"
        )


def _user_secrets(words: Sequence[_Word], separator: str, certain: bool) -> Iterator[_Secret]:
    """`-u USER:PASSWORD`; `certain` if the value cannot be a user and a group."""
    for at, word in enumerate(words[1:], 1):
        option = _USER_OPTION.match(word.text)
        if option is not None:
            value = word.suffix(option.end()) if option.end() < len(word.text) else None
            value = value or next(iter(words[at + 1 : at + 2]), None)
        elif certain and re.match("-[uU].", word.text):
            value = word.suffix(2)
        else:
            continue
        user, colon, password = (value.text if value else "").partition(separator)
        group = password.isdigit() or password in _ACCOUNTS or password == user or "/" in user
        if value is not None and colon and user and (certain or not group) and password != user:
            yield from _secrets_in([value.suffix(len(user) + 1)], "user and password")


def _piped_secrets(words: Sequence[_Word], previous: Sequence[_Word]) -> Iterator[_Secret]:
    """Secrets that a command reads from the previous one in a pipeline."""
    at = next((at for at, name in enumerate(_names(previous)) if name in _WRITERS), None)
    if at is None:
        return
    value = next((word for word in previous[at + 1 :] if word.text[:1] != "-"), None)
    names = _names(words)
    if value is None:
        return
    if "chpasswd" in names:
        user, colon, _ = value.text.partition(":")
        if colon:
            yield from _secrets_in([value.suffix(len(user) + 1)], _CHPASSWD)
    elif "passwd" in names:
        yield from _secrets_in([value], "password of passwd")
    elif "login" in names[1:]:
        yield from _secrets_in([value], _LOGIN)


def _secrets_in(words: Sequence[_Word], label: str, shortest: int = 2) -> Iterator[_Secret]:
    for word in words:
        if is_real(word.text, shortest):
            yield word.start, word.start + len(word.text), label


def _unquoted(text: str, start: int) -> _Word:
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        return _Word(start + 1, text[1:-1], True)
    return _Word(start, text, False)
