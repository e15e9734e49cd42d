"""Small parts of the HTML report. All texts that come from an image pass through `escaped`."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from itertools import islice

from layerscope.opening.open import Opened
from layerscope.text import clip, clip_start, whole_percent

HUES = 12
"""Colours that tell layers apart, `.l0` and following of the style sheet."""
CELL = 300
"""Characters of a path or an instruction that are shown."""


def escaped(text: str) -> str:
    """Safe text as HTML, in elements and in quoted attributes."""
    return html.escape(text, quote=True)


def code(text: str) -> str:
    """Safe text on one line as code."""
    return f"<code>{escaped(clip(text, CELL))}</code>"


def path_code(path: str) -> str:
    """A safe path as code; of a long one, the end."""
    return f"<code>{escaped(clip_start(path, CELL))}</code>"


def number(value: int, shown: str, style: str = "") -> str:
    """A cell with a number, which sorts by its value."""
    return f'<td class="n{" " + style if style else ""}" data-v="{value}">{escaped(shown)}</td>'


def hues(opened: Opened) -> list[int]:
    """The colour of each layer; those that store something take turns, so that neighbours differ."""
    found, turn = [], 0
    for layer in opened.accounting.layers:
        found.append(turn % HUES)
        turn += layer.stored > 0
    return found


def dot(hue: int) -> str:
    """A patch of a layer's colour."""
    return f'<svg class="dot" aria-hidden="true"><rect class="l{hue}" width="100%" height="100%"/></svg>'


def share(part: int, whole: int, hue: int) -> str:
    """A cell with a bar and a percentage."""
    width = f"{100 * part / whole:.2f}" if whole else "0"
    bar = f'<svg aria-hidden="true"><rect class="l{hue}" width="{width}%" height="100%"/></svg>'
    return f'<td class="share far" data-v="{part}">{bar}{escaped(whole_percent(part, whole))}</td>'


def table(titles: Sequence[tuple[str, str]], rows: Iterable[str]) -> str:
    """A sortable table; titles are texts with the classes of their columns."""
    head = "".join(
        f'<th scope="col"{f" class={style!r}" if style else ""}>{escaped(text)}</th>'.replace(
            "'", '"'
        )
        for text, style in titles
    )
    body = "\n".join(rows)
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def section(title: str, note: str, body: str) -> str:
    """A section of the page; the note is safe text beside its title."""
    return (
        f'<section>\n<div class="head"><h2>{escaped(title)}</h2>'
        f'<span class="quiet">{escaped(note)}</span></div>\n{body}\n</section>\n'
    )


def fitting(rows: Iterable[str], most: int, room: int) -> list[str]:
    """The first rows, at most so many, without those for which there is no room left in so many bytes."""
    found: list[str] = []
    for row in islice(rows, most):
        need = len(row.encode(errors="backslashreplace"))
        if need <= room:
            found.append(row)
            room -= need
    return found


def left_out(count: int, noun: str) -> str:
    """What is said of rows that are not shown; nothing if there are none."""
    plural = noun if count == 1 else f"{noun}s"
    return f'<p class="quiet">… and {count:,} more {plural}: --format json has all</p>' if count > 0 else ""  # fmt: skip


def prose(text: str) -> str:
    """Words with `code` between backticks."""
    parts = escaped(text).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )
