"""The text report: right at any width, and harmless for the terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from layerscope.filesystem.paths import PathTable
from layerscope.opening.open import Opened, Options
from layerscope.report import ReportOptions
from layerscope.report.headline import headline
from layerscope.text import cells
from tests.images import (
    BLOCK,
    CREATED,
    Member,
    archive,
    docker_archive,
    docker_files,
    file,
    layer_tar,
    oci_archive,
    whiteout,
)
from tests.report import golden
from tests.report.sample import opened, report, sample
from tests.strategies import wild_layers

COLOR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The sample, opened by a relative name: reports show no folder of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("sample"))
        yield opened(Path("sample.tar"), sample())


def text_of(image: Opened, **options: bool | int) -> str:
    return report(image, "text", ReportOptions(**options)).decode()  # type: ignore[arg-type]


def simple(tmp_path: Path, *layers: list[Member], **how: object) -> Opened:
    """An image of a few members."""
    tars = [layer_tar(members) for members in layers]
    return opened(tmp_path / "image.tar", docker_archive(tars, **how))  # type: ignore[arg-type]


# --- As a whole -----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 100])
def test_the_report_is_as_it_was_last_reviewed(image: Opened, width: int) -> None:
    golden.check(f"sample-{width}.txt", report(image, "text", ReportOptions(width=width)))


def test_the_report_with_files_is_as_it_was_last_reviewed(image: Opened) -> None:
    golden.check("sample-files.txt", report(image, "text", ReportOptions(files=True)))


def test_the_same_image_gives_the_same_bytes(image: Opened, tmp_path: Path) -> None:
    again = opened(tmp_path / "sample.tar", sample())
    options = ReportOptions(files=True, color=True)
    assert report(again, "text", options) == report(image, "text", options)


@pytest.mark.parametrize("width", [0, 59, 60, 61, 71, 72, 80, 99, 119, 120, 160, 200, 500])
@pytest.mark.parametrize("binary", [False, True])
def test_no_line_is_wider_than_the_terminal(image: Opened, width: int, binary: bool) -> None:
    lines = text_of(image, width=width, binary_sizes=binary).splitlines()
    allowed = min(max(width, 60), 200)
    assert [line for line in lines if cells(line) > allowed] == []


def test_lines_have_no_spaces_at_their_ends_and_no_controls(image: Opened) -> None:
    text = text_of(image, files=True)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert [line for line in text.split("\n") if line != line.rstrip()] == []
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


@pytest.mark.parametrize("width", [60, 100])
def test_colours_are_all_that_colour_adds(image: Opened, width: int) -> None:
    colored = text_of(image, width=width, files=True, color=True)
    assert "\x1b[" in colored
    assert COLOR.sub("", colored) == text_of(image, width=width, files=True)
    assert not any(line != line.rstrip() for line in colored.split("\n"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layers=wild_layers())
def test_any_image_gives_a_report_that_fits(tmp_path: Path, layers: list[list[Member]]) -> None:
    image = simple(tmp_path, *layers)
    for line in text_of(image, width=60).splitlines():
        assert cells(line) <= 60
    whole = text_of(image, width=60, files=True)
    assert [line for line in whole.split("\n") if line != line.rstrip()] == []


def test_a_large_image_formats_only_the_rows_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [file(f"d/{number}", b"%d" % (number % 900)) for number in range(3000)]
    kept = [file(f"e/{number}", b"%d" % (number % 900)) for number in range(3000)]
    image = simple(tmp_path, [*many, *kept], [whiteout("d")])
    asked: list[int] = []
    full = PathTable.full

    def counted(self: PathTable, path: int) -> bytes:
        asked.append(path)
        return full(self, path)

    monkeypatch.setattr(PathTable, "full", counted)
    text = text_of(image)
    assert len(asked) <= 40
    assert "… and 2,980 more files" in text
    assert "… and copies of 890 more files" in text


# --- Header ---------------------------------------------------------------------------------------


def test_the_first_lines_say_what_the_image_is_and_what_it_wastes(image: Opened) -> None:
    first, tags, totals, facts = text_of(image).splitlines()[:4]
    assert first == "demo:latest  linux/amd64  docker-archive  sample.tar"
    assert tags == "also called demo:1"
    assert totals == "26.5 kB stored · 12.9 kB wasted (48.6 %) · efficiency 51.4 % · 13.6 kB live"
    assert facts == "38 files · 7 layers · 9 steps · built 2024-01-01 · digests ok"


def test_compressed_layers_show_what_is_sent(tmp_path: Path) -> None:
    layers = [layer_tar([file("a", b"a" * 5000)])]
    image = opened(tmp_path / "image.tar", oci_archive(layers, compress="gzip"))
    assert re.search(r"· \d+ B compressed ·", text_of(image))


def test_other_images_of_the_archive_are_named(tmp_path: Path) -> None:
    """Of many other images some are named, and the rest are counted."""
    files: dict[str, bytes] = {}
    manifest = []
    for number in range(6):
        parts = docker_files([layer_tar([file("a", b"%d" % number)])], tags=(f"img:{number}",))
        manifest += json.loads(parts["manifest.json"])
        files |= parts
    files["manifest.json"] = json.dumps(manifest).encode()
    text = text_of(opened(tmp_path / "image.tar", archive(files)))
    assert text.startswith("img:0  ")
    assert re.search(
        r"^also available: img:1[^,]*, img:2[^,]*, img:3[^,]* and 2 more$", text, re.MULTILINE
    )


def test_unchecked_digests_are_marked(tmp_path: Path) -> None:
    image = opened(
        tmp_path / "image.tar",
        docker_archive([layer_tar([file("a", b"a")])]),
        Options(verify_small=False),
    )
    assert "digests not checked" in text_of(image)


def test_a_digest_that_does_not_match_cannot_be_missed(tmp_path: Path) -> None:
    wrong = {"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}
    text = text_of(simple(tmp_path, [file("a", b"a")], config=wrong))
    assert "digest MISMATCH" in text.splitlines()[2]
    assert "digests ok" not in text
    assert "[diff-id-mismatch]" in text


def test_damage_is_reported_before_any_table(tmp_path: Path) -> None:
    whole = layer_tar([file("a", b"a"), file("b", b"b" * 5000)])
    image = opened(tmp_path / "image.tar", docker_archive([whole[: 4 * BLOCK], whole]))
    text = text_of(image)
    damage, table = text.index("Layer 0 is damaged at byte"), text.index("instruction")
    assert damage < text.index("The figures cover only the readable part.") < table
    row = next(line for line in text.splitlines() if line.startswith("  0 "))
    assert row.endswith("damaged")


# --- Steps ----------------------------------------------------------------------------------------


def rows_of(image: Opened, width: int = 120) -> list[str]:
    """The rows of the table of steps."""
    lines = text_of(image, width=width).splitlines()
    start = next(number for number, line in enumerate(lines) if line.endswith("instruction"))
    return lines[start + 1 : lines.index("", start)]


def test_each_step_has_one_row_in_the_order_of_the_build(image: Opened) -> None:
    words = [row.split()[0] for row in rows_of(image)]
    assert words == ["0", "·", "1", "·", "2", "3", "4", "5", "6"]


def test_rows_describe_the_step(image: Opened) -> None:
    add, cmd, run, note, chmod, workdir, clean, copy, bazel = rows_of(image)
    assert re.fullmatch(r"  0  16\.4 kB  █+.?  +62 %  11\.7 kB  ADD file:5a{1,}.*… in /", add)
    assert cmd.split() == ["·", "0", "B", "metadata", "CMD", '["sh"]']
    assert "RUN apt-get update; apt-get install -y demo more" in run
    assert note.endswith("ENV NOTE=[bold]not markup[/bold] \\e[31m\\u202e")
    assert chmod.endswith("  attributes only")
    assert workdir.split()[:4] == ["3", "0", "B", "empty"]
    assert " 0  RUN rm -rf" in clean
    assert copy.endswith("COPY --chown=1000:1000 文書/app /app")
    assert re.search(r"  bazel build //:app +no changes, same blob as layer 5, stored once$", bazel)


def test_notes_that_do_not_fit_beside_a_step_stand_below_it(image: Opened) -> None:
    rows = rows_of(image, width=60)
    assert rows[-1].strip() == "no changes, same blob as layer 5, stored once"
    assert rows[-2].endswith("bazel build //:app")


def test_a_layer_without_history_is_marked(tmp_path: Path) -> None:
    image = simple(tmp_path, [file("a", b"a")], history=[])
    assert rows_of(image)[0].endswith("(no instruction recorded)")


def test_an_image_without_layers_says_so(tmp_path: Path) -> None:
    text = text_of(simple(tmp_path, history=[]))
    assert "This image has no layers and no steps." in text
    assert "Nothing is wasted in this image." in text


# --- Waste and duplicates -------------------------------------------------------------------------


def test_wasted_files_name_both_layers_and_the_reason(image: Opened) -> None:
    text = text_of(image)
    assert "\nWasted  12.9 kB in 57 files\n" in text
    assert (
        "deleted 6.3 kB · overwritten 3.9 kB · identical rewrite 2.7 kB · chown/chmod copy 10 B"
        in text
    )
    assert re.search(r"3\.9 kB  /var/lib/dpkg/status +0 ADD +1 RUN +overwritten\n", text)
    assert "\n  … and 37 more files, 2.2 kB\n" in text


def test_in_a_narrow_terminal_each_wasted_file_takes_two_lines(image: Opened) -> None:
    assert (
        "  3.9 kB  /var/lib/dpkg/status\n"
        "          overwritten, stored in 0 ADD, hidden by 1 RUN\n"
    ) in text_of(image, width=60)  # fmt: skip


def test_duplicates_name_their_copies_and_what_one_would_save(tmp_path: Path) -> None:
    same = b"same" * 100
    text = text_of(simple(tmp_path, [file(f"copy-{number}", same) for number in range(5)]))
    assert "Duplicates  1.6 kB in duplicates of 1 file\n  not counted as wasted\n" in text
    assert re.search(r"1\.6 kB +5 ×  /copy-0\n +/copy-1  and 3 more\n", text)


def test_empty_tables_say_so(tmp_path: Path) -> None:
    tar = docker_archive([layer_tar([file("a", b"a")])])
    text = text_of(opened(tmp_path / "image.tar", tar))
    assert "Nothing is wasted in this image." in text
    assert "No duplicates." in text
    assert "Warnings" not in text
    unasked = opened(tmp_path / "image.tar", tar, Options(duplicates=False))
    assert "Duplicates: skipped." in text_of(unasked)


# --- Warnings and files ---------------------------------------------------------------------------


def test_warnings_name_their_layer_and_code(image: Opened) -> None:
    text = text_of(image)
    assert "\nWarnings\n" in text
    assert re.search(r"\n  layer 5: .* no target \[link-broken\]\n", text)


def test_files_are_listed_layer_by_layer_with_what_happened_to_them(image: Opened) -> None:
    text = text_of(image, files=True)
    for line in (
        "Layer 0  ADD file:5a5a5a5a5a5a… in /",
        "  + -rwsr-xr-x  0:0    1.8 kB  /bin/su",
        "  + crw-rw-rw-  0:0      1, 3  /dev/null",
        "  + lrwxrwxrwx  0:0            /etc/release -> os-release",
        "  + d?????????  ?              /usr/share/文書",
        "  ~ -rw-r--r--  0:0    3.9 kB  /var/lib/dpkg/status",
        "  ± -rw-------  1000:1000      10 B  /etc/os-release",
        "  - -rw-r--r--  0:0    2.3 kB  /usr/share/doc/two/copyright",
        "  + -rw-r--r--  1000:1000       7 B  /app/caf\\xe9",
        "  + -rw-r--r--  1000:1000       7 B  /app/bell\\x07 \\e[31m\\n",
        "  + -rw-r--r--  1000:1000       9 B  /app/gpj\\u202e.exe\\x20",
        "  + -rw-r--r--  1000:1000       5 B  /app/[bold]markup[/bold]",
        "  2 modified · 26 deleted",
        "  no changes",
    ):
        assert f"\n{line}\n" in text
    assert "changes nothing" not in text_of(image)


def test_binary_sizes_are_in_powers_of_1024(image: Opened) -> None:
    text = text_of(image, binary_sizes=True, files=True)
    assert "25.9 KiB stored · 12.6 KiB wasted" in text
    assert not re.search(r"\d [kMG]B\b", text)


@pytest.mark.parametrize(
    ("avoidable", "own", "secrets", "words", "short"),
    [
        (None, 0, 0, "9 B stored", "9 B"),
        (0, 0, 0, "9 B stored, nothing avoidable", "9 B, nothing avoidable"),
        (5, 5, 0, "9 B stored, 5 B avoidable", "9 B, 5 B avoidable"),
        (5, 0, 0, "9 B stored, 5 B avoidable, none of it yours", "9 B, 5 B avoidable, not yours"),
        (5, 2, 0, "9 B stored, 5 B avoidable, 2 B of it yours", "9 B, 2 B avoidable"),
        (5, 5, 1, "9 B stored, 5 B avoidable, 1 secret", "9 B, 5 B avoidable, 1 secret"),
        (5, 5, 2, "9 B stored, 5 B avoidable, 2 secrets", "9 B, 5 B avoidable, 2 secrets"),
    ],
)
def test_the_headline_never_gives_the_bytes_of_the_base_to_the_reader(
    avoidable: int | None, own: int, secrets: int, words: str, short: str
) -> None:
    """What only another base image avoids is said not to be the reader's, also where it is short."""
    for brief, expected in ((False, words), (True, short)):
        parts = headline(9, avoidable, own, secrets, short=brief)
        assert ", ".join(part for part, _ in parts) == expected


