"""Filters: syntax, matches, and positions of mistakes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from layerscope.browse.choices import Mode
from layerscope.browse.filters import FilterError, parse_filter
from layerscope.browse.matching import MAX_CACHED, PathTexts
from layerscope.browse.tree import TreeView
from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.siblings import Siblings
from tests.filesystem.stacking import stack
from tests.images import Member, device, directory, fifo, file, hardlink, symlink, whiteout

# --- What matches ---------------------------------------------------------------------------------

IMAGE: list[list[Member]] = [
    [
        directory("usr", mode=0o755),
        file("usr/bin/Python3", b"x" * 2000, mode=0o4755),
        file("usr/bin/old", b"x" * 10, uid=7),
        file("usr/lib/a b.py", b"x" * 1024),
        file("usr/lib/deep/x.py", b"", uid=1000, gid=1000),
        hardlink("usr/lib/deep/y.so", "usr/bin/Python3"),
        symlink("usr/link", "bin"),
    ],
    [
        whiteout("usr/bin/old"),
        file("usr/bin/Python3", b"y" * 3_000_000, mode=0o2755),
        file("usr/lib/deep/x.py", b"", uid=1000, gid=1000, mode=0o600),
        device("dev/null", 1, 3),
        device("dev/sda", 8, 0, block=True),
        fifo("dev/pipe"),
        hardlink("dev/broken", "dev/nothing"),
        file("usr/[id].tsx", b"z"),
        file("new:name/size", b"zz"),
    ],
]

CASES = {
    "python": ["usr/bin/Python3"],
    "N/P": ["usr/bin/Python3"],
    "dev/": ["dev/broken", "dev/null", "dev/pipe", "dev/sda"],
    "lib/deep/": ["usr/lib/deep/x.py", "usr/lib/deep/y.so"],
    "usr/lib": [
        "usr/lib",
        "usr/lib/a b.py",
        "usr/lib/deep",
        "usr/lib/deep/x.py",
        "usr/lib/deep/y.so",
    ],
    "//": [],
    '"a b"': ["usr/lib/a b.py"],
    "a b": ["usr/lib/a b.py"],
    '"[id]"': ["usr/[id].tsx"],
    '"size>1M"': [],
    "new:name": ["new:name", "new:name/size"],
    "*.py": ["usr/lib/a b.py", "usr/lib/deep/x.py"],
    "*.PY": [],
    "p*": ["dev/pipe"],
    '"a b".p*': [],
    '*" b.py"': ["usr/lib/a b.py"],
    "usr/*.py": [],
    "usr/lib/*.py": ["usr/lib/a b.py"],
    "/usr/lib/*": ["usr/lib/a b.py", "usr/lib/deep"],
    "usr/**/*.py": ["usr/lib/a b.py", "usr/lib/deep/x.py"],
    "**/deep/**": ["usr/lib/deep/x.py", "usr/lib/deep/y.so"],
    "d*/": ["dev", "usr/lib/deep"],
    "[xy].??": ["usr/lib/deep/x.py", "usr/lib/deep/y.so"],
    "[!x-z].*": [],
    r"\[*": ["usr/[id].tsx"],
    "/[[]id]/": ["usr/[id].tsx"],
    r"/\.py$/": ["usr/lib/a b.py", "usr/lib/deep/x.py"],
    "/^/dev/[^/]+l$/": ["dev/null"],
    "/(?i)PYTHON/": ["usr/bin/Python3"],
    "size>1M": ["usr/bin/Python3"],
    "size>=1ki size<1Mi": ["usr/lib/a b.py", "usr/lib/deep/y.so"],
    "size=1024": ["usr/lib/a b.py"],
    "size:1.024kB": ["usr/lib/a b.py"],
    "size<=0": ["usr/lib/deep/x.py"],
    "change:+": [
        "dev",
        "dev/broken",
        "dev/null",
        "dev/pipe",
        "dev/sda",
        "new:name",
        "new:name/size",
        "usr/[id].tsx",
    ],
    "change:modified": ["usr/bin/Python3"],
    "change:±,~": ["usr/bin/Python3", "usr/lib/deep/x.py"],
    "type:symlink": ["usr/link"],
    "type:device": ["dev/null", "dev/sda"],
    "type:fifo,broken": ["dev/broken", "dev/pipe"],
    "type:hardlink": [],
    "type:dir !usr": ["dev", "new:name"],
    "setuid": ["usr/lib/deep/y.so"],
    "setgid": ["usr/bin/Python3"],
    '"setgid"': [],
    "owner:1000": ["usr/lib/deep/x.py"],
    "owner:1000:0": [],
    "owner::1000": ["usr/lib/deep/x.py"],
    "owner:0 type:dir": ["usr"],
    "layer:0 type:file": ["usr/lib/a b.py", "usr/lib/deep/y.so"],
    "layer>0 usr": ["usr/[id].tsx", "usr/bin/Python3", "usr/lib/deep/x.py"],
    "layer!": [],
    "!usr !dev": ["new:name", "new:name/size"],
    '!"usr" dev/n': ["dev/null"],
}


@pytest.mark.parametrize(("text", "expected"), CASES.items(), ids=range(len(CASES)))
def test_filters_match(text: str, expected: list[str]) -> None:
    """There is an example of each kind of term, for the paths that are visible after the second layer."""
    view = TreeView(stack(IMAGE).filesystem, layer=1, mode=Mode.UP_TO)
    view.set_filter(parse_filter(text))
    table = view.filesystem.table
    matches = [table.full(path).decode() for path in np.flatnonzero(view.matches).tolist()]
    assert matches == expected


def test_removed_paths_match_by_their_former_attributes() -> None:
    """In the changes of a layer, a removed file has its former size and owner."""
    view = TreeView(stack(IMAGE).filesystem, layer=1)
    view.set_filter(parse_filter("change:- size=10 owner:7 layer:0 type:file old"))
    assert (view.matching, view.present) == (1, 15)
    assert [view.row(row).name for row in range(len(view))] == [b"usr", b"bin", b"old"]


def test_all_names_of_a_hard_link_match() -> None:
    """`type:hardlink` finds all names of a file that has several."""
    view = TreeView(stack(IMAGE).filesystem, layer=0, mode=Mode.UP_TO)
    view.set_filter(parse_filter("type:hardlink"))
    view.set_flat(True)
    assert [view.row(row).name for row in range(len(view))] == [
        b"usr/bin/Python3",
        b"usr/lib/deep/y.so",
    ]


# --- What can be written --------------------------------------------------------------------------

MISTAKES = {
    'a "b c': (2, "quote"),
    "a !": (2, "`!`"),
    "size>": (5, "size: expected a size such as 10M"),
    "python size>big": (12, "size: expected a size"),
    "size>1X": (5, "size: expected a size"),
    "size>-1": (5, "size: expected a size"),
    "!size>1.2.3": (6, "size: expected"),
    "change:": (7, "change: expected added, modified"),
    "change>added": (6, "change: expected a colon, not `>`"),
    "change:added,gone": (13, "change: expected added, modified"),
    "type:,file": (5, "type: expected file, dir"),
    "owner:root": (6, "owner: expected UID, UID:GID or :GID, in numbers"),
    "owner:0:": (8, "numbers"),
    "owner:0:x": (8, "numbers"),
    "owner:" + "9" * 30: (6, "numbers"),
    "layer:base": (6, "layer: expected the number of a layer"),
    "layer:-1": (6, "number"),
    "package:": (8, "package: expected the name of a package, or a glob"),
    "package>curl": (7, "colon"),
    "layer:١": (6, "number"),
    "a /b(c/": (4, "unterminated"),
    "/*b/": (1, "nothing to repeat"),
    f"/{'(' * 500}{')' * 500}/": (1, "large"),
}


@pytest.mark.parametrize(("text", "mistake"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_mistakes_are_reported_with_their_position(text: str, mistake: tuple[int, str]) -> None:
    """An error names the mistake and the index of its character."""
    position, word = mistake
    with pytest.raises(FilterError) as error:
        parse_filter(text)
    assert word in error.value.message
    assert error.value.position == position


@given(st.text(alphabet='ab:<>=!"/[]*?\\ .,()10Mik~±+-\n\xe9\udc80', max_size=12))
@settings(max_examples=500)
def test_any_text_is_parsed_or_rejected(text: str) -> None:
    """No other exception is raised for any text, in parsing or in matching."""
    try:
        query = parse_filter(text)
    except FilterError as error:
        position = error.position
    else:
        position = 0
        assert query.text == text
        assert bool(query) == bool(text.strip())
        VIEW.set_filter(query)
        assert VIEW.matching <= VIEW.present
        assert len(VIEW) <= VIEW.present
    assert 0 <= position <= len(text)


VIEW = TreeView(stack(IMAGE).filesystem, layer=1, mode=Mode.UP_TO)


@pytest.mark.parametrize("keyword", ["size", "change", "type", "owner", "layer", "sizes>1"])
def test_keywords_alone_are_text(keyword: str) -> None:
    """Without a comparison, they are searched for as text."""
    view = TreeView(stack([[file(f"x/{keyword}")]]).filesystem, mode=Mode.UP_TO)
    view.set_filter(parse_filter(keyword))
    assert view.matching == 1


# --- Texts, globs and expressions against naive ones ----------------------------------------------

LETTERS = ["a", "b", "A", "é", "É", "ß", "İ", "x", ".", "-", "[", "]", "*", "!", "\udcff", "\\"]
NAME = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=4).map("".join)
PATH = st.lists(NAME.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4)
PATHS = st.lists(PATH.map("/".join), min_size=1, max_size=12)
TEXT = st.lists(st.sampled_from([*LETTERS, "/"]), max_size=4).map("".join)


def table_of(paths: list[str]) -> PathTable:
    """A table of these paths and all directories above them."""
    members = [symlink(path, "target") for path in paths]
    return stack([members]).filesystem.table


def texts_of(table: PathTable) -> PathTexts:
    return PathTexts(table, Siblings(table))


def written(table: PathTable) -> list[str]:
    """All paths except the root, with a leading slash."""
    return [
        "/" + table.full(path).decode(errors="surrogateescape") for path in range(1, len(table))
    ]


@given(PATHS, TEXT)
@example(["a/b", "ab", "xa/bx/c"], "a/b")
@example(["a/b/c", "a/bb/c"], "/b/")
@settings(max_examples=300, deadline=None)
def test_texts_match_across_slashes_ignoring_case(paths: list[str], text: str) -> None:
    table = table_of(paths)
    mask = texts_of(table).containing(text)
    assert mask[1:].tolist() == [text.casefold() in path.casefold() for path in written(table)]


PIECES = r"a b x é / . ^ $ * + ? | ( ) (?: (?i) (?=a) (?!x) [ab] [^a] \w \W \s \b \B \. \Z \n {2} -"
EXPRESSION = st.lists(st.sampled_from(PIECES.split()), min_size=1, max_size=5).map("".join)


@given(PATHS, EXPRESSION, st.booleans())
@settings(max_examples=500, deadline=None)
def test_expressions_match_each_path_separately(
    paths: list[str], expression: str, lines: bool
) -> None:
    """This holds for expressions about line ends and edges, too."""
    try:
        pattern = re.compile(expression)
    except re.error:
        assume(False)
    table = table_of([*paths, "a\nb/\n"] if lines else paths)
    mask = texts_of(table).regex(pattern)
    expected = [pattern.search(path) is not None for path in written(table)]
    assert mask[1:].tolist() == expected


@pytest.mark.parametrize("max_cached", [MAX_CACHED, 0])
def test_expressions_match_in_all_pieces(monkeypatch: pytest.MonkeyPatch, max_cached: int) -> None:
    """Paths are searched piece by piece, kept for the next search or built again."""
    monkeypatch.setattr("layerscope.browse.matching.PIECE", 30)
    monkeypatch.setattr("layerscope.browse.matching.MAX_CACHED", max_cached)
    table = table_of([f"{one}/é{two}/x{one}" for one in range(9) for two in range(9)])
    texts = texts_of(table)
    for expression in ("3", "^/3", "é[^4]$", "x"):
        mask = texts.regex(re.compile(expression))
        assert mask[1:].tolist() == [
            re.search(expression, path) is not None for path in written(table)
        ]
