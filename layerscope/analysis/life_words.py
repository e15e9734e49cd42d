"""Texts for the events of a path, safe for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope import text
from layerscope.analysis.life import Event, Life, Loss, State
from layerscope.filesystem.inodes import Why
from layerscope.layers.index import KIND_LETTERS, KIND_NAMES, Kind
from layerscope.words import Change


def glyph(event: Event) -> str:
    """One character for what happened."""
    if only_contents(event):
        return "·"
    return event.change.glyph if event.change is not None else "×"


def change_word(event: Event) -> str:
    """The event in one word."""
    if only_contents(event):
        return "contents"
    return event.change.word if event.change is not None else "replaced"


def only_contents(event: Event) -> bool:
    """Whether only paths below a directory change."""
    return not event.brief and (
        event.change is None or (event.change is Change.UNCHANGED and bool(event.below))
    )


def mode_words(state: State) -> str:
    """Type and permission bits as `ls` writes them."""
    letter = KIND_LETTERS[state.kind]
    return text.mode_text(state.mode, letter) if state.known else f"{letter}?????????"


def owner_words(state: State) -> str:
    """User ID and group ID."""
    return f"{state.uid}:{state.gid}" if state.known else "?"


def size_of(event: Event) -> int | None:
    """Bytes of a file or directory after the event; of a removed path, before it."""
    if event.total is not None and event.after is not None:
        return event.total if event.after.kind is Kind.DIRECTORY else event.after.bytes
    state = event.after or event.before
    return None if state is None or state.kind is Kind.DIRECTORY else state.bytes


def differences(event: Event) -> Iterator[str]:
    """The differences from the previous version, one phrase each."""
    before, after, why = event.before, event.after, event.why
    if before is None or after is None:
        return
    if why & Why.TYPE:
        yield f"{KIND_NAMES[before.kind]} → {KIND_NAMES[after.kind]}"
    if why & Why.CONTENT:
        moved = after.bytes - before.bytes
        yield f"content {'+' if moved > 0 else ''}{text.size(moved)}" if moved else "content"
    if why & Why.TARGET:
        yield f"target {text.safe_name(before.target)} → {text.safe_name(after.target)}"
    if why & Why.DEVICE:
        yield "device numbers"
    if why & Why.MODE:
        yield f"mode {before.mode:04o} → {after.mode:04o}"
    if why & Why.OWNER:
        yield f"owner {owner_words(before)} → {owner_words(after)}"
    if why & Why.MTIME:
        yield "mtime"
    if why & Why.XATTRS:
        yield "xattrs"


def below_words(event: Event) -> str:
    """The changes of the layer below a directory."""
    return ", ".join(
        f"{count:,} {change.word}"
        for change, count in event.below.items()
        if change is not Change.UNCHANGED
    )


def what_words(event: Event) -> str:
    """The event in one line, without glyph and size."""
    parts = list(differences(event))
    below = below_words(event)
    if below:
        parts.append(f"inside {below}")
    if event.change is Change.ADDED and event.after is not None and event.after.target:
        parts.append(f"→ {text.safe_name(event.after.target)}")
    if event.brief:
        parts.append("replaced by its own layer")
    return " · ".join(parts)


def loss_words(loss: Loss, *, binary: bool = False) -> str:
    """What was wasted, in short."""
    return f"{text.size(loss.bytes, binary=binary)} wasted, hidden by {loss.hidden_by}"


def summary_words(life: Life) -> str:
    """A one-line summary of a life."""
    layers = len({event.layer for event in life.events})
    words = f"{text.count_of(life.versions, 'version')} in {text.count_of(layers, 'layer')}"
    return f"{words} · {text.size(life.wasted)} wasted" if life.wasted else words
