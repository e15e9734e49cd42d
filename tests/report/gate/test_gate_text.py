"""The verdict for people: it fits the width, and never relies on colours alone."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from layerscope.analysis.dockerfile_lines import DockerfileLines
from layerscope.analysis.findings.rules import RULES as FINDING_RULES
from layerscope.analysis.gate.base import GateBase
from layerscope.analysis.gate.config import GateConfig
from layerscope.analysis.gate.dive_ci import parse_dive
from layerscope.analysis.gate.ignores import Ignore
from layerscope.analysis.gate.layerscope_toml import parse_toml
from layerscope.analysis.gate.verdict import Verdict
from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.open import Opened
from layerscope.report.gate import FORMATS, writer_of
from layerscope.report.options import ReportOptions
from layerscope.text import cells
from layerscope.words import Severity
from tests.analysis.findings.rule_images import opened_of
from tests.analysis.gate.gating import STEPS, config, finding, report_of, verdict_of
from tests.images import file, whiteout
from tests.report.golden import check

IMAGE = opened_of(STEPS)
DOCKERFILE = parse_dockerfile(b"FROM base\n\nRUN one\nRUN two\n", "Dockerfile")
WRITTEN = replace(IMAGE, dockerfile_lines=DockerfileLines.of(DOCKERFILE, IMAGE.image.steps))
"""The same image, and what it was built from."""
VALUES: Mapping[str, object] = {
    "min-efficiency": 0.9,
    "max-wasted": 100,
    "max-layers": 3,
    "max-size": 2000,
    "max-compressed-size": 1000,
    "max-layer-size": 600,
    "forbidden-paths": ["gone", "*.pem"],
    "findings": True,
}
FOUND = [
    finding(IMAGE, "apt-lists", "base", "twice", severity=Severity.ERROR),
    finding(IMAGE, "deleted-later", "gone", "base", layer=1, title="Stored\x1b[31m, then deleted"),
]


RULES = tuple(rule for rule in FINDING_RULES if rule.name in ("deleted-later", "apt-lists"))


def failing() -> Verdict:
    """A verdict with an example of everything."""
    ignores = [Ignore(paths=("/nowhere",), place=".layerscope.toml, line 9")]
    return verdict_of(IMAGE, config(VALUES, ignores), findings=FOUND, rules=RULES)


def written(verdict: Verdict, image: Opened = IMAGE, form: str = "text", **options: object) -> str:
    """The report of a verdict."""
    stream = io.BytesIO()
    writer_of(form)(verdict, image, stream, ReportOptions(**options))  # type: ignore[arg-type]
    # The image lies in a folder of its own; its name is the same everywhere.
    return re.sub(r"\S*/image\.tar", "image.tar", stream.getvalue().decode())


@pytest.mark.parametrize("width", [60, 100, 200])
def test_a_verdict_fits_the_width(width: int) -> None:
    """This holds for narrow terminals and logs, too."""
    text = written(failing(), width=width)
    check(f"gate-{width}.txt", text.encode())
    quoted = [line for line in text.splitlines() if cells(line) > width]
    assert all(line.strip().startswith("layerscope ") for line in quoted)  # commands stay whole


def test_colours_only_repeat_glyphs_and_words() -> None:
    """The text is the same with and without colours."""
    plain, colored = written(failing()), written(failing(), color=True)
    assert "\x1b[1;31m✘ fail" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_every_check_has_a_row_with_value_limit_and_verdict() -> None:
    """Many people read only the table."""
    text = written(failing(), width=120)
    rows = dict(re.findall(r"^  . (?:pass|fail|warn|skip)  (\S+) +(.*)$", text, re.MULTILINE))
    assert rows["max-wasted"].startswith("500 B  ≤ 100 B")
    assert rows["min-efficiency"].startswith("78.3 %  ≥ 90 %")
    assert re.search(r"^  ✔ pass  max-layers ", text, re.MULTILINE)
    assert re.search(r"^  ✘ fail  apt-lists ", text, re.MULTILINE)
    assert re.search(r"^  ! warn  deleted-later ", text, re.MULTILINE)
    assert re.search(r"^  – skip  max-compressed-size ", text, re.MULTILINE)


def test_rules_that_found_nothing_share_a_row() -> None:
    """Otherwise the table would have a row for each of a hundred rules."""
    text = written(verdict_of(IMAGE, config({"findings": True}), findings=[]))
    assert re.search(r"✔ pass  \d+ finding rules +0  none +no findings", text)
    assert "apt-lists" not in text


def test_the_same_files_are_listed_once() -> None:
    """Two limits on the same waste share one list."""
    text = written(failing())
    assert text.count("/twice  in layer 0, overwritten in layer 1") == 1
    assert "the same files as under min-efficiency" in text


def test_an_image_that_passes_gets_no_advice() -> None:
    text = written(verdict_of(IMAGE, config({"max-layers": 3})))
    assert text.startswith("✔ ")
    assert "0 failed, 1 passed" in text
    assert "Next steps" not in text


def test_a_gate_without_rules_is_reported() -> None:
    """If every rule is off, the report says that nothing was checked."""
    assert "all rules are off; nothing was checked" in written(verdict_of(IMAGE, config()))


def test_advice_names_the_worst_offender() -> None:
    """Four lines to copy accept it."""
    text = written(verdict_of(IMAGE, config({"max-wasted": 0})))
    assert '    [[ignore]]\n    path = "/twice"\n    reason = "…"\n' in text
    assert "layerscope ci image.tar --baseline baseline.json" in text
    layered = written(verdict_of(IMAGE, config({"max-layer-size": 0})))
    assert '    rule = "max-layer-size"\n    layer = 0\n' in layered
    assert "[[ignore]]" not in written(verdict_of(IMAGE, config({"max-size": 0})))


@pytest.mark.parametrize(
    "rules",
    [
        "  highestWastedBytes: 1\n",
        "  lowestEfficiency: 0.95\n  highestUserWastedPercent: disabled\n",
        "  lowestEfficiency: disabled\n  highestWastedBytes: 10kB\n",
    ],
)
def test_advice_keeps_the_limits_of_dive(rules: str) -> None:
    """The suggested file replaces dive's, which is then no longer read."""
    dive = parse_dive(f"rules:\n{rules}", ".dive-ci")
    limits = {**dive.limits, "max-wasted": 0}
    text = written(verdict_of(IMAGE, replace(dive, limits=limits)))
    advice = "in .layerscope.toml, in place of .dive-ci and with its limits:"
    assert advice in " ".join(text.split())
    file = re.sub(
        "^    ",
        "",
        re.findall(r"^    \[ci\]\n(?:    .*\n)+", text, re.MULTILINE)[0],
        flags=re.MULTILINE,
    )
    config = parse_toml(file, ".layerscope.toml")
    assert config.limits == limits
    assert config.wasted_floor == 0
    assert config.ignores


