"""The gate: limits that an image must keep, and a report of those that it exceeds.

Rules are listed in the order in which help and verdicts show them. A rule that compares one figure with a limit is a row in
`figures.py`; one with logic of its own is a file that ends in `RULE = GateRule(…)`.
"""

from layerscope.analysis.gate import baseline_growth, figures, finding_checks, no_secrets, paths
from layerscope.analysis.gate.rule import GateRule

RULES: tuple[GateRule, ...] = (
    *figures.RULES,
    *paths.RULES,
    no_secrets.RULE,
    finding_checks.RULE,
    baseline_growth.RULE,
)
