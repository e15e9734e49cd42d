"""What a rule is.

A new rule is one file in this package that ends in `RULE = Rule(…)`, and one line in `RULES` in `rules.py`, or of its family's `__init__.py`. Its `find` is
pure: it looks at the evidence and yields one `Claim` a cause and step. It leaves to others what is the same for all rules:
thresholds, switches, order, and that no byte is counted twice. Rules about what lies at known places are made by
`known_paths.path_rule`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.words import Confidence, Severity

PAGES = "https://layerscope.readthedocs.io/en/latest/rules/"
"""Where the page of each rule is: `docs/rules/` as published, see `project.urls` in pyproject.toml."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding, with what holds for all findings of it."""

    name: str
    """What settings, gates and reports call it: words with hyphens, never changed."""
    title: str
    """What was found, in a few words that begin with a capital."""
    why: str
    """Why it matters: a sentence or two."""
    find: Callable[[Evidence], Iterable[Claim]]
    severity: Severity = Severity.WARNING
    confidence: Confidence = Confidence.HIGH
    min_bytes: int = 100_000
    """Findings of fewer bytes are not worth a word."""
    finds: str = ""
    """What it looks at, in a sentence or two; may be empty for rules that go by `places` alone."""
    places: tuple[str, ...] = ()
    """Patterns of the paths that it claims."""
    wrong: str = ""
    """When it is wrong, and what to do then."""
    codes: tuple[str, ...] = ()
    """Rules of hadolint and checks of BuildKit that mean the same."""
    last: bool = False
    """It asks what other rules claim, and so comes after them."""

    @property
    def page(self) -> str:
        """The address of its page."""
        return f"{PAGES}{self.name}/"
