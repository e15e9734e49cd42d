"""`layerscope series`: output, gate, and errors for odd input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from layerscope.report import SERIES_FORMATS
from tests.analysis.series.releases import Made, release
from tests.analysis.series.test_causes import app
from tests.cli.running import Here
from tests.images import archive, docker_files, file, layer_tar, oci_files, write
from tests.sources.registry.server import Registry


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Here:
    """Commands in a folder with three releases: first sources change, then only the label."""
    monkeypatch.chdir(tmp_path)
    for number, steps in enumerate(
        [app(), app(b"two", mtime=2, built=2), app(b"two", mtime=2, built=2, label="2")], 1
    ):
        write(tmp_path / f"app-{number}.tar", release(steps, tag=f"app:{number}"))
    return Here(tmp_path, capsysbinary, "series")


IMAGES = ("app-1.tar", "app-2.tar", "app-3.tar")


def test_the_text_lists_updates_and_costliest_steps(here: Here) -> None:
    """Each update has its bytes, the first step that changed, and why."""
    ran = here(*IMAGES)
    assert ran.code == 0
    assert ran.out.startswith("3 releases in the order given\nA release makes its users fetch ")
    assert "COPY . /app" in ran.out
    assert "copied files changed: /app/main.py content" in ran.out
    assert "nothing new" in ran.out
    assert "Costliest steps" in ran.out
    assert all(len(line) <= 100 for line in ran.out.splitlines())


@pytest.mark.parametrize("configured", [False, True])
def test_the_explorer_shows_sizes_in_the_chosen_unit(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configured: bool
) -> None:
    """Sizes are in MiB with --binary or the setting, for releases and for two images."""
    units: list[bool] = []
    monkeypatch.setattr("layerscope.cli.series.has_terminal", lambda *_: True)
    monkeypatch.setattr("layerscope.cli.diff.has_terminal", lambda *_: True)
    for run in ("run_series", "run_comparison"):
        monkeypatch.setattr(
            f"layerscope.tui.{run}", lambda *arguments: units.append(arguments[-1].binary)
        )
    (tmp_path / "config.toml").write_text("binary = true" if configured else "")
    monkeypatch.setenv("LAYERSCOPE_CONFIG", str(tmp_path / "config.toml"))
    options = () if configured else ("--binary",)
    assert here(*IMAGES, *options).code == 0
    assert here.run("diff", *IMAGES[:2], *options).code == 0
    assert units == [True, True]


def test_the_json_lists_hops(here: Here) -> None:
    """Hops have layers, bytes, step and cause; the bytes of the document are the same with and without the cache, and in each run."""
    first = here(*IMAGES, "--format", "json")
    again = here(*IMAGES, "--format", "json")
    without = here(*IMAGES, "--format", "json", "--no-cache")
    assert first.out == again.out == without.out
    document = json.loads(first.out)
    hop, last = document["hops"]
    assert (hop["from"], hop["to"]) == IMAGES[:2]
    assert hop["cause"] == "copied-files"
    assert hop["step"]["instruction"] == "COPY"
    assert hop["bytes"] == sum(layer["bytes"] for layer in hop["layers"])
    assert {layer["cause"] for layer in hop["layers"]} == {"copied-files"}
    assert (last["bytes"], last["layers"], last["step"], last["cause"]) == (0, [], None, None)
    assert document["totals"]["bytes"] == hop["bytes"]
    assert "created" not in first.out
    assert str(here.folder) not in first.out


def test_an_update_above_the_limit_exits_with_1(here: Here) -> None:
    """The update is named."""
    assert here(*IMAGES, "--max-refetch", "1MB").code == 0
    ran = here(*IMAGES, "--max-refetch", "100B")
    assert ran.code == 1
    assert ran.err.startswith("app-1.tar → app-2.tar: fetches ")
    assert "more than 100 B" in ran.err
    assert "app-3.tar: fetches" not in ran.err


def test_one_image_is_rejected(here: Here) -> None:
    """Two are."""
    ran = here("app-1.tar")
    assert ran.code == 2
    assert "a series has at least two images" in ran.err


def test_the_same_image_twice_fetches_nothing(here: Here) -> None:
    ran = here("app-1.tar", "app-1.tar")
    assert ran.code == 0
    assert "No release has a layer that the one before does not have." in ran.out


def test_a_damaged_release_exits_with_3(here: Here) -> None:
    """The report is written anyway; --ignore-errors accepts the damage."""
    cut = docker_files([layer_tar([file("a", bytes(range(256)) * 400)])])
    name = next(name for name in cut if name.endswith("/layer.tar"))
    write(here.folder / "cut.tar", archive({**cut, name: cut[name][:5000]}))
    ran = here("app-1.tar", "cut.tar")
    assert ran.code == 3
    assert "cut.tar: layer 0 is damaged" in ran.out
    assert here("app-1.tar", "cut.tar", "--ignore-errors").code == 0
    assert here("app-1.tar", "missing.tar").code == 3


def test_hostile_names_are_escaped(here: Here) -> None:
    evil = "\x1b[31mevil\r"
    for number in (1, 2):
        steps = [Made(f"COPY {evil} /", [file(f"{evil}{n}", bytes([n, number])) for n in range(3)])]
        write(here.folder / f"evil-{number}.tar", release(steps))
    for form in SERIES_FORMATS:
        ran = here("evil-1.tar", "evil-2.tar", "--format", form)
        assert ran.code == 0
        assert "\x1b" not in ran.out
        assert "\r" not in ran.out


def test_only_one_image_can_come_from_stdin(here: Here) -> None:
    assert here("-", "-").code == 2


def test_markdown_has_a_table_of_releases(here: Here) -> None:
    """Markdown readers parse it as a table."""
    ran = here(*IMAGES, "--format", "markdown")
    html = MarkdownIt("commonmark").enable("table").render(ran.out)
    assert html.count("<table>") == 2
    assert "<code>COPY . /app</code>" in html
    assert ran.out.startswith("<!-- layerscope series -->")


def test_html_is_self_contained(here: Here) -> None:
    """It is one file without external resources and has a bar for each release."""
    ran = here(*IMAGES, "--format", "html")
    assert ran.out.count('<rect class="new" x=') == 2
    assert 'src="http' not in ran.out
    assert "copied files changed: /app/main.py content" in ran.out


def _split(number: int) -> bytes:
    return release(
        [
            Made("COPY . /app", [file("app/requirements.txt", b"flask\n"), file("app/x", b"%d" % number)]),
            Made("RUN pip install -r /app/requirements.txt", [file("lib", b"l" * 300_000, mtime=number)]),
        ],
        compress=None,
        layout=False,
    )  # fmt: skip


def test_the_better_order_is_a_patch_that_applies(here: Here) -> None:
    """It can be printed or written; the report shows it, too."""
    for number in (1, 2):
        write(here.folder / f"split-{number}.tar", _split(number))
    here.write(
        "Dockerfile", "FROM scratch\nCOPY . /app\nRUN pip install -r /app/requirements.txt\n"
    )
    words = ("split-1.tar", "split-2.tar", "--dockerfile", "Dockerfile")
    assert "Another order" in here(*words).out
    ran = here(*words, "--diff")
    assert ran.code == 0
    assert "+COPY requirements.txt /app/" in ran.out
    assert ran.out.startswith("diff --git a/Dockerfile b/Dockerfile")
    assert "patch for Dockerfile: 302 kB less over the series" in ran.err
    assert here(*words, "--write").code == 0
    assert (here.folder / "Dockerfile").read_text() == (
        "FROM scratch\nCOPY requirements.txt /app/\nRUN pip install -r /app/requirements.txt\nCOPY . /app\n"
    )
    assert here(*words[:2], "--write").code == 2
    assert here(*words, "--write", "--diff").code == 2
    assert here(*words, "--diff", "--format", "json").code == 2


def test_without_a_better_order_no_patch_is_printed(here: Here) -> None:
    """A message says so."""
    ran = here("app-1.tar", "app-1.tar", "--diff")
    assert (ran.code, ran.out) == (0, "")
    assert "no other order would have saved anything" in ran.err


def test_the_reordering_rule_can_be_switched_off(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        write(here.folder / f"split-{number}.tar", _split(number))
    here.write("config.toml", "[rules]\nreordering = false\n")
    monkeypatch.setenv("LAYERSCOPE_CONFIG", str(here.folder / "config.toml"))
    assert "Another order" not in here("split-1.tar", "split-2.tar").out


def test_the_tags_of_a_repository_are_releases(here: Here) -> None:
    """Their order is stated, and tags that were left out are named."""
    with Registry() as registry:
        repository = registry.repository()
        for number in (1, 2):
            layers = [layer_tar([file("a", b"%d" % number)])]
            files = oci_files(layers, config={"created": f"2024-0{number}-01T00:00:00Z"})
            repository.push(files, f"1.{number}")
            repository.push(files, "latest")
        ran = here(registry.reference(), "--last", "5", "--no-cache")
        assert ran.code == 0
        assert "2 releases ordered by creation date" in ran.out
        assert "left out: 1 tag that names the same image as another one" in ran.err
        assert here(registry.reference(), "--tags", "1.1").code == 2
        ran = here(registry.reference(), registry.reference("app:1.2"))
        assert ran.code == 2
        assert "names a repository, not an image" in ran.err
        assert here("app-1.tar", "app-2.tar", "--last", "2").code == 2
