"""All rules, in the order in which help lists them."""

import difflib
from collections.abc import Callable, Iterable

from layerscope.analysis.findings import (
    caches,
    copied_context,
    deleted_later,
    duplicate_directories,
    duplicate_files,
    empty_layer,
    many_tiny_files,
    no_effect_layer,
    overwritten,
    rewritten_for_attributes,
    secrets,
    sparse_giant,
    stored_again,
    unneeded,
)
from layerscope.analysis.findings.rule import Rule
from layerscope.errors import UsageError

RULES: tuple[Rule, ...] = (
    *secrets.RULES,
    deleted_later.RULE,
    rewritten_for_attributes.RULE,
    overwritten.RULE,
    stored_again.RULE,
    duplicate_directories.RULE,
    duplicate_files.RULE,
    copied_context.RULE,
    *caches.RULES,
    *unneeded.RULES,
    sparse_giant.RULE,
    many_tiny_files.RULE,
    no_effect_layer.RULE,
    empty_layer.RULE,
)


def check_rules(names: Iterable[str], place: Callable[[str], str]) -> None:
    """Raise `UsageError` for a name that is no rule's; `place` tells where it was written."""
    known = [rule.name for rule in RULES]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3)
            hint = f"did you mean {', '.join(near)}?" if near else "`layerscope rules` lists them"
            raise UsageError(f"{place(name)}: there is no rule `{name}`", hint=hint)
