"""Secrets: what whoever can pull the image can use. Values are never kept, shown or written; only where they are."""

from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.secrets import (
    credentials,
    environment_files,
    history,
    private_keys,
)

RULES: tuple[Rule, ...] = (
    private_keys.RULE,
    credentials.RULE,
    environment_files.RULE,
    history.RULE,
)