def test_what_to_fix_comes_before_the_steps_and_each_fix_is_whole(tmp_path: Path) -> None:
    """Secrets first, then by bytes; what belongs to the base image comes last; no line of a fix is cut."""
    command = "/bin/sh -c apt-get update && apt-get install -y " + " ".join(
        f"package-{number}" for number in range(30)
    )
    key = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"QUJD" * 40 + b"\n"
    steps: list[tuple[str, list[Member]]] = [
        ("/bin/sh -c #(nop) ADD file:abc in / ", [file("var/lib/apt/lists/base", b"b" * 500_000)]),
        ('/bin/sh -c #(nop)  CMD ["sh"]', []),
        (command, [file("var/lib/apt/lists/main", b"l" * 300_000)]),
        ("COPY . /srv # buildkit", [file("srv/id_rsa", key)]),
    ]
    history = [
        {"created": CREATED, "created_by": command} | ({} if members else {"empty_layer": True})
        for command, members in steps
    ]
    layers = [layer_tar(members) for _, members in steps if members]
    image = opened(
        tmp_path / "image.tar", docker_archive(layers, history=history), Options(rules={})
    )
    text = text_of(image)
    places = [
        text.index(words)
        for words in (
            "What to fix first",
            "Private key",
            "package-29",
            "In the base image",
            "instruction",
        )
    ]
    assert places == sorted(places)
    assert "1 secret" in text.splitlines()[1]
