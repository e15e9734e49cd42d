"""`layerscope ci`: builds rely on its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from layerscope.analysis.gate import RULES
from layerscope.analysis.gate.config import OPTIONS
from tests.cli.running import Here
from tests.images import BLOCK, docker_archive, file, layer_tar, whiteout, write

HISTORY: list[dict[str, object]] = [
    {"created_by": "/bin/sh -c #(nop) ADD file:base in / "},
    {"created_by": '/bin/sh -c #(nop)  CMD ["sh"]', "empty_layer": True},
    {"created_by": "RUN /bin/sh -c make # buildkit"},
    {"created_by": "RUN /bin/sh -c rm big # buildkit"},
]
BASE = layer_tar([file("etc/motd", b"welcome\n" * 500)])
LAYERS = [BASE, layer_tar([file("big", b"1" * 3000)]), layer_tar([whiteout("big")])]
IMAGE = docker_archive(LAYERS, history=HISTORY)
DAMAGED = docker_archive([LAYERS[0][: 4 * BLOCK], *LAYERS[1:]], history=HISTORY)


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Here:
    """A folder with an image that wastes 3 kB of 7, a damaged one, and the base image of the first."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERSCOPE_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text("")
    base = docker_archive(LAYERS[:1], history=HISTORY[:2], tags=("base:1",))
    for name, data in (("image.tar", IMAGE), ("damaged.tar", DAMAGED), ("base.tar", base)):
        write(tmp_path / name, data)
    return Here(tmp_path, capsysbinary, "ci")


def test_all_sizes_follow_one_setting(here: Here) -> None:
    """Values, limits and messages use MiB or MB alike, by option or settings, with and without the cache."""
    args = ("image.tar", "--max-wasted", "1kB", "--max-size", "3kB", "--max-layer-size", "2kB")
    plain = here(*args).out
    assert " kB" in plain
    assert "KiB" not in plain
    for form in ("text", "markdown", "github"):
        assert " kB" not in here(*args, "--binary", "--format", form).out
    here.write("config.toml", "binary = true\n")
    assert here(*args).out == here(*args, "--binary").out
    document = here(*args, "--format", "json").out
    here.write("config.toml", "")
    assert here(*args).out == plain
    assert here(*args, "--format", "json").out == document


# --- Exit codes -----------------------------------------------------------------------------------


def test_an_image_that_passes_exits_with_0(here: Here) -> None:
    code, out, err = here("image.tar")
    assert (code, err) == (0, "")
    assert out.startswith("✔ demo:latest passes")


def test_an_image_that_fails_exits_with_1_and_names_the_check(here: Here) -> None:
    """The table goes to stdout, the sentence to stderr."""
    code, out, err = here("image.tar", "--max-wasted", "2999")
    assert code == 1
    assert out.startswith("✘ demo:latest fails")
    assert err == "layerscope: image.tar: 1 check failed: max-wasted\n"
    assert here("image.tar", "--max-wasted", "3000").code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--max-wasted", "much"], "--max-wasted must be a number of bytes"),
        (["--max-layers", "-1"], "--max-layers takes a whole number"),
        (["--min-efficiency", "90"], "--min-efficiency takes a share"),
        (["--fail-on", "off"], "--fail-on takes"),
        (["--rule", "apt-lists"], "--rule apt-lists: expected NAME=SEVERITY"),
        (["--rule", "apt-lists=fatal"], "--rule apt-lists=fatal: expected NAME=SEVERITY"),
        (["--rule", "apt-list=error"], "unknown rule `apt-list`"),
        (["--base", "9"], "--base: the base image cannot have 9 layers: the image has 3 layers"),
        (["--base", "damaged.tar"], "--base: the image is not built on damaged.tar"),
        (["--config", "none.toml"], "none.toml: No such file"),
        (["--baseline", "none.json"], "none.json: No such file"),
        (["--baseline", "image.tar"], "image.tar, line 1: invalid JSON"),
        (["--dockerfile", "none"], "none: No such file"),
        (["--max-waste", "3"], "No such option"),
        (["--output", "none/x"], "no such directory: none"),
        (["--output", "image.tar"], "it is the input image"),
    ],
)
def test_a_wrong_rule_exits_with_2(here: Here, args: list[str], message: str) -> None:
    """A gate that checks the wrong thing must not exit with 0."""
    code, out, err = here("image.tar", *args)
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        (".layerscope.toml", "[ci]\n\nmax-waste = 3\n", 3),
        (".layerscope.toml", "[ci\n", 1),
        (".dive-ci", "rules:\n  lowestEfficiency: high\n", 2),
        (".dive-ci", "rules:\n  - lowestEfficiency: 0.9\n", 2),
        (".dive-ci.yaml", "plugins:\n  - x\nrules:\n  lowestEficiency: 0.9\n", 4),
        (".dive-ci.yml", "- rules\n", 1),
    ],
)
def test_a_wrong_configuration_exits_with_2_and_names_its_line(
    here: Here, name: str, text: str, line: int
) -> None:
    """The error comes before the image is opened."""
    here.write(name, text)
    code, out, err = here("no-image.tar")
    assert (code, out) == (2, "")
    assert f"{name}, line {line}: " in err


