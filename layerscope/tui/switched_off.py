"""Results that the user switched off: filters must not wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layerscope.analysis.findings.finding import Findings
    from layerscope.opening.options import Options


def switched_off(options: Options, findings: Findings | None = None) -> dict[str, str]:
    """For each mark that will never be available: what switched it off, and how to get it. `findings` are None until they are
    available.
    """
    off = {}
    if not options.duplicates:
        off["duplicate"] = "is switched off by --no-duplicates; open the image without it"
    if options.rules is None:
        off |= dict.fromkeys(("package", "secret"), "is switched off, as all rules are")
    elif findings is not None and not looked_for_secrets(findings):
        off |= {
            "secret": "is switched off, as are all rules about secrets in [rules] of the settings"
        }
    return off


def looked_for_secrets(findings: Findings) -> bool:
    """Whether a rule looked for secrets."""
    from layerscope.analysis.findings.finding import is_secret  # not before the first frame

    return any(map(is_secret, findings.applied))
