"""docs/first-minute.cast: it is small, a minute long, and each scene shows its subject."""

from __future__ import annotations

import json
from typing import Any

from tests.cast import FILE, HEIGHT, SCENES, WIDTH, Replay


def _events() -> tuple[dict[str, Any], list[tuple[float, str, str]]]:
    header, *events = map(json.loads, FILE.read_text().splitlines())
    return header, [tuple(event) for event in events]


def test_the_cast_is_a_valid_asciicast() -> None:
    """It has version 2, the size that the page shows, ordered times, less than 300 kB and about a minute."""
    header, events = _events()
    assert (header["version"], header["width"], header["height"]) == (2, WIDTH, HEIGHT)
    times = [time for time, _, _ in events]
    assert times == sorted(times)
    assert 45 < times[-1] < 75
    assert {kind for _, kind, _ in events} == {"o", "m"}
    assert FILE.stat().st_size < 300_000


def test_each_scene_shows_its_subject() -> None:
    """The cast is replayed in a terminal up to the marker at the end of the scene; no error is on the screen."""
    expected = {scene.name: scene.shows for scene in SCENES}
    screen, names = Replay(), []
    for _, kind, text in _events()[1]:
        if kind == "o":
            screen.write(text)
            continue
        names.append(text)
        assert expected[text] in screen.text(), f"{text}: run make cast"
        assert "error" not in screen.text().lower()
    assert names == list(expected)
