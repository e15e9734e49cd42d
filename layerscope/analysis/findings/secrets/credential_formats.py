"""Formats of credential files: the values where a password or token belongs. `values` decides whether they are real."""

from __future__ import annotations

import base64
import binascii
import configparser
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from layerscope.analysis.findings.secrets.pairs import (
    is_named_secret,
    json_leaves,
    lines,
    pairs,
    passwords_in_urls,
    plain_pairs,
    snake_case,
)
from layerscope.analysis.findings.secrets.values import Secret
from layerscope.image.secret_names import is_secret

_LONGEST_YAML = 64 * 1024
_SHORTEST_TOKEN = 16
_NO_PASSWORD = "x-oauth-basic"  # noqa: S105 - what stands for the password if the user name is a token
_USER = re.compile(
    r"^[ \t]{1,40}(?:token|password|client-key-data):[ \t]{1,40}([^\s#]+)", re.MULTILINE
)
_HEADER = re.compile(r"""authorization\s*:\s*(basic|bearer|token)\s+([^\s"']+)""", re.IGNORECASE)
_TOKEN_IN_URL = re.compile(r"""https?://([\w.~-]{20,200})@[\w.-]""", re.IGNORECASE)
_CONDA_TOKEN = re.compile(r"/t/([\w-]{8,200})(?=/|\s|$)")


def settings(text: str) -> Iterator[Secret]:
    """Settings with the name of a secret, or a URL with a password."""
    for name, value in plain_pairs(text):
        if is_secret(name, value):
            yield _in_value(value)


def named_secrets(text: str) -> Iterator[Secret]:
    """The same in any syntax: JSON, YAML, TOML, XML, Lua."""
    for name, value in pairs(text):
        if is_named_secret(name):
            yield Secret(value)
    yield from passwords_in_urls(text)


def _in_value(value: str) -> Secret:
    return next(passwords_in_urls(value), Secret(value))


def npmrc(text: str) -> Iterator[Secret]:
    """npm, Yarn and pnpm: keys end in _authToken, _auth or _password (npmrc(5)), followed by a space in Yarn 1."""
    ends = ("_authToken", "_auth", "_password", "npmAuthToken", "npmAuthIdent")
    for line in text.splitlines():
        words = re.split(r"\s*=\s*|:\s+|\s+", line.strip(), maxsplit=1)
        value = words[-1].strip().strip("\"'")
        if len(words) == 2 and words[0].strip("\"'").endswith(ends):
            yield _identity(value) if words[0].endswith("_auth") else Secret(value)
    yield from passwords_in_urls(text)


