"""The listing has every step once, and every line of a Dockerfile once."""

from __future__ import annotations

import time
from pathlib import Path

from layerscope.analysis.listing import Line, Listing, list_instructions, match_steps
from layerscope.image.dockerfile import Dockerfile, parse_dockerfile
from layerscope.image.history import HistoryEntry, align
from layerscope.image.model import Image
from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources import Request
from tests.images import docker_archive, file, layer_tar, write

BASE: list[dict[str, object]] = [
    {"created_by": "/bin/sh -c #(nop) ADD file:" + "ab" * 32 + " in / "},
    {"created_by": '/bin/sh -c #(nop)  CMD ["bash"]', "empty_layer": True},
]


def image_of(tmp_path: Path, *created_by: str) -> Image:
    """An image on a base of two steps; instructions without a `#` have no layer."""
    history = list(BASE)
    history += (
        {"created_by": text, **({} if "#" in text else {"empty_layer": True})}
        for text in created_by
    )
    count = sum("empty_layer" not in entry for entry in history)
    layers = [layer_tar([file(f"f{number}", b"x" * number)]) for number in range(count)]
    path = write(tmp_path / "image.tar", docker_archive(layers, history=history))
    return open_image(Request(str(path)), Options(duplicates=False)).image


def parsed(text: str) -> Dockerfile:
    """A Dockerfile with this text."""
    return parse_dockerfile(text.encode(), "dir/Dockerfile")


def described(listing: Listing) -> list[tuple[Line, str, list[int]]]:
    """All lines, in short."""
    return [(line.kind, line.text, list(line.steps)) for line in listing.lines]


def test_without_a_dockerfile_the_history_is_listed(tmp_path: Path) -> None:
    """Every step in order; commands are broken into lines, digests shortened."""
    image = image_of(tmp_path, "RUN /bin/sh -c a && b # buildkit", "USER 1")
    assert described(list_instructions(image)) == [
        (Line.STEP, "ADD file:abababababab… in /", [0]),
        (Line.STEP, 'CMD ["bash"]', [1]),
        (Line.STEP, "RUN a", [2]),
        (Line.MORE, "    && b", [2]),
        (Line.STEP, "USER 1", [3]),
    ]


def test_a_dockerfile_is_annotated_with_its_steps(tmp_path: Path) -> None:
    """Lines stay as written; FROM represents the base image; instructions missing from the image are marked."""
    image = image_of(tmp_path, "RUN /bin/sh -c a  && b # buildkit", "ENV X=1", "USER 1")
    listing = list_instructions(image, parsed("# c\nFROM x\nRUN a \\\n && b\nUSER 1\nCMD y\n"))
    assert described(listing) == [
        (Line.REMARK, "# c", []),
        (Line.BASE, "FROM x", [0, 1]),
        (Line.STEP, "RUN a \\", [2]),
        (Line.MORE, " && b", [2]),
        (Line.UNWRITTEN, "ENV X=1", [3]),
        (Line.STEP, "USER 1", [4]),
        (Line.ABSENT, "CMD y", []),
    ]
    assert (listing.found, listing.written, listing.base_end) == (2, 3, 2)


def test_only_the_last_stage_is_matched(tmp_path: Path) -> None:
    """An instruction of another stage has no step, even if one would match."""
    image = image_of(tmp_path, "RUN /bin/sh -c a # buildkit", "COPY a b # buildkit")
    listing = list_instructions(
        image, parsed("FROM x AS y\nRUN a\nFROM z\nRUN a\nCOPY --from=y a b\n")
    )
    assert [kind for kind, _, _ in described(listing)] == [
        Line.STAGE, Line.STAGE, Line.BASE, Line.STEP, Line.STEP,
    ]  # fmt: skip


def test_equal_instructions_are_matched_from_the_end(tmp_path: Path) -> None:
    """If the base image has an equal instruction, the later one is matched."""
    image = image_of(tmp_path, "CMD bash", "RUN /bin/sh -c a # buildkit", "CMD bash")
    dockerfile = parsed("FROM x\nRUN a\nCMD bash\n")
    assert list(match_steps(dockerfile, image.steps).values()) == [3, 4]


def test_a_dockerfile_of_another_image_is_reported(tmp_path: Path) -> None:
    """If nothing matches, the history is listed, and the whole file is marked as absent."""
    image = image_of(tmp_path, "RUN /bin/sh -c a # buildkit")
    listing = list_instructions(image, parsed("FROM x\nRUN b\n"))
    assert (listing.found, listing.base_end) == (0, None)
    assert [kind for kind, _, _ in described(listing)] == [
        Line.UNWRITTEN, Line.UNWRITTEN, Line.UNWRITTEN, Line.REMARK, Line.REMARK, Line.ABSENT,
    ]  # fmt: skip


def test_a_dockerfile_with_only_from_is_all_base(tmp_path: Path) -> None:
    """All steps belong to the base image."""
    image = image_of(tmp_path, "USER 1")
    assert described(list_instructions(image, parsed("FROM x\n"))) == [
        (Line.BASE, "FROM x", [0, 1, 2])
    ]


def test_every_step_is_listed_once(demo_opened: Opened) -> None:
    """No step of an image is lost or repeated, whatever the Dockerfile contains."""
    image = demo_opened.image
    for text in (
        "FROM a\nRUN chown -R 1000:1000 /app\n",
        "FROM a\nCOPY . /app\nUSER 1000\nRUN x\n",
    ):
        listing = list_instructions(image, parsed(text))
        heads = [line for line in listing.lines if line.kind is not Line.MORE]
        found = [step for line in heads for step in line.steps]
        assert found == list(range(len(image.steps)))


def test_long_histories_are_matched_quickly() -> None:
    """Thousands of instructions and a hundred thousand steps do not take minutes."""
    entries = [HistoryEntry(None, f"ENV A={number}", None, None, True) for number in range(100_000)]
    steps, _ = align(entries, 0)
    dockerfile = parsed("FROM a\n" + "ENV A=$B\nENV A=1\n" * 3000)
    began = time.process_time()
    match_steps(dockerfile, steps)
    assert time.process_time() - began < 10
