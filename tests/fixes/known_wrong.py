"""What is known to be wrong: `CHECK NAME` of entries of the corpus. A line goes when its fix is right."""

from __future__ import annotations

KNOWN_WRONG = frozenset(
    (
        "parses escape-backtick",
        "parses escape-backtick-cache",
        "parses escape-backtick-merged",
        "parses flags-in-quotes",
        "parses heredoc-copied",
        "parses password-of-htpasswd",
        "parses secret-in-the-command",
        "runs apk-update",
        "runs exit-in-a-branch",
        "runs git-of-an-ssh-url",
        "runs git-of-an-url",
        "runs go-user",
        "runs heredocs-both",
        "runs pnpm-user",
    )
)
