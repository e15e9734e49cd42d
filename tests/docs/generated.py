"""Tables of docs/ that the code itself writes. `python -m tests.docs.generated` puts them into the pages."""

from __future__ import annotations

from collections.abc import Callable

from layerscope.analysis.findings.rules import RULES
from layerscope.text import size
from layerscope.tui.commands import key_table
from tests.docs.page import DOCS, marked, marks, read


def rule_table() -> str:
    """All rules of findings, in the order of `layerscope rules`."""
    lines = ["| rule | finds | severity | confidence | from |", "|---|---|---|---|---:|"]
    lines += (
        f"| `{rule.name}` | {rule.title} | {rule.severity} | {rule.confidence} | {size(rule.min_bytes)} |"
        for rule in RULES
    )
    return "\n".join(lines) + "\n"


GENERATED: dict[tuple[str, str], Callable[[], str]] = {
    ("keys.md", "keys"): key_table,
    ("findings.md", "rules"): rule_table,
}
"""Page and mark → the text that belongs there."""


def written(name: str, mark: str) -> str:
    """A page with its marked part as the code writes it."""
    text, (begin, end) = read(name), marks(mark)
    body = GENERATED[name, mark]().strip()
    return text.replace(begin + marked(text, mark) + end, f"{begin}\n\n{body}\n\n{end}")


def main() -> None:
    """Rewrite all pages."""
    for name, mark in GENERATED:
        (DOCS / name).write_text(written(name, mark))


if __name__ == "__main__":
    main()
