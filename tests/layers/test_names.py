"""Names of entries: cleaned, kept inside the root, and distinguished from markers (OCI image-spec layer.md, AUFS)."""

from __future__ import annotations

import random
import time

import pytest
from msgspec.structs import replace

from layerscope.errors import LimitExceededError
from layerscope.layers import names as names_module
from layerscope.layers.names import PathTreeBuilder, Role, clean
from layerscope.limits import DEFAULT_LIMITS, Limits
from tests.images import file, hardlink, layer_tar
from tests.layers.reading import END, header, names, pax, read, read_both, rows


@pytest.mark.parametrize(
    ("name", "cleaned", "leaves"),
    [
        (b"a/b", b"a/b", False),
        (b"./a/b", b"a/b", False),
        (b"/a//b/", b"a/b", False),
        (b"a/./b/.", b"a/b", False),
        (b"a/../b", b"b", False),
        (b"a/b/../..", b"", False),
        (b"../a", b"a", True),
        (b"a/../../b", b"b", True),
        (b"/..", b"", True),
        (b"", b"", False),
        (b"/", b"", False),
        (b".", b"", False),
        (b"...", b"...", False),
        (b"..a/.b", b"..a/.b", False),
        (b"a\\..\\b", b"a\\..\\b", False),
    ],
)
def test_a_name_is_cleaned(name: bytes, cleaned: bytes, leaves: bool) -> None:
    """Superfluous slashes, `.` and `..` are removed, and no name leaves the root."""
    assert clean(name) == (cleaned, leaves)


@pytest.mark.parametrize(
    ("name", "role", "path"),
    [
        (b"a/b", Role.ENTRY, b"a/b"),
        (b".wh.a", Role.WHITEOUT, b"a"),
        (b"d/.wh.a", Role.WHITEOUT, b"d/a"),
        (b"d/.wh.a/", Role.WHITEOUT, b"d/a"),
        (b"./d//.wh.a", Role.WHITEOUT, b"d/a"),
        (b"d/.wh..wh..opq", Role.OPAQUE, b"d"),
        (b".wh..wh..opq", Role.OPAQUE, b""),
        (b"/.wh..wh..opq", Role.OPAQUE, b""),
        (b".wh..wh.plnk", Role.IGNORED, b""),
        (b".wh..wh.plnk/1.2", Role.IGNORED, b""),
        (b".wh..wh.aufs", Role.IGNORED, b""),
        (b"d/.wh..wh.orph/x/y", Role.IGNORED, b""),
        (b".wh..wh..opq/x", Role.IGNORED, b""),
        (b".wh.", Role.IGNORED, b""),
        (b"d/.wh..", Role.IGNORED, b""),
        (b"d/.wh...", Role.IGNORED, b""),
        (b".wh.a/b", Role.ENTRY, b".wh.a/b"),
        (b".wh", Role.ENTRY, b".wh"),
        (b"a.wh.b", Role.ENTRY, b"a.wh.b"),
        (b".whx", Role.ENTRY, b".whx"),
        (b".wh..a", Role.WHITEOUT, b".a"),
        (b"d/..", Role.IGNORED, b""),
        (b"./", Role.IGNORED, b""),
    ],
)
def test_markers_are_detected_by_their_last_component(name: bytes, role: Role, path: bytes) -> None:
    """AUFS metadata is detected by any component, and the root is ignored."""
    index = read_both(header(name) + END)
    assert index.roles.tolist() == [role]
    assert rows(index)[0].name == path


def test_names_outside_the_root_and_empty_whiteouts_are_counted() -> None:
    """This includes targets of hard links."""
    tar = layer_tar(
        [file("../a"), file("b/../../c"), file("d/.wh."), file(".wh..."), hardlink("e", "../a")]
    )
    assert read_both(tar).oddities == {"name-outside-root": 3, "whiteout-invalid": 2}


def test_targets_of_hard_links_are_paths() -> None:
    """They are cleaned like names, and in the tree even if no entry has the path."""
    tar = layer_tar([file("d/a"), hardlink("b", "./d//a"), hardlink("c", "/nowhere/x")])
    index = read_both(tar)
    paths = [index.tree.path(int(node)) for node in index.targets]
    assert paths == [b"d/a", b"nowhere/x"]
    assert index.targets[0] == index.nodes[0]


def test_all_spellings_of_a_path_have_one_node() -> None:
    """Entries with the same path thus refer to the same node."""
    index = read_both(layer_tar([file("a/b"), file("./a//b"), file("x/../a/b"), file("a/c")]))
    assert len(set(index.nodes[:3].tolist())) == 1
    assert len(set(index.nodes.tolist())) == 2
    assert names(index) == [b"a/b", b"a/b", b"a/b", b"a/c"]


# --- Limits and speed -----------------------------------------------------------------------------


def test_a_long_name_exceeds_the_limit() -> None:
    """The name may be an entry's or a link target; the error names the limit, and raising it helps."""
    long = b"n" * 200
    limits = Limits(path_bytes=199)
    for tar in (pax((b"path", long)) + header(), pax((b"linkpath", long)) + header(b"l", b"2")):
        for hash_all in (True, False):
            with pytest.raises(
                LimitExceededError,
                match=r"layer: .*limit path_bytes exceeded: 200 found, 199 allowed",
            ) as caught:
                read(tar + END, limits, hash_all=hash_all)
            assert caught.value.hint is not None
            assert "--limit path_bytes=" in caught.value.hint
        assert len(read_both(tar + END, replace(limits, path_bytes=200))) == 1


