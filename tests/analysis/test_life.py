"""The life of a path: which layers touched it, what the image shows, what was wasted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from layerscope.analysis.life import Life, directory_totals, events_of, life_of
from layerscope.analysis.life_words import change_word, differences, glyph, size_of, what_words
from layerscope.filesystem.inodes import Why
from layerscope.words import Change, Reason
from tests.filesystem.stacking import Stacked, stack
from tests.images import Member, directory, file, hardlink, opaque, symlink, whiteout
from tests.strategies import Layers, wild_layers

LAYERS: list[list[Member]] = [
    [directory("etc"), file("etc/motd", b"one"), file("etc/keep", b"k" * 10)],
    [file("etc/motd", b"two!", mode=0o600)],
    [file("etc/motd", b"two!", mode=0o600)],
    [file("etc/motd", b"two!", mode=0o600, uid=1000, gid=1000)],
    [whiteout("etc/motd")],
    [symlink("etc/motd", "keep")],
]


def life(stacked: Stacked, name: bytes) -> Life:
    """The life of a path, by its name."""
    path = stacked.filesystem.table.find(name)
    assert path is not None
    return life_of(stacked.filesystem, stacked.accounting.waste, path)


@pytest.fixture(scope="module")
def stacked() -> Stacked:
    """An image in which one file has an eventful life."""
    return stack(LAYERS)


def test_each_layer_that_touches_a_path_is_an_event(stacked: Stacked) -> None:
    """Added, modified, stored again, attributes, removed and added again, in the order of the layers."""
    events = life(stacked, b"etc/motd").events
    assert [(event.layer, event.change) for event in events] == [
        (0, Change.ADDED),
        (1, Change.MODIFIED),
        (2, Change.UNCHANGED),
        (3, Change.METADATA),
        (4, Change.REMOVED),
        (5, Change.ADDED),
    ]
    assert [glyph(event) for event in events] == ["+", "~", "=", "±", "-", "+"]


def test_an_event_says_what_differs(stacked: Stacked) -> None:
    """Content, mode and owner before and after."""
    events = life(stacked, b"etc/motd").events
    assert events[1].why == Why.CONTENT | Why.MODE
    assert list(differences(events[1])) == ["content +1 B", "mode 0644 → 0600"]
    assert list(differences(events[3])) == ["owner 0:0 → 1000:1000"]
    assert what_words(events[5]) == "→ keep"
    assert size_of(events[4]) == 4


def test_the_version_that_the_image_shows_is_marked(stacked: Stacked) -> None:
    """One event is what the image shows; none if the path is gone."""
    assert [event.shown for event in life(stacked, b"etc/motd").events] == [False] * 5 + [True]
    gone = life(stack(LAYERS[:5]), b"etc/motd")
    assert not gone.alive
    assert gone.versions == 4


def test_replaced_versions_name_the_layer_that_replaced_them(stacked: Stacked) -> None:
    """Bytes, reason and layer, as the accounting has them."""
    found = life(stacked, b"etc/motd")
    losses = [event.loss for event in found.events if event.loss is not None]
    assert [(loss.bytes, loss.reason, loss.hidden_by) for loss in losses] == [
        (3, Reason.OVERWRITTEN, 1),
        (4, Reason.IDENTICAL, 2),
        (4, Reason.METADATA_ONLY, 3),
        (4, Reason.DELETED, 4),
    ]
    assert found.wasted == 15 == stacked.accounting.wasted


def test_a_directory_says_what_it_holds_after_each_layer(stacked: Stacked) -> None:
    """Layers that only change what lies in a directory are events, too."""
    events = life(stacked, b"etc").events
    assert [(event.layer, event.change, event.total) for event in events] == [
        (0, Change.ADDED, 13),
        (1, None, 14),
        (3, None, 14),
        (4, None, 10),
        (5, None, 10),
    ]
    assert [change_word(event) for event in events[:2]] == ["added", "contents"]
    assert events[1].below == {Change.MODIFIED: 1}
    assert events[0].shown


def test_replacements_within_a_layer_are_reported() -> None:
    """A path that a layer lists twice lost its first content in that layer."""
    events = life(stack([[file("a", b"first"), file("a", b"2nd")]]), b"a").events
    assert [(event.brief, event.shown) for event in events] == [(True, False), (False, True)]
    assert events[0].loss is not None
    assert events[0].loss.bytes == 5


def test_a_loss_is_counted_at_the_last_name() -> None:
    """Of two names of one file, the one that went last has the waste."""
    stacked = stack([[file("a", b"data"), hardlink("b", "a")], [whiteout("a")], [whiteout("b")]])
    first, second = life(stacked, b"a"), life(stacked, b"b")
    assert first.wasted == 0
    assert second.wasted == 4
    assert first.events[0].loss is not None
    assert first.events[0].loss.path == second.path


@settings(max_examples=60, deadline=None)
@given(wild_layers())
def test_lives_agree_with_the_tree_and_the_accounting(layers: Layers) -> None:
    """Totals of directories are the tree's, and all lives together waste what the image wastes."""
    stacked = stack(layers)
    filesystem, wasted = stacked.filesystem, 0
    totals = [
        filesystem.totals(filesystem.visible(layer)).bytes
        for layer in range(filesystem.layer_count)
    ]
    for path in range(1, len(filesystem.table)):
        found = life_of(filesystem, stacked.accounting.waste, path)
        wasted += found.wasted
        below = directory_totals(filesystem, path)
        assert below.tolist() == [int(total[path]) for total in totals]
        alive = filesystem.died[filesystem.rows_of(path)] == filesystem.layer_count
        assert found.alive <= bool(alive.any())
    assert wasted == stacked.accounting.wasted


def test_events_of_many_paths_are_those_of_each(stacked: Stacked) -> None:
    """All paths at once give the same events as each path alone."""
    filesystem, waste = stacked.filesystem, stacked.accounting.waste
    every = np.ones(len(filesystem.table), bool)
    found = list(events_of(filesystem, waste, every))
    assert [event.layer for event in found] == sorted(event.layer for event in found)
    motd = life(stacked, b"etc/motd")
    assert tuple(event for event in found if event.path == motd.path) == motd.events


def test_a_marker_alone_makes_no_life() -> None:
    """A whiteout of what never was is no event."""
    stacked = stack([[file("a", b"1")], [whiteout("b"), opaque("c")]])
    path = stacked.filesystem.table.find(b"b")
    assert path is None or not life(stacked, b"b").events
