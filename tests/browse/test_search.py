"""Search in all layers: matches, ranking, and bounded time."""

from __future__ import annotations

import re
import signal
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from layerscope.browse.filters import FilterError, parse_filter
from layerscope.browse.fuzzy import positions
from layerscope.browse.regex_process import RegexProcess, RegexTimeoutError
from layerscope.browse.search import PathSearch
from layerscope.errors import CancelledError, LayerscopeError
from tests.filesystem.stacking import stack
from tests.images import file, whiteout

NAMES = [
    "usr/lib/libssl.so",
    "usr/lib/libssl.so.3",
    "usr/share/doc/libssl/copyright",
    "usr/bin/openssl",
    "etc/ssl/openssl.cnf",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status-old",
    "usr/share/dpkg/ostable",
    "ssl",
    "opt/Straße",
]
STACKED = stack([[file(name, b"x" * 9) for name in NAMES], [whiteout("ssl"), file("new", b"1")]])
SEARCH = PathSearch(STACKED.filesystem)


def go_on() -> None:
    """A check that never cancels."""


def search_paths(text: str, search: PathSearch = SEARCH) -> list[str]:
    """The paths that match a filter, best first."""
    filesystem = search.filesystem
    rows = search.find(parse_filter(text), go_on).rows
    return [
        filesystem.table.full(path).decode(errors="surrogateescape")
        for path in filesystem.paths[rows].tolist()
    ]


def test_a_removed_path_is_found() -> None:
    """All stored versions are searched, even those that the final image does not show."""
    assert search_paths("ssl")[0] == "ssl"
    assert SEARCH.total == len({part for name in NAMES for part in _with_parents(name)}) + 1


def _with_parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("libssl.so", "usr/lib/libssl.so"),
        ("lbssl3", "usr/lib/libssl.so.3"),
        ("openssl", "usr/bin/openssl"),
        ("dpkgst", "var/lib/dpkg/status"),
        ("dpkg/st", "var/lib/dpkg/status"),
        ("cnf etc", "etc/ssl/openssl.cnf"),
        ("OLD", "var/lib/dpkg/status-old"),
        ("STRASSE", "opt/Straße"),
    ],
)
def test_the_best_match_comes_first(typed: str, first: str) -> None:
    """Letters in the name count most, then adjacent letters and starts of words, then shorter paths."""
    assert search_paths(typed)[0] == first


def test_a_glob_matches_as_in_filters() -> None:
    """Without a slash it matches the name, with one the whole path; shorter paths come first."""
    assert search_paths("*.so*") == ["usr/lib/libssl.so", "usr/lib/libssl.so.3"]
    assert search_paths("usr/*/libssl.so") == ["usr/lib/libssl.so"]
    assert search_paths("*ssl* etc") == ["etc/ssl", "etc/ssl/openssl.cnf"]


def test_a_regular_expression_is_found_in_the_path() -> None:
    """It is written between slashes and matches the path with its leading slash."""
    assert search_paths(r"/^\/usr\/.*ssl$/") == ["usr/bin/openssl", "usr/share/doc/libssl"]


def test_an_invalid_expression_has_a_position() -> None:
    with pytest.raises(FilterError, match="missing ") as raised:
        parse_filter("/a(b/")
    assert raised.value.position == 2


def test_an_empty_query_has_no_terms() -> None:
    """Letters that no path contains match nothing."""
    assert not parse_filter("  ")
    assert search_paths("zq") == []


@given(
    st.lists(st.text("ab./é", min_size=1, max_size=8), min_size=1, max_size=8),
    st.text("ab/é", min_size=1, max_size=4),
)
def test_fuzzy_matches_are_subsequences(names: list[str], word: str) -> None:
    """A path matches if and only if it contains the bytes of the word in order."""
    search = PathSearch(stack([[file(name, b"1") for name in names]]).filesystem)
    table = search.filesystem.table
    query = parse_filter(word)
    assume(query.words == (word,))
    pattern = re.compile(b".*".join(re.escape(bytes([byte])) for byte in word.encode()), re.DOTALL)
    stored = set(search.filesystem.paths.tolist()) - {0}
    expected = {path for path in stored if pattern.search(b"/" + table.full(path))}
    found_rows = search.find(query, go_on).rows
    assert set(search.filesystem.paths[found_rows].tolist()) == expected


def test_positions_prefer_the_name() -> None:
    """Highlighted letters are adjacent and in the name if possible."""
    assert positions(b"/ssl/ssl", b"ssl") == [5, 6, 7]
    assert positions(b"/dpkg/status", b"dst") == [1, 6, 7]
    assert positions(b"/abc", b"x") == []


def test_a_glob_of_many_stars_is_fast() -> None:
    """The text between two stars is searched once: no name makes a glob take forever."""
    search = PathSearch(stack([[file("a" * 250, b"1"), file("xabyabzc", b"2")]]).filesystem)
    began = time.process_time()
    assert search_paths("*a" * 20 + "*b?", search) == []
    assert time.process_time() - began < 1
    assert search_paths("*ab*ab*c", search) == search_paths("x*?b*[yz]*", search) == ["xabyabzc"]


def test_a_search_can_be_cancelled() -> None:
    """An exception that `check` raises ends the search."""

    def stop() -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        SEARCH.find(parse_filter("lib"), stop)


def test_a_regular_expression_that_takes_forever_is_ended() -> None:
    """It runs in another process, which is ended; results are the same as in this process."""
    search = PathSearch(stack([[file("a" * 60, b"1"), file("b\nc", b"2")]]).filesystem)
    began = time.monotonic()
    with RegexProcess(go_on, seconds=0.5) as finder, pytest.raises(RegexTimeoutError):
        search.find(parse_filter("/(a+)+$b/"), go_on, finder)
    assert time.monotonic() - began < 5
    with RegexProcess(go_on) as finder:
        assert len(search.find(parse_filter(r"/b\nc/"), go_on, finder).rows) == 1
        assert len(search.find(parse_filter("/a{60}$/"), go_on, finder).rows) == 1


def test_a_cancelled_regular_expression_ends_at_once() -> None:
    """The next search does not wait for it."""
    search = PathSearch(stack([[file("a" * 60, b"1")]]).filesystem)
    until = time.monotonic() + 0.3

    def stop() -> None:
        if time.monotonic() > until:
            raise CancelledError

    with RegexProcess(stop) as finder, pytest.raises(CancelledError):
        search.find(parse_filter("/(a+)+$b/"), stop, finder)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_a_regular_expression_whose_process_fails_is_an_error(number: signal.Signals) -> None:
    """If the process is killed or stopped, an error is raised without waiting."""
    search = PathSearch(stack([[file("b\nc", b"1")]]).filesystem)
    with RegexProcess(go_on, seconds=0.5) as finder:
        assert len(search.find(parse_filter(r"/b\nc/"), go_on, finder).rows) == 1
        process = finder._child.process
        assert process is not None
        process.send_signal(number)
        with pytest.raises(LayerscopeError, match=r"failed|takes too long"):
            search.find(parse_filter(r"/b\nc$/"), go_on, finder)
    assert process.returncode is not None
