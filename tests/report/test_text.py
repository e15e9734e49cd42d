"""The text report: it fits any width and never controls the terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from layerscope.filesystem.paths import PathTable
from layerscope.opening.open import Opened, Options
from layerscope.report import ReportOptions
from layerscope.text import cells
from tests.cli.test_fix import DOCKERFILE, STEPS, opened_with
from tests.images import (
    BLOCK,
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
RULE = "── above: base image"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The sample, opened by a relative name, so that reports have no folder of this machine."""
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


def test_lines_have_no_trailing_spaces_and_no_control_characters(image: Opened) -> None:
    text = text_of(image, files=True)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert [line for line in text.split("\n") if line != line.rstrip()] == []
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


@pytest.mark.parametrize("width", [60, 100])
def test_colour_adds_nothing_but_colours(image: Opened, width: int) -> None:
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
    report_with_files = text_of(image, width=60, files=True)
    assert [line for line in report_with_files.split("\n") if line != line.rstrip()] == []


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


def test_the_first_lines_name_the_image_and_its_waste(image: Opened) -> None:
    first, tags, headline, totals, facts = text_of(image).splitlines()[:5]
    assert first == "demo:latest  linux/amd64  docker-archive  sample.tar"
    assert tags == "also called demo:1"
    assert headline == "26.5 kB stored"
    assert totals == "12.9 kB wasted (48.6 %) · efficiency 51.4 % · 13.6 kB live"
    assert facts == "38 files · 7 layers · 9 steps · built 2024-01-01 · digests ok"


def test_compressed_layers_show_their_compressed_size(tmp_path: Path) -> None:
    layers = [layer_tar([file("a", b"a" * 5000)])]
    image = opened(tmp_path / "image.tar", oci_archive(layers, compress="gzip"))
    assert re.search(r"· \d+ B compressed ·", text_of(image))


def test_other_images_of_the_archive_are_named(tmp_path: Path) -> None:
    """The first few are named, and the others counted."""
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


