"""Each cause of a fetched layer, in images of the builders that produce it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.analysis.series.hop import Hop
from layerscope.words import Cause, Change
from tests.analysis.series.releases import Made, release, series_of
from tests.images import file, whiteout

BASE = (Made("ADD rootfs.tar /", [file("bin/sh", b"sh")]), Made('CMD ["sh"]'))
LIBRARIES = file("usr/lib/libs", b"l" * 5000)


def app(source: bytes = b"one", mtime: int = 1, built: int = 1, label: str = "1") -> list[Made]:
    """A small image: sources are copied, then something is installed."""
    return [
        *BASE,
        Made(f"LABEL version={label}"),
        Made(
            "COPY . /app", [file("app/main.py", source, mtime=mtime), file("app/data", b"d" * 900)]
        ),
        Made("RUN install", [file("usr/lib/libs", b"l" * 5000, mtime=built)]),
    ]


def hop_of(folder: Path, old: list[Made], new: list[Made], **options: bool) -> Hop:
    """The hop between two releases."""
    series = series_of(folder, [release(steps, base=2, **options) for steps in (old, new)])  # type: ignore[arg-type]
    return series.hops[0]


def charges(hop: Hop) -> list[tuple[str, Cause, list[int]]]:
    """The instruction, cause and layers of each charge."""
    return [
        (
            hop.steps[charge.place].step.instruction or "",
            charge.cause,
            sorted(layer.layer for layer in charge.layers),
        )
        for charge in hop.charges
    ]


def test_changed_files_make_later_steps_run_again(tmp_path: Path) -> None:
    """The layer of the RUN is charged to the COPY before it, and its contents are unchanged."""
    hop = hop_of(tmp_path, app(), app(b"two", mtime=2, built=2))
    assert charges(hop) == [("COPY", Cause.FILES, [1, 2])]
    assert hop.content == 3 + 900 + 5000
    assert hop.unchanged == 900 + 5000
    copy = next(step for step in hop.steps if step.step.instruction == "COPY")
    assert copy.difference is not None
    assert [(each.path, each.change) for each in copy.difference.listed] == [
        (b"app/main.py", Change.MODIFIED)
    ]


def test_times_of_copied_files_alone(tmp_path: Path) -> None:
    """A fresh clone has new times."""
    hop = hop_of(tmp_path, app(), app(mtime=2, built=2))
    assert charges(hop) == [("COPY", Cause.TIMESTAMPS, [1, 2])]
    assert hop.unchanged == hop.content == 5903


def test_the_output_of_a_step_that_is_not_reproducible(tmp_path: Path) -> None:
    """Instruction and input are the same: the files that differ are listed, with the differences."""
    new = app()
    new[-1] = Made("RUN install", [LIBRARIES, file("var/log/install", b"today", mode=0o600)])
    old = app()
    old[-1] = Made("RUN install", [LIBRARIES, file("var/log/install", b"yesterday")])
    hop = hop_of(tmp_path, old, new)
    assert charges(hop) == [("RUN", Cause.NOT_REPRODUCIBLE, [2])]
    difference = hop.steps[-1].difference
    assert difference is not None
    assert [each.path for each in difference.listed] == [b"var/log/install"]
    assert difference.times == 0


def test_a_run_whose_files_have_other_times_only(tmp_path: Path) -> None:
    """It was built without the cache, and stored the same contents."""
    assert charges(hop_of(tmp_path, app(), app(built=2))) == [("RUN", Cause.TIMESTAMPS, [2])]


def test_another_base_image(tmp_path: Path) -> None:
    """All steps after it are built again."""
    new = app(built=2)
    new[0] = Made("ADD rootfs.tar /", [file("bin/sh", b"new sh")])
    new[3] = Made("COPY . /app", app(mtime=2)[3].stored)
    hop = hop_of(tmp_path, app(), new)
    assert charges(hop) == [("ADD", Cause.BASE, [0, 1, 2])]
    assert hop.unchanged == 5903


def test_a_base_image_of_several_layers_is_charged_once(tmp_path: Path) -> None:
    """The charge is at its first changed step."""

    def based(version: bytes) -> list[Made]:
        second = Made("RUN base", [file("etc/base", version)])
        return [
            Made("ADD rootfs.tar /", [file("bin/sh", version)]),
            second,
            Made("RUN x", [LIBRARIES]),
        ]

    hop = hop_of(tmp_path, based(b"1"), based(b"2"))
    assert charges(hop) == [("ADD", Cause.BASE, [0, 1])]


def test_another_instruction(tmp_path: Path) -> None:
    """Its layer and files are charged to it."""
    new = app()
    new[-1] = Made("RUN install more", [LIBRARIES, file("usr/lib/more", b"m")])
    assert charges(hop_of(tmp_path, app(), new)) == [("RUN", Cause.INSTRUCTION, [2])]


def test_a_changed_label_makes_the_classic_builder_run_all_again(tmp_path: Path) -> None:
    """It chains steps, so their layers have new times."""
    hop = hop_of(tmp_path, app(), app(mtime=2, built=2, label="2"), buildkit=False)
    assert charges(hop) == [("LABEL", Cause.INSTRUCTION, [1, 2])]


def test_a_label_is_no_input_of_buildkit(tmp_path: Path) -> None:
    """Steps that ran again did so for another reason."""
    hop = hop_of(tmp_path, app(), app(mtime=2, built=2, label="2"))
    assert charges(hop) == [("COPY", Cause.TIMESTAMPS, [1, 2])]


@pytest.mark.parametrize("buildkit", [True, False])
def test_a_build_argument(tmp_path: Path, buildkit: bool) -> None:
    """The ARG is charged for the RUN that uses it; steps before the RUN are unchanged."""

    def built(version: str, time: int) -> list[Made]:
        named = f"ARG VERSION={version}" if buildkit else "ARG VERSION"
        return [
            *BASE,
            Made("RUN prepare", [file("a", b"a")]),
            Made(named),
            Made("RUN install", [file("b", b"b", mtime=time)], {"VERSION": version}),
        ]

    hop = hop_of(tmp_path, built("1", 1), built("2", 2), buildkit=buildkit)
    assert charges(hop) == [("ARG", Cause.INSTRUCTION, [2])]


def test_a_metadata_step_without_effect_is_not_charged(tmp_path: Path) -> None:
    """The RUN after it stored the same, including times, so it did not make later steps run again."""

    def labelled(label: str, time: int) -> list[Made]:
        first = Made("RUN prepare", [file("a", b"a", mtime=1)])
        second = Made("RUN install", [file("b", b"b", mtime=time)])
        return [*BASE, Made(f"LABEL version={label}"), first, second]

    hop = hop_of(tmp_path, labelled("1", 1), labelled("2", 2), buildkit=False)
    assert charges(hop) == [("RUN", Cause.TIMESTAMPS, [2])]


def test_a_copy_that_stored_the_same_is_no_evidence(tmp_path: Path) -> None:
    """Copied files keep their times: the layer is the same although the step ran again."""
    hop = hop_of(tmp_path, app(), app(label="2", built=2), buildkit=False)
    assert charges(hop) == [("LABEL", Cause.INSTRUCTION, [2])]


def test_a_removed_step(tmp_path: Path) -> None:
    """Later steps are charged to it."""
    old = app()
    old.insert(3, Made("RUN prepare", [file("tmp/x", b"x")]))
    hop = hop_of(tmp_path, old, app(mtime=2, built=2), buildkit=False)
    assert charges(hop) == [("RUN", Cause.INSTRUCTION, [1, 2])]
    assert hop.steps[hop.charges[0].place].new is None


def test_a_new_step_is_called_new_wherever_it_is_listed(tmp_path: Path) -> None:
    """Its instruction did not change, because the previous release has none."""
    new = [*app(), Made("RUN extra", [file("opt/x", b"x" * 3000)])]
    series = series_of(tmp_path, [release(steps, base=2) for steps in (app(), new)])
    (charge,) = series.hops[0].charges
    (cost,) = series.costs()
    assert series.hops[0].reason(charge) == "step is new"
    assert (cost.causes, cost.reasons) == ((Cause.INSTRUCTION,), ("step is new",))


def test_two_changes_are_charged_separately(tmp_path: Path) -> None:
    """A changed step is charged to itself, and its followers to the first change."""
    new = app(b"two", mtime=2, built=2, label="2")
    hop = hop_of(tmp_path, app(), new, buildkit=False)
    assert sorted(charges(hop)) == [
        ("COPY", Cause.FILES, [1]),
        ("LABEL", Cause.INSTRUCTION, [2]),
    ]


def test_deleted_paths_are_part_of_what_a_step_stores(tmp_path: Path) -> None:
    """A file that a RUN no longer deletes is another output."""
    old, new = app(), app()
    old[-1] = Made("RUN install", [LIBRARIES, whiteout("app/data")])
    new[-1] = Made("RUN install", [LIBRARIES])
    hop = hop_of(tmp_path, old, new)
    assert charges(hop) == [("RUN", Cause.NOT_REPRODUCIBLE, [2])]
    difference = hop.steps[-1].difference
    assert difference is not None
    assert difference.changed == frozenset((b"app/data",))


def test_a_layer_elsewhere_in_the_image_is_not_fetched(tmp_path: Path) -> None:
    """Clients identify blobs by digest, not by position."""
    one, two = Made("COPY a /", [file("a", b"a")]), Made("COPY b /", [file("b", b"b")])
    hop = series_of(tmp_path, [release([one, two]), release([two, one])]).hops[0]
    assert hop.layers == ()
    assert hop.largest_charge is None


def test_a_layer_that_an_image_lists_twice_is_fetched_once(tmp_path: Path) -> None:
    """It takes one request for one blob."""
    same = Made("COPY a /", [file("a", b"a")])
    hop = series_of(tmp_path, [release([BASE[0]]), release([BASE[0], same, same])]).hops[0]
    assert [layer.layer for layer in hop.layers] == [1]


def test_uncompressed_layers_count_as_tars(tmp_path: Path) -> None:
    """They are marked as such; a layer compressed in only one release is the same by its diff ID."""
    same, other = Made("COPY a /", [file("a", b"a")]), Made("COPY b /", [file("b", b"b")])
    first = release([same], compress="gzip")
    second = release([same, other], compress=None, layout=False)
    hop = series_of(tmp_path, [first, second]).hops[0]
    assert [(layer.layer, layer.sent.bytes) for layer in hop.layers] == [(1, 2048)]
    assert not hop.compressed


def test_the_same_tar_compressed_anew_is_another_blob(tmp_path: Path) -> None:
    """A registry has it under another digest, so it is fetched."""
    same = [Made("COPY a /", [file("a", b"a")])]
    hop = series_of(tmp_path, [release(same), release(same, compress="zstd")]).hops[0]
    assert [(layer.cause, layer.unchanged) for layer in hop.layers] == [(Cause.TIMESTAMPS, 1)]


def test_releases_of_a_builder_without_instructions(tmp_path: Path) -> None:
    """Bazel's layers change without a change of the history."""
    old = release([Made("bazel build ...", [file("a", b"a")])], buildkit=False)
    new = release([Made("bazel build ...", [file("a", b"b")])], buildkit=False)
    hop = series_of(tmp_path, [old, new]).hops[0]
    assert [layer.cause for layer in hop.layers] == [Cause.FILES]
