"""Values where a format keeps a secret: whether there is one, and whether it is real or a dummy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from layerscope.image.dummy_secrets import is_dummy
from layerscope.image.secret_names import PLACEHOLDER
from layerscope.lazy_patterns import lazy_pattern


class Secret(NamedTuple):
    """A value where a secret belongs, and what is known of its service. Never shown or stored."""

    value: str
    host: str = ""
    user: str = ""


class Grade(IntEnum):
    """Whether the secrets of a text are real."""

    NONE = 0
    DUMMY = 1
    REAL = 2


_REFERENCE = lazy_pattern(
    r"\$[A-Za-z_{(]|`|\{\{|<[^<>]*>|%[A-Za-z_]\w*%|%(?:env)?\([\w:.]+\)|#\{|__\w+__$|@[\w.]+@$|\*+$|\[[\w ]+\]$"
    r"|(?:ENC|env|getenv|lookup|secret|file)\(|(?:os\.environ|process\.env|System\.getenv|ENV\[)"
    r"|\{(?:cipher|vault|noop|bcrypt|argon2|pbkdf2|scrypt|ssha\w*|sha\w*)\}|\$(?:1|2[abxy]?|5|6|y|argon2\w*)\$"
    r"|(?:vault|op|sm|ssm|awssm|gcpsm|azurekv|ref\+\w+|secretsmanager|arn|kms|keyring|keychain):"
    r"|@Microsoft\.KeyVault|![A-Za-z]|SCRAM-SHA-|projects/[^/]{1,100}/secrets/",
)
"""A reference to a secret stored elsewhere, or the hash of one."""
_PATH = lazy_pattern(r"(?:~|\.{1,2}|/(?:[\w.-]+/)?)/?[\w.-]+(?:/[\w.-]+)+|[A-Za-z]:\\|file:")
_SCHEMA = lazy_pattern(
    r"true|false|yes|no|on|off|null|nil|none|undefined|nothing|empty|required|optional|(?:dis|en)abled|string|text|number"
    r"|bool(?:ean)?|int(?:eger)?|varchar|hidden|plain|basic|digest|bearer|~",
    re.IGNORECASE,
)
"""Words that describe a value."""


def is_literal(value: str, shortest: int = 1) -> bool:
    """Whether a value is long enough, and not a placeholder, variable, reference, path or word of a schema."""
    return (
        len(value) >= shortest
        and _SCHEMA.fullmatch(value) is None
        and PLACEHOLDER.fullmatch(value) is None
        and _REFERENCE.match(value) is None
        and (_PATH.match(value) is None or len(value) == _AWS_KEY_LENGTH)
    )


_AWS_KEY_LENGTH = 40
"""Characters of AWS secret keys, some of which look like paths."""


def grade(secrets: Iterable[Secret], shortest: int = 1) -> Grade:
    """The highest grade of some values; values for a known service may be short."""
    highest = Grade.NONE
    for secret in secrets:
        if is_literal(secret.value, 1 if secret.host else shortest):
            if not is_dummy(*secret):
                return Grade.REAL
            highest = Grade.DUMMY
    return highest
