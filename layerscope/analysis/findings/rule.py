"""The type of finding rules.

A new rule is a file in `rules/` that ends in `RULE = Rule(…)`, and a line in `RULES` in its `__init__.py`. `find` is a pure
function: it examines the evidence and yields one `Claim` per cause and step. `run_rules` applies thresholds, switches and order,
and counts each byte once. For files at known places, use `known_paths.path_rule`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.site import page_address
from layerscope.words import Confidence, Severity


class Rule(Struct, frozen=True):
    """One kind of finding, with its defaults."""

    name: str
    """Its name in settings, gates and reports: words with hyphens. It never changes."""
    title: str
    """What it finds, as a short capitalized phrase."""
    why: str
    """Why it matters: a sentence or two."""
    find: Callable[[Evidence], Iterable[Claim]]
    severity: Severity = Severity.WARNING
    confidence: Confidence = Confidence.HIGH
    min_bytes: int = 100_000
    """Smaller findings are not reported."""
    finds: str = ""
    """What it looks for, in a sentence or two; may be empty for rules that only use `places`."""
    places: tuple[str, ...] = ()
    """Patterns of the paths that it claims."""
    wrong: str = ""
    """When it is wrong, and what to do then."""
    codes: tuple[str, ...] = ()
    """Equivalent rules of hadolint and checks of BuildKit."""
    last: bool = False
    """Whether it uses the claims of other rules, and so runs after them."""

    @property
    def page(self) -> str:
        """The address of its page."""
        return page_address(f"rules/{self.name}")
