"""The life of a path: the layers that change it, the live version, and the waste."""

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
    """The life of a path with this name."""
    path = stacked.filesystem.table.find(name)
    assert path is not None
    return life_of(stacked.filesystem, stacked.accounting.waste, path)


@pytest.fixture(scope="module")
def stacked() -> Stacked:
    """An image in which several layers change one file."""
    return stack(LAYERS)


def test_each_layer_that_changes_a_path_is_an_event(stacked: Stacked) -> None:
    """The events are in layer order: added, modified, stored again, changed attributes, removed and added again."""
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


def test_an_event_has_the_differences(stacked: Stacked) -> None:
    """These are content, mode and owner before and after."""
    events = life(stacked, b"etc/motd").events
    assert events[1].why == Why.CONTENT | Why.MODE
    assert list(differences(events[1])) == ["content +1 B", "mode 0644 → 0600"]
    assert list(differences(events[3])) == ["owner 0:0 → 1000:1000"]
    assert what_words(events[5]) == "→ keep"
    assert size_of(events[4]) == 4


def test_the_live_version_is_marked(stacked: Stacked) -> None:
    """One event has the live version; none if the path was removed."""
    assert [event.shown for event in life(stacked, b"etc/motd").events] == [False] * 5 + [True]
    gone = life(stack(LAYERS[:5]), b"etc/motd")
    assert not gone.alive
    assert gone.versions == 4


def test_replaced_versions_name_the_layer_that_replaced_them(stacked: Stacked) -> None:
    """Bytes, reason and layer are those of the accounting."""
    found = life(stacked, b"etc/motd")
    losses = [event.loss for event in found.events if event.loss is not None]
    assert [(loss.bytes, loss.reason, loss.hidden_by) for loss in losses] == [
        (3, Reason.OVERWRITTEN, 1),
        (4, Reason.IDENTICAL, 2),
        (4, Reason.METADATA_ONLY, 3),
        (4, Reason.DELETED, 4),
    ]
    assert found.wasted == 15 == stacked.accounting.wasted


def test_a_directory_has_its_bytes_after_each_layer(stacked: Stacked) -> None:
    """Layers that only change paths in the directory are events, too."""
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
    """Of two names of one file, the one removed last has the waste."""
    stacked = stack([[file("a", b"data"), hardlink("b", "a")], [whiteout("a")], [whiteout("b")]])
    first, second = life(stacked, b"a"), life(stacked, b"b")
    assert first.wasted == 0
    assert second.wasted == 4
    assert first.events[0].loss is not None
    assert first.events[0].loss.path == second.path


@settings(max_examples=60, deadline=None)
@given(wild_layers())
def test_lives_agree_with_the_tree_and_the_accounting(layers: Layers) -> None:
    """Totals of directories equal those of the tree, and the waste of all lives is that of the image."""
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


def test_events_of_many_paths_equal_those_of_each(stacked: Stacked) -> None:
    """All paths at once have the same events as each path alone."""
    filesystem, waste = stacked.filesystem, stacked.accounting.waste
    every = np.ones(len(filesystem.table), bool)
    found = list(events_of(filesystem, waste, every))
    assert [event.layer for event in found] == sorted(event.layer for event in found)
    motd = life(stacked, b"etc/motd")
    assert tuple(event for event in found if event.path == motd.path) == motd.events


def test_a_whiteout_without_a_file_is_no_event() -> None:
    """The path never existed."""
    stacked = stack([[file("a", b"1")], [whiteout("b"), opaque("c")]])
    path = stacked.filesystem.table.find(b"b")
    assert path is None or not life(stacked, b"b").events
