"""A fleet as HTML: it has all answers, escapes texts of images, and loads nothing."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from layerscope.fleet.fleet import Fleet
from layerscope.report.fleet_html import write
from layerscope.report.options import ReportOptions
from tests.fleet.running import fleet_of, written
from tests.images import docker_archive, file, layer_tar
from tests.images import write as write_file

HOSTILE = "<script>alert(1)</script>\x1b[31m'\"&"


def page(fleet: Fleet) -> str:
    """The page."""
    stream = io.BytesIO()
    write(fleet, stream, ReportOptions())
    return stream.getvalue().decode()


def test_every_answer_has_a_section(tmp_path: Path) -> None:
    """Each section has its figures; the chart has a bar for each day."""
    fleet = fleet_of(tmp_path, written(tmp_path / "images", 12))
    shown = page(fleet)
    titles = re.findall(r"<h2>(.*?)</h2>", shown)
    assert titles[:4] == ["Growth", "Findings", "Dockerfile lines", "Layers"]
    assert {"Base images", "Duplicates", "Images"} <= set(titles)
    for one in fleet.answers.layers:
        assert f'data-v="{one.total_bytes}"' in shown
    for rule in fleet.answers.rules:
        assert rule.title in shown
    assert shown.count('class="new" x=') == len(fleet.answers.growth)
    assert not re.search(r"https?://(?!www\.w3\.org)", shown)


def test_texts_of_images_are_escaped(tmp_path: Path) -> None:
    """Names, steps and errors are neither markup nor terminal escapes."""
    layer = layer_tar([file(f"{HOSTILE}/var/lib/apt/lists/x", b"x" * 10_000)])
    history = [{"created_by": f"RUN {HOSTILE}"}]
    image = docker_archive([layer], history=history, tags=[HOSTILE])
    paths = [write_file(tmp_path / "a.tar", image), write_file(tmp_path / "bad<b>.tar", b"x" * 999)]
    shown = page(fleet_of(tmp_path, paths))
    assert "<script>alert" not in shown
    assert "\x1b" not in shown
    assert "bad<b>" not in shown
    assert "bad&lt;b&gt;" in shown


@pytest.mark.parametrize("count", [0, 1])
def test_a_fleet_of_one_day_has_no_chart_and_no_empty_tables(tmp_path: Path, count: int) -> None:
    paths = written(tmp_path / "images", count) if count else [tmp_path / "none.tar"]
    shown = page(fleet_of(tmp_path, paths))
    assert "<h2>Growth</h2>" not in shown
    assert "<tbody>\n\n</tbody>" not in shown
