"""Histories from all builders, and histories that contradict their image."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.image.history import HistoryEntry, Step, align


def entry(
    created_by: str | None = None,
    *,
    empty: bool = False,
    author: str | None = None,
    comment: str | None = None,
    created: str | None = "2024-01-02T03:04:05Z",
) -> HistoryEntry:
    return HistoryEntry(created, created_by, author, comment, empty)


def layers(steps: tuple[Step, ...]) -> list[int | None]:
    return [step.layer for step in steps]


def test_a_matching_history() -> None:
    history = [
        entry("/bin/sh -c #(nop) ADD file:22 in / "),
        entry('/bin/sh -c #(nop) CMD ["bash"]', empty=True, comment="FROM d86bf3a2d0fc"),
        entry("|1 V=9 /bin/sh -c make", author="Me"),
    ]
    steps, warnings = align(history, 2)
    assert warnings == ()
    assert steps == (
        Step(0, 0, True, "ADD", "file:22 in /", (), *recorded(history[0])),
        Step(1, None, True, "CMD", '["bash"]', (), *recorded(history[1])),
        Step(2, 1, True, "RUN", "make", ("V=9",), *recorded(history[2])),
    )


def recorded(of: HistoryEntry | Step) -> tuple[str | None, str | None, str | None, str | None]:
    return of.created_by, of.created, of.author, of.comment


def test_an_empty_image() -> None:
    assert align([], 0) == ((), ())


def test_only_metadata_and_no_layers() -> None:
    steps, warnings = align([entry("CMD x", empty=True)], 0)
    assert layers(steps) == [None]
    assert warnings == ()


def test_no_history() -> None:
    steps, warnings = align([], 2)
    assert steps == (
        Step(0, 0, False, None, "", (), None, None, None, None),
        Step(1, 1, False, None, "", (), None, None, None, None),
    )
    assert [(w.code, w.layer) for w in warnings] == [("history-short", None)]
    assert warnings[0].message == "the image has 2 layers and no history"


def test_a_short_history_belongs_to_the_lowest_layers() -> None:
    steps, warnings = align([entry("ADD x /"), entry("CMD x", empty=True)], 3)
    assert layers(steps) == [0, None, 1, 2]
    assert [step.recorded for step in steps] == [True, True, False, False]
    assert [step.index for step in steps] == [0, 1, 2, 3]
    assert [w.code for w in warnings] == ["history-short"]
    assert "top 2 layers" in warnings[0].message


@pytest.mark.parametrize(
    "added",
    [
        entry("ko build ko://example.com/x", author="ko", comment="go build output"),
        entry("apko", author="apko", comment="This is an apko single-layer image"),
        entry("COPY a b", author="kaniko"),
        entry("bazel build ...", author="Bazel", created="1970-01-01T00:00:00Z"),
        entry("bazel build //app:image"),
        entry("crane flatten sha256:0123"),
        entry(created="0001-01-01T00:00:00Z"),
        entry("", author="", comment="", created="0001-01-01T00:00:00Z"),
    ],
    ids=["ko", "apko", "kaniko", "rules_docker", "rules_oci", "crane", "append", "append, blank"],
)
def test_a_short_history_of_an_appending_tool_belongs_to_the_uppermost_layers(
    added: HistoryEntry,
) -> None:
    steps, warnings = align([entry("ENV A=b", empty=True), added], 3)
    assert layers(steps) == [0, 1, None, 2]
    assert [step.recorded for step in steps] == [False, False, True, True]
    assert [step.index for step in steps] == [0, 1, 2, 3]
    assert [w.code for w in warnings] == ["history-short"]
    assert "bottom 2 layers" in warnings[0].message


@pytest.mark.parametrize("base", [entry("ADD x /"), entry(), entry(comment="Imported from -")])
def test_an_appending_tool_above_a_base_with_history(
    base: HistoryEntry,
) -> None:
    steps, _ = align([base, entry("ko build x", author="ko")], 3)
    assert layers(steps) == [0, 1, 2]
    assert [step.recorded for step in steps] == [True, True, False]


def test_a_long_history() -> None:
    history = [entry(f"/bin/sh -c step {i}") for i in range(5)]
    steps, warnings = align(history, 2)
    assert layers(steps) == [0, 1, None, None, None]
    assert [step.arguments for step in steps] == [f"step {i}" for i in range(5)]
    assert [w.code for w in warnings] == ["history-long"]
    assert "last 3 entries" in warnings[0].message


def test_a_history_without_layers() -> None:
    steps, warnings = align([entry("ADD x /")], 0)
    assert layers(steps) == [None]
    assert [w.code for w in warnings] == ["history-long"]


def test_layers_with_only_empty_entries() -> None:
    steps, warnings = align([entry("RUN x", empty=True), entry("CMD x", empty=True)], 2)
    assert layers(steps) == [None, None, 0, 1]
    assert [step.recorded for step in steps] == [True, True, False, False]
    assert [w.code for w in warnings] == ["history-all-empty"]


def test_a_squashed_image() -> None:
    history = [
        entry("/bin/sh -c #(nop) ADD file:22 in / "),
        entry("/bin/sh -c make", empty=True),
        entry("", comment="merge sha256:1 to sha256:2"),
    ]
    steps, warnings = align(history, 2)
    assert layers(steps) == [0, None, 1]
    assert warnings == ()
    assert (steps[2].instruction, steps[2].arguments) == (None, "")
    assert (steps[2].created_by, steps[2].comment) == ("", "merge sha256:1 to sha256:2")


@pytest.mark.parametrize("created_by", [None, "", " \n"])
def test_an_entry_without_text(created_by: str | None) -> None:
    (step,), _ = align([entry(created_by, comment="store paths: ['/nix/store/x']")], 1)
    assert step.recorded
    assert (step.instruction, step.arguments, step.build_args) == (None, "", ())
    assert step.created_by == created_by


def test_shells_and_arguments_of_earlier_steps_apply() -> None:
    powershell = "powershell -Command $ErrorActionPreference = 'Stop';"
    history = [
        entry("cmd /S /C #(nop)  ARG FLAGS", empty=True),
        entry("ARG B=2 C", empty=True),
        entry(f"{powershell} #(nop)  SHELL [{powershell}]", empty=True),
        entry(f"{powershell} Get-Item"),
        entry(f"|2 FLAGS=-a X=1 B=2 {powershell} Get-Item"),
        entry('SHELL ["/usr/bin/python3", "-c"]', empty=True),
        entry("RUN /usr/bin/python3 -c print(1) # buildkit"),
        entry("/opt/shell run it"),
    ]
    steps, warnings = align(history, 4, ("/opt/shell", "run"))
    assert warnings == ()
    assert [(step.instruction, step.arguments, step.build_args) for step in steps] == [
        ("ARG", "FLAGS", ()),
        ("ARG", "B=2 C", ()),
        ("SHELL", f"[{powershell}]", ()),
        ("RUN", "Get-Item", ()),
        ("RUN", "Get-Item", ("FLAGS=-a X=1", "B=2")),
        ("SHELL", '["/usr/bin/python3", "-c"]', ()),
        ("RUN", "print(1)", ()),
        ("RUN", "it", ()),
    ]


ENTRIES = st.builds(
    HistoryEntry,
    created=st.none() | st.sampled_from(["", "0001-01-01T00:00:00Z", "not-a-date"]),
    created_by=st.none() | st.sampled_from(["", "apko", "RUN x", "SHELL [a -c]", "ARG A=1 B"]),
    author=st.none() | st.sampled_from(["", "ko", "Me"]),
    comment=st.none() | st.text(max_size=3),
    empty_layer=st.booleans(),
)


@given(st.lists(ENTRIES, max_size=8), st.integers(0, 6))
def test_every_layer_and_every_entry_has_one_step(history: list[HistoryEntry], count: int) -> None:
    steps, warnings = align(history, count)
    assert [layer for layer in layers(steps) if layer is not None] == list(range(count))
    assert [step.index for step in steps] == list(range(len(steps)))
    assert [recorded(step) for step in steps if step.recorded] == list(map(recorded, history))
    assert all(step.layer is not None for step in steps if not step.recorded)
    claims = sum(not entry.empty_layer for entry in history)
    assert len(warnings) == (claims != count)


def test_a_hundred_thousand_entries_are_fast() -> None:
    start = time.process_time()
    history = [
        entry(f"SHELL [/bin/shell{i} -c]" if i % 2 else f"ARG A{i}=1", empty=True)
        for i in range(100_000)
    ]
    steps, _ = align(history, 1)
    assert len(steps) == 100_001
    # About a second; quadratic takes an hour.
    assert time.process_time() - start < 20
