"""All finding rules, in the order of `layerscope rules`.

A new rule is a row in `caches.py`, `language_caches.py`, `build_tools.py` or `unused_files.py`, or a module of its own that ends
in `RULE = Rule(…)`, with a line here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.rules import (
    build_tools,
    caches,
    copied_context,
    core_dumps,
    cuda,
    deleted_later,
    documentation,
    duplicate_directories,
    duplicate_files,
    git_directory,
    idle_layers,
    language_caches,
    many_tiny_files,
    node_development,
    overwritten,
    python_bytecode,
    python_tests,
    reordering,
    rewritten_for_attributes,
    secret_history,
    secrets,
    source_maps,
    sparse_giant,
    stored_again,
    unused_files,
)
from layerscope.errors import UsageError

RULES: tuple[Rule, ...] = (
    *secrets.RULES,
    secret_history.RULE,
    deleted_later.RULE,
    rewritten_for_attributes.RULE,
    overwritten.RULE,
    stored_again.RULE,
    duplicate_directories.RULE,
    duplicate_files.RULE,
    copied_context.RULE,
    *caches.RULES,
    *language_caches.RULES,
    *build_tools.RULES,
    unused_files.DEBUG_SYMBOLS,
    documentation.RULE,
    unused_files.LOCALES,
    python_bytecode.RULE,
    python_tests.RULE,
    node_development.RULE,
    source_maps.RULE,
    git_directory.RULE,
    unused_files.EDITOR_FILES,
    core_dumps.RULE,
    *cuda.RULES,
    sparse_giant.RULE,
    many_tiny_files.RULE,
    *idle_layers.RULES,
    reordering.RULE,
)


def check_rules(names: Iterable[str], place: Callable[[str], str]) -> None:
    """Raise `UsageError` for an unknown rule name; `place` returns where a name was written."""
    known = [rule.name for rule in RULES]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3)
            hint = f"did you mean {', '.join(near)}?" if near else "`layerscope rules` lists them"
            raise UsageError(f"{place(name)}: unknown rule `{name}`", hint=hint)
