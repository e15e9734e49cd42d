"""The page of each rule, docs/rules/NAME.md, generated from the rule. `python -m tests.docs.generated` writes them."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.rules import RULES
from layerscope.text import size
from tests.docs.page import DOCS
from tests.docs.rule_examples import EXAMPLES

FOLDER = DOCS / "rules"
_BUILDKIT = "https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/"
_HADOLINT = "https://github.com/hadolint/hadolint/wiki/"


def rule_pages() -> dict[str, str]:
    """Name → the text of its page, for all rules."""
    return {rule.name: "\n".join(_lines(rule)) for rule in RULES}


def code_links(rule: Rule) -> str:
    """Links to the equivalent rules of other tools."""
    return ", ".join(
        f"[{code}]({_HADOLINT}{code})" if code.startswith("DL") else f"[{code}]({_BUILDKIT})"
        for code in rule.codes
    )


def _lines(rule: Rule) -> Iterator[str]:
    yield f"# {rule.name}\n"
    yield f"{rule.title}. Severity **{rule.severity}**, confidence **{rule.confidence}** (what they mean: [findings](../findings.md#severity-and-confidence)), from {size(rule.min_bytes)} on.\n"
    if rule.codes:
        yield f"The same elsewhere: {code_links(rule)}.\n"
    yield "## What it finds\n"
    if rule.finds:
        yield f"{rule.finds}\n"
    if rule.places:
        yield "Files at or below these paths, written as in `.gitignore`:\n"
        yield "```text\n" + "\n".join(rule.places) + "\n```\n"
    yield f"## Why it matters\n\n{rule.why}\n"
    example = EXAMPLES[rule.name]
    finding = example.finding(rule.name)
    yield f"## Example\n\n```dockerfile\n{example.instructions}\n```\n"
    yield f"The fix that layerscope gives:\n\n```dockerfile\n{finding.fix}\n```\n"
    yield f"## When it is wrong\n\n{rule.wrong}\n"
    yield from _switches(rule, finding)


def _switches(rule: Rule, finding: Finding) -> Iterator[str]:
    where = " at one path" if len(finding.paths) else ""
    path = 'path = "/srv/example"\n' if len(finding.paths) else ""
    yield f"To turn the rule off, or to accept what it finds{where} in the [gate](../ci.md#ignoring):\n"
    yield (
        f'```toml\n# .layerscope.toml\n[rules]\n{rule.name} = false\n\n[[ignore]]\nrule = "{rule.name}"\n{path}'
        'reason = "…"\n```\n'
    )
