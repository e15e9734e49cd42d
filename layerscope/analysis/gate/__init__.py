"""The gate: limits that an image must keep, and what is told of those that it does not.

One rule a file. They are listed in the order in which help and verdicts show them.
"""

from layerscope.analysis.gate import (
    allowed_paths,
    baseline_growth,
    finding_rules,
    forbidden_paths,
    max_compressed_size,
    max_layer_size,
    max_layers,
    max_new_waste,
    max_size,
    max_user_wasted_percent,
    max_wasted,
    max_wasted_percent,
    min_efficiency,
    no_secrets,
)
from layerscope.analysis.gate.rule import GateRule

RULES: tuple[GateRule, ...] = (
    min_efficiency.RULE,
    max_wasted.RULE,
    max_wasted_percent.RULE,
    max_user_wasted_percent.RULE,
    max_new_waste.RULE,
    max_size.RULE,
    max_compressed_size.RULE,
    max_layer_size.RULE,
    max_layers.RULE,
    forbidden_paths.RULE,
    allowed_paths.RULE,
    no_secrets.RULE,
    finding_rules.RULE,
    baseline_growth.RULE,
)
