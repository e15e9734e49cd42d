"""The figures at the top of a report, shared by all formats."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.headline import BETWEEN, Role, headline
from layerscope.image.model import Alternative
from layerscope.opening.digests import state_of
from layerscope.opening.opened import Opened
from layerscope.report.options import ReportOptions
from layerscope.text import count_of, date_of, percent, safe_name, size
from layerscope.words import DigestState


def headline_of(opened: Opened, options: ReportOptions) -> list[tuple[str, Role]]:
    """The parts of the headline: stored bytes, avoidable bytes in own and base layers, and secrets."""
    findings, stored = opened.findings, opened.accounting.stored
    if findings is None:
        return headline(stored, binary=options.binary_sizes)
    own = findings.saving(findings.outside_base)
    return headline(stored, findings.saving(), own, findings.secrets, binary=options.binary_sizes)


def headline_text(opened: Opened, options: ReportOptions) -> str:
    """The headline in one line."""
    return BETWEEN.join(text for text, _ in headline_of(opened, options))


def figures(opened: Opened, options: ReportOptions) -> list[tuple[str, str]]:
    """Names of the figures, and their values: sizes with percentages."""
    accounting, findings, binary = opened.accounting, opened.findings, options.binary_sizes
    stored = accounting.stored

    def share(count: int) -> str:
        return f"{size(count, binary=binary)} ({percent(count, stored)})"

    values = [("stored", size(stored, binary=binary))]
    if findings is not None:
        values.append(("avoidable", share(findings.saving())))
    values += [
        ("wasted", share(accounting.wasted)),
        ("efficiency", percent(accounting.efficiency, 1)),
        ("live", size(accounting.live, binary=binary)),
    ]
    return values


def figures_line(opened: Opened, options: ReportOptions) -> str:
    """The headline and the exact figures in one line."""
    accounting = opened.accounting
    return BETWEEN.join(
        [
            headline_text(opened, options),
            f"{size(accounting.wasted, binary=options.binary_sizes)} wasted",
            f"efficiency {percent(accounting.efficiency, 1)}",
        ]
    )


def facts(opened: Opened, options: ReportOptions) -> Iterator[str]:
    """Further facts: counts of files, layers and steps, compressed size, build date."""
    image = opened.image
    if not opened.unknown_layers:
        yield count_of(opened.accounting.files, "file")
    yield count_of(len(image.layers), "layer")
    yield count_of(image.recorded_steps, "step")
    compressed, built = opened.compressed_bytes, date_of(image.created)
    if compressed is not None:
        yield f"{size(compressed, binary=options.binary_sizes)} compressed"
    if built is not None:
        yield f"built {built}"


def digest_words(opened: Opened) -> tuple[str, DigestState]:
    """Whether the layers match their digests, in words and as a state."""
    layers = opened.image.layers
    checked = [opened.verified(number) for number in range(len(layers))]
    state = state_of(layers, checked)
    if any(warning.code in ("digest-mismatch", "diff-id-mismatch") for warning in opened.warnings):
        state = DigestState.MISMATCH
    elif opened.damages():
        state = DigestState.DAMAGED
    missing = checked.count(None)
    if state is DigestState.UNCHECKED and missing < len(checked):
        return f"{state.word} for {missing:,} of {len(checked):,} layers", state
    return state.word, state


def alternative_name(other: Alternative) -> str:
    """The name of another image in the same archive or index, safe to show."""
    if other.reference is None:
        return safe_name(str(other.platform or "untagged image"))
    name = other.reference if other.platform is None else f"{other.reference} ({other.platform})"
    return safe_name(name)