def test_advice_names_the_configuration_in_use() -> None:
    """Another file would not be read."""
    gate_config = replace(config({"max-wasted": 0}), source="limits.toml", source_kind="layerscope")
    assert "Accept the first file of max-wasted in limits.toml:" in written(
        verdict_of(IMAGE, gate_config)
    )


def test_the_suggested_baseline_for_paths_lists_files() -> None:
    """Without them, existing paths would fail again."""
    report = "layerscope report image.tar --format json"
    paths = written(verdict_of(IMAGE, config({"forbidden-paths": ["gone"]})))
    assert f"{report} --files -o baseline.json" in paths
    assert f"{report} -o baseline.json" in written(verdict_of(IMAGE, config({"max-wasted": 0})))


def test_a_note_says_that_figures_differ_from_those_of_dive() -> None:
    """Users of dive see other figures there."""
    text = written(verdict_of(IMAGE, parse_dive("rules:\n  highestWastedBytes: 1\n", ".dive-ci")))
    assert "rules: .dive-ci" in text
    assert "its numbers differ" in text


def test_a_baseline_in_use_is_named(tmp_path: Path) -> None:
    """No other baseline is recommended then."""
    known = report_of(IMAGE, tmp_path)
    text = written(verdict_of(IMAGE, config({"max-wasted": 0}), baseline=known))
    assert "compared with old.json" in text
    assert "✔ pass  baseline-wasted" in text


def test_hostile_names_are_escaped() -> None:
    """They may come from paths, findings or instructions."""
    steps = [
        ("RUN \x1b[2J\u202eevil", [file("a\x1b[31m\n'\u202e", b"1" * 100)]),
        ("RUN b", [whiteout("a\x1b[31m\n'\u202e")]),
    ]
    image = opened_of(steps)
    values = {"max-wasted": 0, "max-layer-size": 0, "forbidden-paths": ["a*"], "findings": True}
    found = [
        finding(image, "apt-lists", "a\x1b[31m\n'\u202e", severity=Severity.ERROR, title="\x1b")
    ]
    text = written(verdict_of(image, config(values), findings=found), image)
    assert "\\e[31m\\n'\\u202e" in text
    assert not set(text) & {"\x1b", "\u202e"}


def test_lines_of_the_dockerfile_are_named() -> None:
    text = written(failing(), WRITTEN)
    assert "/twice  in layer 0, overwritten in layer 1, Dockerfile:3" in text
    (place,) = re.findall(r"Found +(.*)", text)
    assert place == "layer 0, base image, Dockerfile:1  [apt-lists]"
    assert "Dockerfile" not in written(failing())


def test_default_limits_are_marked() -> None:
    """The report must not suggest that a file was read."""
    text = written(verdict_of(IMAGE, GateConfig(), findings=[]))
    assert "rules: defaults (no .layerscope.toml found)" in text


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_accepts_an_empty_image(form: str) -> None:
    """The image has no layers and no steps."""
    image = opened_of([])
    rules: Sequence[str] = [*VALUES]
    assert written(verdict_of(image, config({key: VALUES[key] for key in rules})), image, form)


def test_the_advice_for_waste_of_the_base_is_to_ignore_the_base() -> None:
    """Only another base image avoids this waste."""
    steps = [
        ("ADD file:a in /", [file("a", b"1" * 90)]),
        ("RUN b", [file("a", b"2" * 90)]),
        ("RUN c", [file("c", b"3")]),
    ]
    image = opened_of(steps)
    verdict = verdict_of(image, config({"max-wasted": 0}), base=GateBase(2, 2))
    assert "    [[ignore]]\n    base-image = true\n" in written(verdict, image)