def test_no_image_exits_with_3(here: Here) -> None:
    assert here("none.tar").code == 3
    assert here("config.toml").code == 3


def test_a_damaged_image_is_checked_anyway_and_exits_with_3(here: Here) -> None:
    """It exits with 3 whether it passes or fails, unless damage is accepted."""
    for args, accepted in ([], 0), (["--max-layers", "1"], 1):
        code, out, err = here("damaged.tar", *args)
        assert code == 3
        assert "layer 0 is damaged" in err
        assert "The checks cover only the readable part" in out
        assert out.startswith("✘ demo:latest is damaged:")
        assert here("damaged.tar", *args, "--ignore-errors").code == accepted


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_warning_says_that_an_ordinary_tar_is_no_image(here: Here, form: str) -> None:
    """Otherwise its verdict would pass for that of an image."""
    write(here.folder / "tree.tar", layer_tar([file("etc/motd", b"x")]))
    code, out, err = here("tree.tar", "--format", form)
    assert code == 0
    assert err == (
        "layerscope: tree.tar: warning: an ordinary tar, not an image; checked as a root filesystem of one layer\n"
    )
    assert form == "text" or json.loads(out)["warnings"] == []


def test_an_engine_that_cannot_be_reached_exits_with_4(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{here.folder}/none.sock")
    assert here("docker://image").code == 4


# --- Rules ----------------------------------------------------------------------------------------


def test_flags_override_the_configuration(here: Here) -> None:
    """Flags override single keys."""
    here.write(".layerscope.toml", "[ci]\nmax-wasted = 1\nmax-layers = 1\n")
    assert "max-wasted, max-layers" in here("image.tar").err
    assert "1 check failed: max-layers" in here("image.tar", "--max-wasted", "1 MB").err
    assert here("image.tar", "--max-wasted", "off", "--max-layers", "false").code == 0


def test_dive_rules_apply_without_a_layerscope_configuration(here: Here) -> None:
    """These are exactly dive's three rules: efficiency, wasted bytes, and the wasted share of everything after layer 0."""
    here.write(".dive-ci", "rules:\n  highestWastedBytes: 20MB\n")
    code, out, err = here("image.tar")
    assert (code, err) == (1, "layerscope: image.tar: 2 checks failed: min-efficiency, max-user-wasted-percent\n")  # fmt: skip
    assert "set by" not in out  # dive's defaults
    here.write(".layerscope.toml", "")
    code, out, _ = here("image.tar")
    assert code == 0
    assert ".dive-ci is not read because .layerscope.toml exists" in out


@pytest.mark.parametrize("name", [".dive-ci", ".dive-ci.yaml", ".dive-ci.yml"])
@pytest.mark.parametrize("format_name", ["text", "json", "csv", "junit"])
def test_keys_that_dive_ignores_are_one_line_on_stderr(
    here: Here, name: str, format_name: str
) -> None:
    """The line is printed in all formats, and even if there is no image."""
    here.write(name, "plugins:\n  - x\nrules:\n  lowestEfficiency: 0\n  highestUserWastedPercent: 1\n\x20\n")  # fmt: skip
    warning = (
        f"layerscope: {name}, line 1: `plugins` has no effect: only keys below `rules` are read\n"
    )
    code, _, err = here("image.tar", "--format", format_name)
    assert (code, err) == (0, warning)
    code, _, err = here("no-image.tar", "--format", format_name)
    assert (code, err.startswith(warning)) == (3, True)


def test_the_configuration_used_is_named(here: Here) -> None:
    """The first configuration found is used, and the text report names it."""
    here.write(".dive-ci.yaml", "rules:\n  lowestEfficiency: 0\n  highestUserWastedPercent: 1\n")
    here.write(".dive-ci.yml", "rules:\n  lowestEfficiency: high\n")
    code, out, err = here("image.tar")
    assert (code, err) == (0, "layerscope: .dive-ci.yml is not read because .dive-ci.yaml exists\n")  # fmt: skip
    assert "rules: .dive-ci.yaml" in out


def test_a_configuration_can_be_named(here: Here) -> None:
    """It replaces the configurations in the folder."""
    here.write(".layerscope.toml", "[ci]\nmax-layers = 1\n")
    here.write("strict.toml", "[ci]\nmax-wasted = 1\n")
    here.write(
        "dive.yaml", "rules: {lowestEfficiency: disabled, highestUserWastedPercent: disabled}"
    )
    assert "1 check failed: max-wasted" in here("image.tar", "--config", "strict.toml").err
    assert here("image.tar", "--config", "dive.yaml").code == 0


def test_finding_rules_can_be_set_by_flag(here: Here) -> None:
    """A flag sets a severity or switches a rule off; otherwise the user's settings apply."""
    here.write(".layerscope.toml", "[rules.deleted-later]\nmin-bytes = 1\n")
    assert here("image.tar").code == 0
    assert "! warn  deleted-later" in here("image.tar").out
    assert here("image.tar", "--fail-on", "warning").code == 1
    assert here("image.tar", "--rule", "deleted-later=error").code == 1
    assert here("image.tar", "--rule", "deleted-later=off", "--fail-on", "warning").code == 0
    here.write(".layerscope.toml", "")
    here.write("config.toml", "[rules.deleted-later]\nmin-bytes = 1\nseverity = 'error'\n")
    code, out, _ = here("image.tar", "--format", "json")
    assert code == 1
    assert "config.toml, line 1" in out


@pytest.mark.parametrize(
    "flags",
    [
        ["--baseline-tolerance", "5 %"],
        ["--rule", "apt-lists=error", "--findings", "off"],
        ["--rule", "secret-history=error", "--findings", "off", "--no-secrets", "off"],
        ["--findings", "maybe"],
    ],
)
def test_flags_without_effect_are_rejected(here: Here, flags: list[str]) -> None:
    """The exit code is 2 and the option is named, so that a misspelled gate is noticed."""
    ran = here("image.tar", *flags)
    assert ran.code == 2
    assert flags[0] in ran.err


def test_several_globs_may_be_given(here: Here) -> None:
    """Each glob counts; together they replace those of the configuration."""
    here.write(".layerscope.toml", "[ci]\nforbidden-paths = ['motd']\n")
    assert here("image.tar").code == 1
    args = ("--forbidden-paths", "*.pem", "--forbidden-paths", "b?g")
    assert "/big" in here("image.tar", *args).out
    assert here("image.tar", "--forbidden-paths", "off").code == 0


def test_the_base_image_can_be_given_by_name(here: Here) -> None:
    """It is recognized by its layers."""
    code, out, _ = here("image.tar", "--base", "base.tar", "--max-new-waste", "1 MB")
    assert code == 0
    assert "base image: 1 layer" in out
    assert here("image.tar", "--base", "3", "--max-new-waste", "0").code == 0
    assert here("image.tar", "--base", "2", "--max-new-waste", "0").code == 1
    code, _, err = here("image.tar", "--base", "none.tar")
    assert code == 3
    assert err.startswith("layerscope: --base: none.tar: ")


def test_findings_use_the_named_base(here: Here) -> None:
    """Neither the owner of a finding nor its fix is estimated then."""
    here.write(".layerscope.toml", "[rules.deleted-later]\nmin-bytes = 1\n")

    def fix(*args: str) -> str:
        verdict = json.loads(here("image.tar", "--format", "json", *args).out)
        (check,) = (one for one in verdict["checks"] if one["rule"] == "deleted-later")
        (offender,) = check["offenders"]
        return str(offender["fix"])

    assert "the base image" not in fix()  # it guesses 1 layer
    for base in ("--base", "2"), ("--base", "two.tar"):
        write(here.folder / "two.tar", docker_archive(LAYERS[:2], history=HISTORY[:3]))
        assert fix(*base).startswith("# in the Dockerfile of the base image")
        assert "deleting it saves nothing" in fix(*base)
        assert "layers 1, 2, base image" in here("image.tar", "--fail-on", "warning", *base).out
    here.write("Dockerfile", "FROM base\nRUN make\nRUN rm big\n")
    assert "the base image" in fix("--dockerfile", "Dockerfile", "--base", "2")


def test_a_wrong_base_is_reported_before_layers_are_read(here: Here) -> None:
    """The error for the base comes before all others."""
    code, out, err = here("damaged.tar", "--base", "9")
    assert (code, out) == (2, "")
    assert err.startswith("layerscope: --base: the base image cannot have 9 layers")


# --- Output ---------------------------------------------------------------------------------------


def test_a_report_of_an_earlier_run_is_a_baseline(here: Here) -> None:
    """Only regressions fail."""
    assert here.run("report", "image.tar", "--format", "json", "-o", "old.json").code == 0
    assert here("image.tar", "--max-wasted", "0").code == 1
    assert here("image.tar", "--max-wasted", "0", "--baseline", "old.json").code == 0
    worse = docker_archive([*LAYERS, layer_tar([whiteout("etc/motd")])])
    write(here.folder / "worse.tar", worse)
    code, _, err = here("worse.tar", "--baseline", "old.json")
    assert code == 1
    assert "baseline-wasted" in err


def test_json_goes_to_a_file_whether_the_gate_passes_or_not(here: Here) -> None:
    """The next step of a build can read it."""
    code, out, _ = here("image.tar", "--max-layers", "1", "--format", "json", "--output", "v.json")
    assert (code, out) == (1, "")
    document = json.loads((here.folder / "v.json").read_bytes())
    assert document["passed"] is False
    assert document["rules"] == {"kind": "defaults", "source": "defaults"}


def test_a_dockerfile_of_another_image_is_reported(here: Here) -> None:
    here.write("Dockerfile", "FROM base\nRUN make\nRUN rm big\n")
    out = here("image.tar", "--max-wasted", "0", "--dockerfile", "Dockerfile").out
    assert "/big  in layer 1, deleted in layer 2, Dockerfile:2" in out
    assert "dockerfile-unlike" not in out
    here.write("Dockerfile", "FROM base\nRUN something else\n")
    assert "dockerfile-unlike" in here("image.tar", "--dockerfile", "Dockerfile").out


def test_every_rule_has_a_flag_with_help(here: Here) -> None:
    """Help is generated from the rules."""
    text = " ".join(here("--help").out.split())
    for rule in RULES:
        assert f"--{rule.name} {rule.metavar}" in text
        assert rule.help[:1].isupper()
        assert rule.help.endswith(".")
    for name in OPTIONS:
        assert f"--{name} " in text


def test_the_demo_has_no_false_alarms(here: Here, demo_image: Path) -> None:
    """It wastes a quarter of its bytes, but only 9 MB."""
    (here.folder / "demo.tar").symlink_to(demo_image)
    out = here("demo.tar", "--no-secrets", "off").out
    assert "9.3 MB wasted: percentages are ignored up to 20.0 MB" in out
    assert here("demo.tar", "--wasted-floor", "9 MB").code == 1


# --- --check-config -------------------------------------------------------------------------------


def test_a_configuration_is_checked_without_an_image(here: Here) -> None:
    """Errors and warnings are the same as those of the gate."""
    here.write("gate.toml", "[ci]\nmax-layers = 4\n")
    assert here("--check-config", "gate.toml") == (0, "gate.toml: no errors\n", "")
    here.write("gate.toml", '[ci]\nmax-size = "2 XB"\n')
    checked, gated = here("--check-config", "gate.toml"), here("image.tar", "--config", "gate.toml")
    assert (checked.code, checked.err) == (gated.code, gated.err) == (2, checked.err)
    assert "gate.toml, line 2" in checked.err