def test_many_entries_exceed_the_limit() -> None:
    """So do many directories above them."""
    many = b"".join(header(b"f%d" % number) for number in range(11)) + END
    deep = pax((b"path", b"d/" * 11 + b"f")) + header() + END
    for tar in (many, deep):
        limits = Limits(entries=10)
        with pytest.raises(
            LimitExceededError, match="layer: limit entries exceeded: more than 10"
        ) as caught:
            read(tar, limits)
        assert caught.value.hint is not None
        assert "--limit entries=" in caught.value.hint
        assert read_both(tar, replace(limits, entries=13)).broken is None


@pytest.mark.parametrize(
    "extension",
    [
        lambda number: pax((b"path", b"%d" % number * 1000)),
        lambda number: pax((b"linkpath", b"%d" % number * 1000)),
        lambda number: pax((b"SCHILY.xattr.user.x", b"%d" % number * 1000)),
        lambda number: pax(
            (b"GNU.sparse.map", b",".join([b"%d,0" % number] * 8)), (b"GNU.sparse.size", b"99")
        ),
    ],
)
def test_much_metadata_exceeds_the_limit(extension) -> None:  # type: ignore[no-untyped-def]  # a lambda
    """Extension headers within their limits may fill memory together, so their sum is limited."""
    tar = b"".join(extension(number) + header(b"f%d" % number) for number in range(10, 99)) + END
    limits = Limits(metadata_bytes=88_000)
    with pytest.raises(
        LimitExceededError, match="layer: limit metadata_bytes exceeded: more than 88,000"
    ) as caught:
        read(tar, limits)
    assert caught.value.hint is not None
    assert "--limit metadata_bytes=" in caught.value.hint
    assert read_both(tar, replace(limits, metadata_bytes=1 << 20)).broken is None


def test_deep_paths_exceed_the_limit() -> None:
    """A few names may need more directories than fit into memory; this is detected quickly."""
    started = time.process_time()
    deep = [pax((b"path", b"%d/" % number + b"d/" * 30_000)) + header() for number in range(40)]
    with pytest.raises(
        LimitExceededError, match="layer: limit metadata_bytes exceeded: more than 67,108,864"
    ):
        read(b"".join(deep) + END, Limits(metadata_bytes=64 << 20))
    assert time.process_time() - started < 4
    assert read(b"".join(deep[:4]) + END, Limits(metadata_bytes=64 << 20)).broken is None


def test_a_long_extension_header_exceeds_the_limit() -> None:
    """It is damage of the layer, and raising the limit helps."""
    for kind in (b"x", b"g", b"L", b"K"):
        payload = b"%d comment=" % (1 << 21)
        payload += b"x" * ((1 << 21) - len(payload) - 1) + b"\n"
        block = header(b"ext", kind, len(payload))
        tar = header(b"a") + block + payload + header(b"own") + END
        index = read_both(tar)
        assert names(index) == [b"a"]
        assert index.broken is not None
        assert index.broken.offset == 512
        assert "1,048,576" in index.broken.message
        assert "--limit header_bytes=" in index.broken.message
        limits = replace(DEFAULT_LIMITS, header_bytes=1 << 22, path_bytes=1 << 22)
        assert read_both(tar, limits).broken is None


def test_deep_and_wide_trees_take_linear_time() -> None:
    """They have a hundred thousand files in one folder, and paths with thousands of levels."""
    started = time.process_time()
    builder = PathTreeBuilder(DEFAULT_LIMITS, "layer")
    builder.add([b"folder/%d" % number for number in range(100_000)])
    builder.add([b"d/" * 5000 + b"%d" % number for number in range(1000)])
    builder.add([b"%d/" % number + b"e/" * 200 + b"f" for number in range(200)])
    tree, nodes = builder.finish()
    assert len(nodes) == 101_200
    assert tree.path(int(nodes[100_000])) == b"d/" * 5000 + b"0"
    assert time.process_time() - started < 5


@pytest.mark.parametrize("most", [0, 1, 5, 30])
@pytest.mark.parametrize("seed", range(8))
def test_components_beyond_the_dict_give_the_same_paths(
    monkeypatch: pytest.MonkeyPatch, seed: int, most: int
) -> None:
    """Names occur as files, as directories and as targets of links, before and after the dict is full."""
    rng = random.Random(seed)
    names = [b"/".join(rng.choices(LETTERS, k=rng.randint(0, 4))) for _ in range(60)]
    targets = [b"/".join(rng.choices(LETTERS, k=rng.randint(1, 4))) for _ in range(10)]

    def paths() -> tuple[list[bytes], list[bytes]]:
        builder = PathTreeBuilder(DEFAULT_LIMITS, "layer")
        for start in range(0, len(names), 7):
            builder.add(names[start : start + 7])
        builder.add_targets(targets)
        tree, nodes = builder.finish()
        assert len(set(tree.names)) == len(tree.names)
        every = [tree.path(node) for node in range(len(tree.parents))]
        assert len(set(every)) == len(every)
        return sorted(every), [tree.path(node) for node in nodes.tolist()]

    expected = paths()
    monkeypatch.setattr(names_module, "_MOST_DISTINCT", most)
    assert paths() == expected
    assert expected[1] == [*names, *targets]


LETTERS = [bytes([letter]) for letter in b"abcdefghijklmnop"] + [b"a long name", b"abcdefgh"]
