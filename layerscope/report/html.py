"""One HTML file with everything in it: no network, nothing runs but the script that it came with."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import BinaryIO

from layerscope import __version__
from layerscope.opening.open import Opened, file_name
from layerscope.report.headline import digest_words, facts, figures
from layerscope.report.html_findings import findings_section
from layerscope.report.html_map import map_section
from layerscope.report.html_parts import CELL, escaped, left_out, section
from layerscope.report.html_tables import duplicates_section, steps_section, waste_section
from layerscope.report.issues import Issue, issues_of
from layerscope.report.options import ReportOptions
from layerscope.text import clip, count_of, safe_name

_WARNINGS = 100
_DAMAGES = 20


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the page."""
    write_page(opened, stream, options, issues_of(opened, binary=options.binary_sizes))


def write_page(
    opened: Opened,
    stream: BinaryIO,
    options: ReportOptions,
    issues: Sequence[Issue],
    verdict: str = "",
) -> None:
    """Write the page, with a section on a verdict at its top if there is one."""
    style, script = _resource("page.css"), _resource("page.js")
    title = escaped(clip(safe_name(opened.image.title), CELL))
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    body = [
        _header(opened, options, title),
        verdict,
        findings_section(opened, issues, options),
        steps_section(opened, options),
        map_section(opened, options),
        waste_section(opened, options),
        duplicates_section(opened, options),
        _warnings(opened),
    ]
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f'<title>{title} · layerscope</title>\n<link rel="icon" href="data:,">\n<style>{style}</style>\n</head>\n'
        f"<body>\n<main>\n{''.join(body)}"
        f"<footer>layerscope {__version__}. All figures are bytes of file content.</footer>\n</main>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )
    stream.write(page.encode(errors="backslashreplace"))


def _resource(name: str) -> str:
    return (files("layerscope.report") / name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _header(opened: Opened, options: ReportOptions, title: str) -> str:
    image = opened.image
    name = "" if image.source_kind == "stdin" else file_name(image.reference)
    words = [str(image.platform), image.source_kind, name if name != image.title else ""]
    first = "  ·  ".join(clip(safe_name(word), CELL) for word in words if word)
    parts = [escaped(fact) for fact in facts(opened, options)]
    said, state = digest_words(opened)
    if image.layers or state.bad:
        parts.append(f'<span class="bad">{said}</span>' if state.bad else said)
    cells = "".join(_figure(*figure) for figure in figures(opened, options))
    damages = opened.damages()
    damaged = "".join(
        f'<p class="bad">{escaped(clip(safe_name(damage[0].upper() + damage[1:]), CELL))}.</p>'
        for damage in damages[:_DAMAGES]
    )
    if damages:
        damaged += "<p>The figures cover what could be read.</p>"
    return (
        f'<header><div><h1>{title}</h1>\n<p class="quiet">{escaped(first)}</p>\n'
        f'<p class="quiet">{" · ".join(parts)}</p></div>'
        '<button id="theme" type="button" hidden aria-label="Colours of this page"></button></header>\n'
        f'{damaged}<dl class="figures">{cells}</dl>\n'
    )


def _figure(name: str, figure: str) -> str:
    amount, _, rest = figure.partition(" (")
    small = f" <small>{escaped(rest.removesuffix(')'))}</small>" if rest else ""
    return f"<div><dt>{name}</dt><dd>{escaped(amount)}{small}</dd></div>"


def _warnings(opened: Opened) -> str:
    warnings = opened.warnings
    if not warnings:
        return ""
    lines = []
    for warning in warnings[:_WARNINGS]:
        where = "" if warning.layer is None else f"layer {warning.layer}: "
        said = escaped(clip(where + safe_name(warning.message), CELL))
        lines.append(f"<p>{said} <code>{escaped(warning.code)}</code></p>")
    lines.append(left_out(len(warnings) - _WARNINGS, "warning"))
    return section("Warnings", count_of(len(warnings), "warning"), "\n".join(lines))
