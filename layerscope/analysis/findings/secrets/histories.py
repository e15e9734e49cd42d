"""Command histories of shells and of other interactive programs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from layerscope.analysis.findings.secrets.pairs import (
    LONGEST_LINE,
    is_named_secret,
    literal_pairs,
    passwords_in_urls,
)
from layerscope.analysis.findings.secrets.values import Secret
from layerscope.image.secret_spans import find_spans
from layerscope.lazy_patterns import lazy_pattern

HISTORIES = (
    *(".bash_history", ".ash_history", ".sh_history", ".zsh_history", ".zhistory", ".histfile"),
    *(".ksh_history", ".tcsh_history", ".history", "fish_history", ".local_history"),
    *("ConsoleHost_history.txt", "**/nushell/history.txt", "**/xonsh/history_json/*"),
    *(
        ".psql_history",
        ".mysql_history",
        ".mariadb_history",
        ".sqlite_history",
        ".rediscli_history",
    ),
    *(".dbshell", "mongosh_repl_history", "**/cassandra/cqlsh_history", ".cqlsh_history"),
    *(".influx_history", ".clickhouse-client-history", ".usql_history", ".sqlcmd_history"),
    *(".python_history", ".pythonhist", ".node_repl_history", ".irb_history", ".irb-history"),
    *(".pry_history", "pry_history", ".php_history", ".Rhistory", ".scala_history", ".lua_history"),
    *("repl_history.jl", ".erlang_history", ".bpython_history", ".viminfo", ".lesshst"),
)
_MAX_LINES = 2000
"""Maximum lines of one history that are examined, the last ones first."""
_SUGGESTIVE = lazy_pattern(
    r"pass|pwd|secret|token|key|auth|cred|bearer|identified|login|://[^/\s]*:|\s-[pua]",
    re.IGNORECASE,
)
"""Matched by every line with a secret."""
_BEFORE = lazy_pattern(r"^(?:: \d+:\d+;|- cmd: |\d+\s+)")
"""What zsh, fish and numbered histories write before a command."""
_CODE = lazy_pattern(r"[A-Za-z_][\w.]*[(\[]")
_SET = lazy_pattern(r"""\bset(?:env)?\s+(?:-\w+\s+)*([A-Za-z_]\w{0,127})\s+["']?([^\s"';]+)""")
_REDIS = lazy_pattern(
    r"""^\s*(?:auth|config\s+set\s+(?:requirepass|masterauth)|hello\s+\d\s+auth)\s+(?:\S+\s+)?["']?([^\s"']+)["']?\s*$""",
    re.IGNORECASE,
)
_CALLS = lazy_pattern(
    r"""\b(?:auth|login|createUser|changeUserPassword)\(\s*["'][^"']{1,200}["']\s*,\s*["']([^"']{1,200})["']|\bpragma\s+(?:re)?key\s*=\s*["']([^"']+)""",
    re.IGNORECASE,
)


def typed_secrets(text: str) -> Iterator[Secret]:
    """Typed secrets: in variables, options and URLs, and in statements that set a password."""
    examined = 0
    for line in reversed(text.splitlines()):
        if len(line) > LONGEST_LINE or not _SUGGESTIVE.search(line):
            continue
        examined += 1
        if examined > _MAX_LINES:
            return
        command = _BEFORE.sub("", line).replace("\\040", " ")
        for span in find_spans(f"{command}\n"):
            value = command[span.start : span.end]
            # Except in a URL, whose host counts, and values that a program computes.
            if command[span.end : span.end + 1] != "@" and not _CODE.match(value):
                yield Secret(value)
        yield from passwords_in_urls(command)
        assigned = [(match[1], match[2]) for match in _SET.finditer(command)]
        for name, value in (*assigned, *literal_pairs(command)):
            if is_named_secret(name) and len(value) >= _SHORTEST:
                yield Secret(value)
        if match := _REDIS.match(command):
            yield Secret(match[1])
        for match in _CALLS.finditer(command):
            yield Secret(match[1] or match[2])


_SHORTEST = 6
"""Minimum length of a value that is secret because of its name."""
