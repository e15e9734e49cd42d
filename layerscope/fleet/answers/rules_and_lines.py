"""The cost of each rule and of each Dockerfile line over all images."""

from __future__ import annotations

from msgspec import Struct, field

from layerscope.analysis.findings.rules import RULES
from layerscope.fleet.answers.layers import Layers
from layerscope.fleet.answers.model import LineAnswer, LineSaving, RuleAnswer
from layerscope.fleet.answers.savings import Savings
from layerscope.fleet.claims import AVOIDABLE, WASTED, ClaimRow, rule_of, rule_subject
from layerscope.fleet.results import Results
from layerscope.fleet.tables import FindingRow, LayerRow, StepRow
from layerscope.words import Severity

_TITLES = {rule.name: rule.title for rule in RULES}
_RANKS = list(Severity)


class _Sum(Struct):
    """Images, bytes, and the keys of the layers that contribute to them."""

    images: int = 0
    last_image: int = -1
    bytes: int = 0
    keys: dict[str, None] = field(default_factory=dict)

    def add(self, image: int, size: int, key: str | None = None) -> None:
        if self.last_image != image:
            self.images += 1
            self.last_image = image
        self.bytes += size
        if key is not None:
            self.keys[key] = None

    def once(self, savings: Savings, subject: str) -> int:
        return sum(savings.once(subject, key) for key in self.keys)


class _Rule(Struct):
    any_finding: _Sum = field(default_factory=_Sum)
    in_base: _Sum = field(default_factory=_Sum)
    outside_base: _Sum = field(default_factory=_Sum)
    findings: int = 0
    severity: Severity = Severity.NOTE
    saved: _Sum = field(default_factory=_Sum)
    lines: dict[str, _Sum] = field(default_factory=dict)


class _Line(Struct):
    instruction: str | None
    stored: _Sum = field(default_factory=_Sum)
    wasted: _Sum = field(default_factory=_Sum)
    avoidable: _Sum = field(default_factory=_Sum)


def rules_and_lines(
    results: Results, layers: Layers, savings: Savings
) -> tuple[list[RuleAnswer], list[LineAnswer]]:
    """The rules and the Dockerfile lines, each with its bytes over all images, the costliest first."""
    rules: dict[str, _Rule] = {}
    lines: dict[str, _Line] = {}
    for image in range(results.images):
        steps = {
            step.layer: step for step in results.of_image(StepRow, image) if step.layer is not None
        }
        for layer in results.of_image(LayerRow, image):
            step = steps[layer.layer]
            line = lines.setdefault(step.line, _Line(step.instruction))
            line.stored.add(image, layer.stored_bytes, layer.key)
        last_finding = -1
        for finding in results.of_image(FindingRow, image):
            rule = rules.setdefault(finding.rule, _Rule())
            rule.any_finding.add(image, 0)
            (rule.in_base if finding.base else rule.outside_base).add(image, 0)
            rule.severity = min(rule.severity, Severity(finding.severity), key=_RANKS.index)
            rule.findings += finding.finding != last_finding
            last_finding = finding.finding
        for claim in results.of_image(ClaimRow, image):
            text = steps[claim.layer].line
            if claim.subject == WASTED:
                lines[text].wasted.add(image, claim.saved, claim.key)
            elif claim.subject == AVOIDABLE:
                lines[text].avoidable.add(image, claim.saved, claim.key)
            else:
                rule = rules[rule_of(claim.subject)]
                rule.saved.add(image, claim.saved, claim.key)
                rule.lines.setdefault(text, _Sum()).add(image, claim.saved, claim.key)
    return (
        sorted(
            (_rule(name, rule, savings) for name, rule in rules.items()),
            key=lambda rule: (-rule.bytes, _RANKS.index(Severity(rule.severity)), rule.rule),
        ),
        sorted(
            (_line(text, line, layers, savings) for text, line in lines.items()),
            key=lambda line: (-line.avoidable_bytes, -line.stored_bytes, line.line),
        ),
    )


def _rule(name: str, rule: _Rule, savings: Savings) -> RuleAnswer:
    subject = rule_subject(name)
    lines = [
        LineSaving(text, line.images, line.bytes, line.once(savings, subject))
        for text, line in rule.lines.items()
    ]
    return RuleAnswer(
        rule=name,
        title=_TITLES.get(name, name),
        severity=rule.severity.value,
        images=rule.any_finding.images,
        findings=rule.findings,
        base_images=rule.any_finding.images - rule.outside_base.images,
        bytes=rule.saved.bytes,
        once_bytes=rule.saved.once(savings, subject),
        lines=sorted(lines, key=lambda line: (-line.bytes, line.line)),
    )


def _line(text: str, line: _Line, layers: Layers, savings: Savings) -> LineAnswer:
    return LineAnswer(
        line=text,
        instruction=line.instruction,
        images=line.stored.images,
        layers=len(line.stored.keys),
        stored_bytes=line.stored.bytes,
        stored_once_bytes=sum(map(layers.stored, line.stored.keys)),
        wasted_bytes=line.wasted.bytes,
        wasted_once_bytes=line.wasted.once(savings, WASTED),
        avoidable_bytes=line.avoidable.bytes,
        avoidable_once_bytes=line.avoidable.once(savings, AVOIDABLE),
    )