def ini(text: str) -> Iterator[Secret]:
    """`password`, or a URL with one, in any section: pip, PyPI, MySQL, AWS, S3."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except (configparser.Error, UnicodeError):
        yield from settings(text)
        return
    for section in parser.values():
        host = section.get("host") or ""
        for key, value in section.items():
            if value and is_secret(key, value):
                secret = _in_value(value)
                yield secret if secret.host else Secret(secret.value, host)


def netrc(text: str) -> Iterator[Secret]:
    """`machine … login … password …` (the format of ftp's .netrc)."""
    host = user = ""
    for word, value in pairwise(text.split()):
        if word == "machine":
            host, user = value, ""
        elif word == "login":
            user = value
        elif word == "password":
            yield Secret(value, host, user)


def url_lines(text: str) -> Iterator[Secret]:
    """Git's credential store: one URL per line, with a password or a token."""
    yield from passwords_in_urls(text)
    for match in _TOKEN_IN_URL.finditer(text):
        yield Secret(match[1])


def git_config(text: str) -> Iterator[Secret]:
    """Headers left by a checkout, URLs of remotes, and passwords of mail accounts and credential helpers (git-config(1))."""
    for line in lines(text):
        for match in _HEADER.finditer(line):
            yield _identity(match[2]) if match[1].lower() == "basic" else Secret(match[2])
    yield from url_lines(text)
    for name, value in plain_pairs(text):
        if snake_case(name) in ("smtppass", "oauth_token", "password", "token", "pass"):
            yield Secret(value)
        elif name == "helper" and (typed := re.search(r"\bpassword=([^\s\"';\\]+)", value)):
            yield Secret(typed[1])


def _identity(value: str) -> Secret:
    """`user:password` decoded from base64; the value itself if it is not base64."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return Secret(value)
    user, colon, password = text.partition(":")
    return Secret(password, "", user) if colon else Secret(value)


def registry(text: str) -> Iterator[Secret]:
    """Docker's config.json, Podman's auth.json, and Helm's: `auths` with `auth`, `identitytoken` (docker-config.json(5)); and
    the auth.json of Composer, Vercel and others."""
    sections = ("http-basic", "github-oauth", "gitlab-oauth", "gitlab-token", "bearer")
    for keys, value in json_leaves(text):
        if keys and keys[-1] == "auth":
            yield _identity(value)
        elif (
            keys and (is_named_secret(keys[-1]) or keys[-1] in ("identitytoken", "registrytoken"))
        ) or (not set(sections).isdisjoint(keys) and keys[-1] != "username"):
            yield Secret(value)
    yield from passwords_in_urls(text)


def values_below(*names: str) -> Callable[[str], Iterator[Secret]]:
    """Finds the values below one of these keys of a JSON document."""

    def find(text: str) -> Iterator[Secret]:
        for keys, value in json_leaves(text):
            if not set(names).isdisjoint(keys):
                yield Secret(value)

    return find


def kubeconfig(text: str) -> Iterator[Secret]:
    """Users with a token, a password or a key (kubectl's Config v1)."""
    if "users" not in text:
        return
    if len(text) > _LONGEST_YAML:  # a YAML parser would take minutes
        yield from (Secret(match[1]) for match in _USER.finditer(text))
        return
    from layerscope.analysis.findings.secrets.plain_yaml import load_yaml  # takes a while to import

    document = load_yaml(text)
    users = document.get("users") if isinstance(document, dict) else None
    for user in users if isinstance(users, list) else ():
        fields = user.get("user") if isinstance(user, dict) else None
        for key in ("token", "password", "client-key-data"):
            value = fields.get(key) if isinstance(fields, dict) else None
            if value:
                yield Secret(str(value))


def pgpass(text: str) -> Iterator[Secret]:
    """`host:port:database:user:password` lines (libpq)."""
    for line in lines(text):
        fields = line.strip().split(":", 4)
        if len(fields) == 5:
            yield Secret(fields[4], fields[0], fields[3])


def maven(text: str) -> Iterator[Secret]:
    """Passwords for Maven's servers; those in braces are encrypted."""
    for match in re.finditer(
        r"<(?:password|passphrase)>\s*([^<]{1,400}?)\s*</", _uncommented(text)
    ):
        if not match[1].startswith("{"):
            yield Secret(match[1])


def maven_master(text: str) -> Iterator[Secret]:
    """The master password of Maven, which is encrypted with a well-known key."""
    for match in re.finditer(r"<master>\s*([^<]{1,400}?)\s*</", _uncommented(text)):
        yield Secret(match[1].strip("{}"))


def _uncommented(text: str) -> str:
    return re.sub(r"<!--.*?(?:-->|$)", "", text, flags=re.DOTALL)


def nuget(text: str) -> Iterator[Secret]:
    """Clear-text passwords of package sources, and URLs with one."""
    for name, value in pairs(text):
        if name.lower() in ("cleartextpassword", "password"):
            yield Secret(value)
    yield from passwords_in_urls(text)


def bundler(text: str) -> Iterator[Secret]:
    """`BUNDLE_HOST__NAME: "user:password"`: two underscores are a dot of a host."""
    for name, value in plain_pairs(text):
        host = re.fullmatch(r"BUNDLE_(?!MIRROR__|BUILD__|LOCAL__|GEM__|SSL_)\w*__\w+", name)
        if host and re.fullmatch(r"[^\s:/]+:[^\s:/]+|[\w-]{20,}", value):
            user, colon, password = value.partition(":")
            yield Secret(user if password == _NO_PASSWORD or not colon else password)
    yield from passwords_in_urls(text)


def erlang_terms(text: str) -> Iterator[Secret]:
    """Keys of Hex: `{'$write_key', <<"…">>}`, `api_key => <<"…">>`."""
    for match in re.finditer(
        r"""key['"]?(?:>>)?\s{0,20}(?:,|=>)\s{0,20}(?:<<)?"([^"\s]{8,400})\"""", text
    ):
        yield Secret(match[1])


def conda(text: str) -> Iterator[Secret]:
    """Channels with a token or a password in their URLs."""
    yield from passwords_in_urls(text)
    for match in _CONDA_TOKEN.finditer(text):
        yield Secret(match[1])


def subversion(text: str) -> Iterator[Secret]:
    """`password` in Subversion's store, after a line with its length."""
    for match in re.finditer(r"^pass(?:word|phrase)\r?\nV \d+\r?\n(.+)$", text, re.MULTILINE):
        yield Secret(match[1].strip())


def account_lines(text: str) -> Iterator[Secret]:
    """`user:password` at the end of each line: maps of Postfix, keys of s3fs."""
    for line in lines(text):
        user, colon, password = (line.split() or [""])[-1].rpartition(":")
        if colon and user:
            yield Secret(password, "", user)


def one_token(text: str) -> Iterator[Secret]:
    """A file that is a token."""
    text = text.strip()
    if len(text) >= _SHORTEST_TOKEN and re.fullmatch(r"[\w.~+/=:-]{1,4096}", text):
        yield Secret(text)
