"""Files whose format has a place for a password or token: whether something stands there."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from layerscope.image.secret_names import PLACEHOLDER, is_secret

CREDENTIALS = "credentials"
"""The kind of a secret in a file of a known format."""
SETTINGS = "secret settings"
"""The kind of a secret assigned in an environment file."""
_ASSIGNED = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*[=:]")
_URL = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s:/@]*:([^\s/@]+)@", re.IGNORECASE)
_LONGEST_YAML = 64 * 1024
_USER = re.compile(
    r"^[ \t]{1,40}(?:token|password|client-key-data):[ \t]{1,40}[^\s#]", re.MULTILINE
)


def _assigned(text: str) -> Iterator[tuple[str, str]]:
    """`NAME=value` and `name: value`, a line each."""
    for line in text.splitlines():
        if len(line) < 4096 and not line.lstrip().startswith(("#", ";")):
            found = _ASSIGNED.match(line)
            if found:
                yield found[1], line[found.end() :].strip()


def _settings(text: str) -> bool:
    return any(is_secret(name, value) for name, value in _assigned(text))


def _npmrc(text: str) -> bool:
    """npm's and Yarn's: keys end in _authToken, _auth or _password (npmrc(5))."""
    for line in text.splitlines():
        key, _, value = line.partition("=") if "=" in line else line.partition(":")
        value = value.strip().strip("\"'")
        named = key.strip().endswith(("_authToken", "_auth", "_password", "npmAuthToken"))
        if named and value and PLACEHOLDER.fullmatch(value) is None:
            return True
    return False


def _ini(text: str) -> bool:
    """`password`, or a URL with one, in any section: pip, PyPI, MySQL, AWS, S3."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except (configparser.Error, UnicodeError):
        return _settings(text)
    return any(
        is_secret(key, value or "") for section in parser.values() for key, value in section.items()
    )


def _netrc(text: str) -> bool:
    """`machine … login … password …` (the format of ftp's .netrc)."""
    words = text.split()
    return any(
        word == "password" and PLACEHOLDER.fullmatch(value) is None
        for word, value in pairwise(words)
    )


def _url_lines(text: str) -> bool:
    """Git's store of credentials: a URL with a password a line."""
    return any(_URL.search(line) for line in text.splitlines())


def _registry(text: str) -> bool:
    """Docker's config.json, Podman's auth.json: `auths` with `auth`, `identitytoken` (docker-config.json(5))."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    auths = document.get("auths", document) if isinstance(document, dict) else None
    return isinstance(auths, dict) and any(
        isinstance(entry, dict)
        and any(entry.get(key) for key in ("auth", "identitytoken", "password"))
        for entry in auths.values()
    )


def _kubeconfig(text: str) -> bool:
    """Users with a token, a password or a key (kubectl's Config v1)."""
    if "users" not in text:
        return False
    if len(text) > _LONGEST_YAML:  # minutes, for a parser of YAML
        return _USER.search(text) is not None
    from layerscope.analysis.findings.secrets.plain_yaml import load_yaml  # takes a while

    document = load_yaml(text)
    users = document.get("users") if isinstance(document, dict) else None
    return isinstance(users, list) and any(
        isinstance(user, dict)
        and isinstance(user.get("user"), dict)
        and any(user["user"].get(key) for key in ("token", "password", "client-key-data"))
        for user in users
    )


def _pgpass(text: str) -> bool:
    """`host:port:database:user:password` a line (libpq)."""
    return any(
        line.count(":") >= 4 and not line.startswith("#") and line.rpartition(":")[2].strip()
        for line in text.splitlines()
    )


def _xml_password(text: str) -> bool:
    """`<password>` of Maven's servers; those in braces are encrypted."""
    return any(
        PLACEHOLDER.fullmatch(value.strip()) is None and not value.strip().startswith("{")
        for value in re.findall(r"<password>([^<]{1,200})</password>", text)
    )


FORMATS: tuple[tuple[tuple[str, ...], Callable[[str], bool]], ...] = (
    ((".npmrc", ".yarnrc.yml"), _npmrc),
    ((".netrc", "_netrc"), _netrc),
    ((".git-credentials",), _url_lines),
    ((".dockercfg", "auth.json", "**/.docker/config.json"), _registry),
    (("kubeconfig", "*.kubeconfig", "**/.kube/config"), _kubeconfig),
    ((".pypirc", "pip.conf", ".my.cnf", ".s3cfg", ".boto", "rclone.conf"), _ini),
    (("**/.aws/credentials", "**/.aws/config"), _ini),
    ((".pgpass",), _pgpass),
    (("**/.m2/settings.xml",), _xml_password),
    (("gradle.properties", "*.tfvars", "**/.gem/credentials"), _settings),
    (("**/.cargo/credentials", "**/.cargo/credentials.toml"), _settings),
)
"""Patterns of paths, and whether a text of that format holds credentials; the first that matches counts."""
ENVIRONMENT = (".env", ".env.*", "*.env")
"""Names of settings for an environment."""
SAMPLES = tuple(
    f"*.{word}" for word in ("example", "sample", "template", "dist", "defaults", "test")
)
"""Names of samples of such files, which hold no secrets."""


@dataclass(frozen=True, slots=True)
class Formats:
    """What the paths of a file say about its format."""

    credentials: Callable[[str], bool] | None = None
    """One of `FORMATS`; None for all others."""
    environment: bool = False
    """Whether it is an environment file, and no sample of one."""

    def kinds(self, text: str) -> set[str]:
        """The kinds of secrets that stand at their places in a text."""
        kinds = set()
        if self.credentials is not None and self.credentials(text):
            kinds.add(CREDENTIALS)
        if self.environment and _settings(text):
            kinds.add(SETTINGS)
        return kinds
