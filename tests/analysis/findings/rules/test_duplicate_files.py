"""Duplicates of large files, grouped by the step that stores them."""

from __future__ import annotations

from tests.analysis.findings.rule_images import findings_by, findings_of, opened_of, paths_of
from tests.images import file, hardlink

RULE = "duplicate-files"
RUN = "RUN /bin/sh -c make install # buildkit"
LIBRARY = b"l" * 60_000
MODEL = b"m" * 80_000


def test_all_copies_but_the_first_are_claimed_by_the_steps_that_store_them() -> None:
    """They are claimed with exact bytes, largest first; the copy of the lowest layer stays."""
    opened = opened_of(
        [
            (RUN, [file("opt/z.so", LIBRARY), file("opt/model", MODEL), file("opt/1", b"1")]),
            (RUN, [file("a/z.so", LIBRARY), file("a/model", MODEL), file("b/model", MODEL)]),
        ],
        RULE,
        0,
    )
    (finding,) = findings_of(opened).found
    assert (finding.rule, finding.bytes, finding.layers) == (RULE, 220_000, (1,))
    assert paths_of(opened, finding) == ["a/model", "b/model", "a/z.so"]
    assert "ln -sf /opt/model /a/model" in finding.fix


def test_within_a_step_a_hard_link_is_enough() -> None:
    """Across layers, a hard link would store the content again."""
    members = [file("opt/libx.so.1", LIBRARY), file("opt/libx.so", LIBRARY)]
    (finding,) = findings_by([(RUN, members)], RULE)
    assert finding.fix.endswith("&& ln -f /opt/libx.so /opt/libx.so.1")


def test_the_second_copy_excludes_copied_files() -> None:
    """A link after a COPY saves nothing unless the COPY leaves the file out."""
    members = [file("srv/a", LIBRARY), file("srv/b", LIBRARY)]
    (finding,) = findings_by([("COPY . /srv # buildkit", members)], RULE)
    assert finding.fix.startswith("# leave /srv/b out of\nCOPY . /srv\n")
    assert finding.fix.endswith("RUN ln -sf /srv/a /srv/b")


def test_licences_small_files_and_links_are_not_reported() -> None:
    """Near misses are required, tiny, linked and packaged files."""
    for name in ("usr/share/doc/x/notes", "opt/LICENSE.txt", "opt/copyright"):
        assert findings_by([(RUN, [file(name, LIBRARY), file(f"srv/{name}", LIBRARY)])], RULE) == []
    assert findings_by([(RUN, [file("a", LIBRARY[:9000]), file("b", LIBRARY[:9000])])], RULE) == []
    assert findings_by([(RUN, [file("a", LIBRARY), hardlink("b", "a")])], RULE) == []
    assert (
        findings_by([(RUN, [file("usr/lib/a", LIBRARY), file("usr/lib/b", LIBRARY)])], RULE) == []
    )
    assert findings_by([(RUN, [file("a", LIBRARY), file("b", LIBRARY)])], RULE, None) == []


def test_a_copy_with_another_name_is_not_claimed() -> None:
    """Linking one of its names saves nothing."""
    members = [file("a", LIBRARY), file("b", LIBRARY), hardlink("c", "b")]
    assert findings_by([(RUN, members)], RULE) == []


def test_a_copy_of_one_file_that_nothing_changes_later_is_replaced_by_a_link() -> None:
    """Its directory is created if no other step does; if a later step writes to the file, a comment says what to do."""
    steps = [
        ("COPY a.so /opt/a.so # buildkit", [file("opt/a.so", LIBRARY)]),
        ("COPY a.so /srv/lib/ # buildkit", [file("srv/lib/a.so", LIBRARY)]),
        ("COPY x /opt/x # buildkit", [file("opt/x", b"x")]),
        ("COPY y /srv/lib/y # buildkit", [file("srv/lib/y", b"y")]),
    ]
    (finding,) = findings_by(steps, RULE)
    assert finding.fix == (
        "# a link is enough for each, if nothing writes to them:\n# in place of\n# COPY a.so /srv/lib/\n"
        "RUN mkdir -p /srv/lib && ln -sf /opt/a.so /srv/lib/a.so"
    )
    touched = (
        "RUN /bin/sh -c chmod +x /srv/lib/a.so # buildkit",
        [file("srv/lib/a.so", LIBRARY, mode=0o755)],
    )
    (finding,) = findings_by([*steps, touched], RULE)
    assert finding.fix.startswith(
        "# store /opt/a.so only once: after this step /srv/lib/a.so is the same"
    )
    assert "ln " not in finding.fix
