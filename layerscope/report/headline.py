"""The figures at the top of a report, shared by all formats."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from layerscope.image.model import Alternative
from layerscope.opening.digests import state_of
from layerscope.opening.opened import Opened
from layerscope.report.options import ReportOptions
from layerscope.report.schema import compressed_bytes
from layerscope.text import count_of, date_of, percent, safe_name, size
from layerscope.words import DigestState


class Role(StrEnum):
    """What a part of the headline is about, for its colour."""

    PLAIN = "plain"
    AVOIDABLE = "avoidable"
    BASE = "base"
    """What only another base image avoids."""
    SECRET = "secret"  # noqa: S105  # no password
    WASTE = "waste"


def headline(
    stored: int,
    avoidable: int | None,
    own: int,
    secrets: int,
    *,
    binary: bool | None = None,
    short: bool = False,
) -> list[tuple[str, Role]]:
    """What matters most of an image: bytes stored, bytes that fixes save, and secrets. `own` are those of the avoidable
    bytes that are not the base image's; `avoidable` is None until findings are known."""
    parts = [(f"{size(stored, binary=binary)}{'' if short else ' stored'}", Role.PLAIN)]
    if avoidable is None:
        return parts
    if own and short:
        avoidable = own
    amount = f"{size(avoidable, binary=binary)} avoidable"
    if not avoidable:
        parts.append(("nothing avoidable", Role.PLAIN))
    elif not own:
        parts.append((f"{amount}, {'not' if short else 'none of it'} yours", Role.BASE))
    elif own < avoidable:
        parts.append((f"{amount}, {size(own, binary=binary)} of it yours", Role.AVOIDABLE))
    else:
        parts.append((amount, Role.AVOIDABLE))
    if secrets:
        parts.append((count_of(secrets, "secret"), Role.SECRET))
    return parts


def headline_of(opened: Opened, options: ReportOptions) -> list[tuple[str, Role]]:
    """The headline of a report."""
    found, stored = opened.findings, opened.accounting.stored
    if found is None:
        return headline(stored, None, 0, 0, binary=options.binary_sizes)
    own = found.saving(found.own)
    return headline(stored, found.saving(), own, found.secrets, binary=options.binary_sizes)


def figures(opened: Opened, options: ReportOptions) -> list[tuple[str, str]]:
    """Names of the figures, and their values, what matters most first: sizes with percentages."""
    accounting, findings, binary = opened.accounting, opened.findings, options.binary_sizes
    stored = accounting.stored

    def share(amount: int) -> str:
        return f"{size(amount, binary=binary)} ({percent(amount, stored)})"

    found = [("stored", size(stored, binary=binary))]
    if findings is not None:
        found.append(("avoidable", share(findings.saving())))
        if findings.secrets:
            found.append(("secrets", f"{findings.secrets:,}"))
    return [
        *found,
        ("wasted", share(accounting.wasted)),
        ("efficiency", percent(accounting.efficiency, 1)),
        ("live", size(accounting.live, binary=binary)),
    ]


def figures_line(opened: Opened, options: ReportOptions) -> str:
    """The figures in one line."""
    said = []
    for name, figure in figures(opened, options):
        if name == "efficiency":
            said.append(f"{name} {figure}")
        else:
            said.append(f"{figure} {'secret' if (name, figure) == ('secrets', '1') else name}")
    return " · ".join(said)


def facts(opened: Opened, options: ReportOptions) -> Iterator[str]:
    """Further facts: counts of files, layers and steps, compressed size, build date."""
    image = opened.image
    yield count_of(opened.accounting.files, "file")
    yield count_of(len(image.layers), "layer")
    yield count_of(image.recorded_steps, "step")
    compressed, built = compressed_bytes(opened), date_of(image.created)
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
    named = other.reference if other.platform is None else f"{other.reference} ({other.platform})"
    return safe_name(named)
