"""The steps that touched a path, as text or JSON."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, BinaryIO

import numpy as np

from layerscope.analysis import life_words
from layerscope.analysis.life import Event, State, events_of, life_of
from layerscope.browse.matching import PathTexts
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.filesystem.components import is_glob
from layerscope.filesystem.lookup import PathLookup
from layerscope.filesystem.siblings import Siblings
from layerscope.image.summary import one_line
from layerscope.layers.index import KIND_NAMES
from layerscope.opening.opened import Opened
from layerscope.report.console import Console, Part
from layerscope.report.options import ReportOptions
from layerscope.report.rows import safe_path
from layerscope.text import clip, safe_name, size

_STYLES = {"+": "green", "~": "yellow", "±": "cyan", "-": "red"}


def find_events(opened: Opened, patterns: Sequence[str]) -> tuple[Iterator[Event], list[str]]:
    """Events on these paths and globs, oldest layer first, then in path order; and the patterns that match no path.

    A pattern that names an existing path is not treated as a glob. For a directory named this way, changes below it are
    counted.
    """
    filesystem, waste = opened.filesystem, opened.accounting.waste
    table = filesystem.table
    lookup, texts = PathLookup(table), PathTexts(table, Siblings(table))
    named: set[int] = set()
    matched = np.zeros(len(table), bool)
    unmatched = []
    for pattern in patterns:
        path = lookup.find(pattern.encode(errors="surrogateescape"))
        if path is not None:
            named.add(path)
        elif is_glob(pattern) and (hits := texts.glob(pattern.rstrip("/"))).any():
            matched |= hits
        else:
            unmatched.append(pattern)
    matched[list(named)] = False
    named_events = [event for path in named for event in life_of(filesystem, waste, path).events]
    matched_events = events_of(filesystem, waste, matched)
    return heapq.merge(
        matched_events, sorted(named_events, key=_sort_key), key=_sort_key
    ), unmatched


def _sort_key(event: Event) -> tuple[int, bool, int]:
    return event.layer, not event.brief, event.path


def write_text(
    opened: Opened, events: Iterator[Event], stream: BinaryIO, options: ReportOptions
) -> bool:
    """Write a heading per step and a line per path; returns whether there were any events."""
    console = Console(stream, options.width, color=options.color)
    image = opened.image
    has_events = False
    for layer, group in groupby(events, key=lambda event: event.layer):
        if has_events:
            console.line()
        has_events = True
        line = safe_name(one_line(image.steps[image.layers[layer].step]))
        title = f"Layer {layer}"
        console.line((title, "bold"), f"  {clip(line, options.width - len(title) - 2)}")
        for event in group:
            console.line(*_parts(opened, event, options))
    console.flush()
    return has_events


def _parts(opened: Opened, event: Event, options: ReportOptions) -> Iterator[Part | str]:
    """An event on one line."""
    binary, glyph = options.binary_sizes, life_words.glyph(event)
    yield "  "
    yield glyph, _STYLES.get(glyph, "dim")
    state = event.after or event.before
    if state is None:
        columns = " " * 33
    else:
        amount = life_words.size_of(event)
        written = "" if amount is None else size(amount, binary=binary)
        owner = life_words.owner_words(state)
        columns = f"{life_words.mode_words(state)}  {owner:<9}  {written:>{10 if binary else 8}}"
    yield f" {columns}  {safe_path(opened, event.path)}"
    notes = [life_words.what_words(event)]
    if event.loss is not None:
        notes.append(life_words.loss_words(event.loss, binary=binary))
    if event.shown:
        notes.append("in the image")
    note = " · ".join(filter(None, notes))
    yield (f"  {note}" if note else "", "dim")


def write_json(opened: Opened, events: Iterator[Event], stream: BinaryIO) -> bool:
    """Write one document, streaming the events; returns whether there were any."""
    image = opened.image
    head = json.dumps({"schemaVersion": "1.0", "reference": image.reference})
    stream.write(head.removesuffix("}").encode("ascii") + b', "steps": [')
    has_events = False
    for layer, group in groupby(events, key=lambda event: event.layer):
        step = image.steps[image.layers[layer].step]
        described_step = {
            "index": step.index,
            "layer": layer,
            "instruction": step.instruction,
            "arguments": step.arguments,
            "created": step.created,
        }
        before = ",\n" if has_events else "\n"
        has_events = True
        stream.write(f"{before}{json.dumps(described_step).removesuffix('}')}".encode("ascii"))
        before = ', "events": [\n  '
        for event in group:
            stream.write(f"{before}{json.dumps(_event_document(opened, event))}".encode("ascii"))
            before = ",\n  "
        stream.write(b"]}")
    stream.write(b"]}\n")
    return has_events


def _event_document(opened: Opened, event: Event) -> dict[str, Any]:
    """An event in the names of the JSON report."""
    table, loss = opened.filesystem.table, event.loss
    waste = loss and {
        "bytes": loss.bytes,
        "reason": loss.reason.value,
        "hiddenBy": loss.hidden_by,
        "path": _text(table.full(loss.path)),
    }
    return {
        "path": _text(table.full(event.path)),
        "change": None if event.change is None else event.change.json_name,
        "why": [name for bit, name in WHY_NAMES.items() if event.why & bit],
        "before": _state(event.before),
        "after": _state(event.after),
        "replacedBySameLayer": event.brief,
        "inFinalImage": event.shown,
        "below": {change.json_name: count for change, count in event.below.items()},
        "totalBytes": event.total,
        "waste": waste,
    }


def _state(state: State | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {
        "type": KIND_NAMES[state.kind],
        "bytes": state.bytes,
        "mode": state.mode if state.known else None,
        "uid": state.uid if state.known else None,
        "gid": state.gid if state.known else None,
        "mtime": state.mtime if state.known else None,
        "linkTarget": _text(state.target) if state.target else None,
        "storedIn": state.stored_in,
    }


def _text(name: bytes) -> str:
    return name.decode(errors="surrogateescape")
