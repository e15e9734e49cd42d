"""Steps of two images are matched by their layers, then by their instructions."""

from __future__ import annotations

from pathlib import Path

from layerscope.analysis.compare.steps import StepPair, compare_steps
from layerscope.opening.open import Opened, open_image
from layerscope.sources import Request
from tests.images import docker_archive, file, layer_tar, write

ONE, TWO, THREE = (layer_tar([file(name, name.encode() * 9)]) for name in ("one", "two", "three"))


def image(folder: Path, name: str, *steps: tuple[str, bytes | None]) -> Opened:
    """An image of these instructions, each with its layer."""
    history = [
        {"created_by": text} | ({} if layer is not None else {"empty_layer": True})
        for text, layer in steps
    ]
    layers = [layer for _, layer in steps if layer is not None]
    path = write(folder / name, docker_archive(layers, history=history))
    return open_image(Request(str(path)))


def words(pairs: list[StepPair]) -> list[str]:
    """The change of each step, and its text."""
    return [f"{pair.change} {(pair.new or pair.old).arguments}" for pair in pairs]  # type: ignore[union-attr]


def test_steps_are_aligned_by_layer_then_by_text(tmp_path: Path) -> None:
    """A step that moved down keeps its layer; metadata steps have only their text."""
    old = image(tmp_path, "old", ("COPY one /", ONE), ("ENV A=1", None), ("COPY two /", TWO))
    new = image(
        tmp_path, "new",
        ("COPY three /", THREE), ("COPY one /", ONE), ("ENV A=1", None), ("USER me", None), ("COPY two /", TWO),
    )  # fmt: skip
    assert words(compare_steps(old, new)) == [
        "added three /",
        "same one /",
        "same A=1",
        "added me",
        "same two /",
    ]
    assert words(compare_steps(new, old)) == [
        "removed three /",
        "same one /",
        "same A=1",
        "removed me",
        "same two /",
    ]


def test_an_instruction_that_stores_other_bytes_is_changed(tmp_path: Path) -> None:
    """The pair has the bytes of both."""
    old = image(tmp_path, "old", ("COPY src /", ONE), ("CMD x", None))
    new = image(tmp_path, "new", ("COPY src /", THREE), ("CMD x", None))
    changed, same = compare_steps(old, new)
    assert (changed.change, changed.old_bytes, changed.new_bytes) == ("changed", 27, 45)
    assert same.change == "same"


def test_an_instruction_alone_between_equal_ones_is_changed(tmp_path: Path) -> None:
    """It is not removed and added, if both are the same kind of instruction."""
    old = image(tmp_path, "old", ("COPY one /", ONE), ("ENV A=1", None), ("CMD x", None))
    new = image(tmp_path, "new", ("COPY one /", ONE), ("ENV A=2", None), ("CMD x", None))
    other = image(tmp_path, "other", ("COPY one /", ONE), ("USER me", None), ("CMD x", None))
    assert words(compare_steps(old, new)) == ["same one /", "changed A=2", "same x"]
    assert words(compare_steps(old, other)) == ["same one /", "removed A=1", "added me", "same x"]


def test_digests_of_copied_contents_do_not_tell_instructions_apart(tmp_path: Path) -> None:
    """The classic builder writes them into the history."""
    texts = [f"/bin/sh -c #(nop) COPY dir:{digit * 64} in / " for digit in "ab"]
    old = image(tmp_path, "old", (texts[0], ONE), ("USER me", None))
    new = image(tmp_path, "new", ("USER you", None), (texts[1], TWO), ("USER me", None))
    assert [pair.change for pair in compare_steps(old, new)] == ["added", "rebuilt", "same"]


def test_the_same_layer_by_another_instruction_is_changed(tmp_path: Path) -> None:
    old = image(tmp_path, "old", ("COPY one /", ONE))
    new = image(tmp_path, "new", ("ADD one /", ONE))
    assert words(compare_steps(old, new)) == ["changed one /"]