def test_a_digest_mismatch_is_highlighted(tmp_path: Path) -> None:
    wrong = {"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}
    text = text_of(simple(tmp_path, [file("a", b"a")], config=wrong))
    assert "digest MISMATCH" in text.splitlines()[3]
    assert "digests ok" not in text
    assert "[diff-id-mismatch]" in text


def test_damage_is_reported_before_any_table(tmp_path: Path) -> None:
    layer = layer_tar([file("a", b"a"), file("b", b"b" * 5000)])
    image = opened(tmp_path / "image.tar", docker_archive([layer[: 4 * BLOCK], layer]))
    text = text_of(image)
    damage, table = text.index("Layer 0 is damaged at byte"), text.index("instruction")
    assert damage < text.index("The figures cover only the readable part.") < table
    row = next(line for line in text.splitlines() if line.startswith("  0 "))
    assert row.endswith("damaged")


# --- What to fix first ----------------------------------------------------------------------------

_LISTS = "var/lib/apt/lists/"
_KEY = b"-----BEGIN PRIVATE KEY-----\n" + b"MIIEvQIBADANBgkqhkiG9w0BAQ" * 30
_KEY += b"\n-----END PRIVATE KEY-----\n"
_LONG = "apt-get update && apt-get install -y " + " ".join(f"package-{n}" for n in range(40))


def with_findings(
    tmp_path: Path, *, own: bool = True, base: bool = True, secret: bool = False
) -> Opened:
    """An image of a base layer and another one, each with or without package lists."""
    layers = [
        layer_tar([file(_LISTS + "base", b"b" * 300_000)] if base else [file("bin/sh", b"s")]),
        layer_tar([file(_LISTS + "own", b"o" * 200_000)] if own else [file("app", b"a")]),
    ]
    commands = [f"RUN /bin/sh -c {_LONG} # buildkit", f"RUN /bin/sh -c {_LONG} more # buildkit"]
    if secret:
        layers.append(layer_tar([file("app/key.pem", _KEY)]))
        commands.append("COPY key.pem /app/ # buildkit")
        layers.append(layer_tar([whiteout("app/key.pem")]))
        commands.append("RUN /bin/sh -c rm /app/key.pem # buildkit")
    history: list[dict[str, object]] = [{"created_by": command} for command in commands]
    image = docker_archive(layers, history=history)
    return opened(tmp_path / "image.tar", image, Options(rules={}, base_steps=1))


def test_the_headline_splits_avoidable_bytes_by_owner(tmp_path: Path) -> None:
    """Bytes that only another base image avoids are shown separately."""
    for own, base, words in (
        (True, True, "500 kB stored · 500 kB avoidable, 200 kB of it yours"),
        (False, True, "300 kB stored · 300 kB avoidable, none of it yours"),
        (True, False, "200 kB stored · 200 kB avoidable"),
        (False, False, "2 B stored · nothing avoidable"),
    ):
        text = text_of(with_findings(tmp_path, own=own, base=base))
        assert text.splitlines()[1] == words


def test_a_deleted_key_is_in_the_headline_and_the_first_finding(tmp_path: Path) -> None:
    text = text_of(with_findings(tmp_path, secret=True))
    assert text.splitlines()[1].endswith(" of it yours · 1 secret")
    places = [text.index(f"[{rule}]") for rule in ("secret-private-key", "apt-lists")]
    assert places == sorted(places)


def test_the_report_says_how_many_fixes_can_be_written(demo_opened: Opened) -> None:
    """A line below the heading has the number; there is none if all fixes are described in words."""
    text = text_of(demo_opened)
    assert "\n  layerscope fix IMAGE --dockerfile FILE writes 5 of 8 fixes\n" in text
    assert demo_opened.findings is not None
    words = tuple(replace(one, edits=()) for one in demo_opened.findings.found)
    none = replace(demo_opened, findings=replace(demo_opened.findings, found=words))
    assert "layerscope fix" not in text_of(none)


def test_the_command_that_writes_fixes_names_image_and_dockerfile(tmp_path: Path) -> None:
    """Names are quoted for the shell if necessary."""
    folder = tmp_path / "a b"
    folder.mkdir()
    image = opened_with(folder, STEPS, DOCKERFILE)
    command = f"layerscope fix '{folder}/i.tar' --dockerfile '{folder}/Dockerfile'"
    assert f"\n  {command} writes 3 of 3 fixes\n" in text_of(image)


def test_findings_come_before_the_steps_and_those_of_the_base_image_last(
    tmp_path: Path,
) -> None:
    text = text_of(with_findings(tmp_path))
    places = [
        text.index(words)
        for words in (
            "\nWhat to fix first  200 kB avoidable (500 kB → 300 kB)\n",
            "  layer 1  [apt-lists]\n",
            "\nBase image  300 kB more: only another base image avoids these; fixes for it are at the end\n",
            "  layer 0  [apt-lists]\n",
            "instruction\n",
            "\nNo duplicates.\n",
            "\nFixes for the base image\n",
            "# in the Dockerfile of the base image",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("width", [60, 100])
def test_fixes_are_complete_at_any_width(tmp_path: Path, width: int) -> None:
    """They are neither clipped nor wrapped, so that each line can be copied."""
    image = with_findings(tmp_path)
    assert image.findings is not None
    lines = [line.strip() for line in text_of(image, width=width).splitlines()]
    for finding in image.findings.found:
        fix = [line.strip() for line in finding.fix.splitlines()]
        start = next(n for n in range(len(lines)) if lines[n : n + len(fix)] == fix)
        assert max(map(len, lines[start : start + len(fix)])) > width


def test_only_lines_of_fixes_are_wider_than_the_terminal(tmp_path: Path) -> None:
    image = with_findings(tmp_path, secret=True)
    assert image.findings is not None
    fixes = {line.strip() for found in image.findings.found for line in found.fix.splitlines()}
    wide = [line for line in text_of(image, width=60).splitlines() if cells(line) > 60]
    assert {line.strip() for line in wide} <= fixes


def test_a_step_that_does_not_fit_leaves_out_a_common_start(tmp_path: Path) -> None:
    image = with_findings(tmp_path)
    assert "  RUN … apt-get install -y package-0 " in text_of(image)
    short = [{"created_by": "RUN /bin/sh -c set -e; make # buildkit"}]
    assert "  RUN set -e; make\n" in text_of(simple(tmp_path, [file("a", b"")], history=short))


# --- Packages -------------------------------------------------------------------------------------


def test_packages_and_unowned_directories_are_listed(tmp_path: Path) -> None:
    status = b"Package: curl\nStatus: install ok installed\nVersion: 8\n"
    members = [
        file("var/lib/dpkg/status", status),
        file("var/lib/dpkg/info/curl.list", b"/usr/bin/curl\n"),
        file("usr/bin/curl", b"c" * 3000),
        *(file(f"srv/{number}/data", b"d" * (1000 - number)) for number in range(7)),
    ]
    tar = docker_archive([layer_tar(members)])
    text = text_of(opened(tmp_path / "image.tar", tar, Options(rules={})))
    assert "\nPackages  3.0 kB in 1 package, 29.9 % of the final image\n" in text
    assert re.search(r"\n  3\.0 kB  curl  8  dpkg, layer 0\n", text)
    assert (
        "\nIn no package  7.0 kB in 9 files\n\n  1.0 kB  /srv/0  1 file\n   999 B  /srv/1  1 file\n"
        in text
    )
    assert "\n  … and 3 more directories, 2.1 kB\n" in text


# --- Steps ----------------------------------------------------------------------------------------


def rows_of(image: Opened, width: int = 120) -> list[str]:
    """The rows of the table of steps, without the rule below the base image."""
    return [row for row in table_of(image, width) if RULE not in row]


def table_of(image: Opened, width: int) -> list[str]:
    """The lines of the table of steps."""
    lines = text_of(image, width=width).splitlines()
    start = next(number for number, line in enumerate(lines) if line.endswith("instruction"))
    return lines[start + 1 : lines.index("", start)]


def test_each_step_has_one_row_in_the_order_of_the_build(image: Opened) -> None:
    words = [row.split()[0] for row in rows_of(image)]
    assert words == ["0", "·", "1", "·", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_line_marks_the_end_of_the_base_image(image: Opened, width: int) -> None:
    """It is between the last step of the base image and the next one, and says if the base is estimated."""
    (rule,) = [number for number, row in enumerate(table_of(image, width)) if RULE in row]
    lines = table_of(image, width)
    assert lines[rule].startswith("  ── above: base image (estimated) ──")
    assert cells(lines[rule]) == width
    assert "COPY --chown" in lines[rule - 1]
    assert "bazel build" in lines[rule + 1]


def test_the_dockerfile_determines_where_the_base_image_ends(tmp_path: Path) -> None:
    """This is not so if it is another image's; without a base image there is no line."""
    image = opened_with(tmp_path, STEPS, DOCKERFILE)
    assert image.dockerfile_lines is not None
    (rule,) = [row for row in table_of(image, 80) if RULE in row]
    assert rule.startswith("  ── above: base image ──")
    scratch = simple(tmp_path, [file("a", b"a")])
    assert not any(RULE in row for row in table_of(scratch, 80))


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


def test_notes_that_do_not_fit_beside_a_step_are_below_it(image: Opened) -> None:
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


def test_duplicates_have_their_copies_and_savings(tmp_path: Path) -> None:
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


def test_files_are_listed_by_layer_with_their_changes(image: Opened) -> None:
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
    assert "25.9 KiB stored\n12.6 KiB wasted (48.6 %) · efficiency 51.4 % · 13.3 KiB live\n" in text
    assert not re.search(r"\d [kMG]B\b", text)
