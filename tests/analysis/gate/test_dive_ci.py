"""`.dive-ci`: dive's three keys, with dive's meaning and defaults."""

from __future__ import annotations

import pytest

from layerscope.analysis.gate import RULES
from layerscope.analysis.gate.dive_ci import parse_dive
from layerscope.errors import ExitCode, UsageError
from tests.analysis.findings.rule_images import opened_of
from tests.analysis.gate.gating import STEPS, verdict_of

FILE = ".dive-ci"

README = """\
rules:
  # If the efficiency is measured below X%, mark as failed.
  # Expressed as a ratio between 0-1.
  lowestEfficiency: 0.95

  # If the amount of wasted space is at least X or larger than X, mark as failed.
  # Expressed in B, KB, MB, and GB.
  highestWastedBytes: 20MB

  # If the amount of wasted space makes up for X% or more of the image, mark as failed.
  # Note: the base image layer is NOT included in the total image size.
  # Expressed as a ratio between 0-1; fails if the threshold is met or crossed.
  highestUserWastedPercent: 0.20
"""
QUOTED = """\
---
rules:
    lowestEfficiency: "0.97"  # of 1
    highestWastedBytes: 'disabled'
    highestUserWastedPercent: disabled
...
"""
NEW_NAMES = """\
rules: {lowest-efficiency: 0.5, highest-wasted-bytes: "1,500 KiB", highest-user-wasted-percent: .25}
"""


def limits(text: str) -> dict[str, float]:
    """The limits that a file sets."""
    config = parse_dive(text, FILE)
    assert set(config.limits) == {rule.name for rule in RULES}
    return {name: limit for name, limit in config.limits.items() if limit is not None}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (README, {"min-efficiency": 0.95, "max-wasted": 20_000_000, "max-user-wasted-percent": 0.2}),
        (QUOTED, {"min-efficiency": 0.97}),
        (NEW_NAMES, {"min-efficiency": 0.5, "max-wasted": 1_536_000, "max-user-wasted-percent": 0.25}),
        ("rules:\n  lowestEfficiency: &a 0.5\n  highestUserWastedPercent: *a\n", {"min-efficiency": 0.5, "max-user-wasted-percent": 0.5}),
        ("", {"min-efficiency": 0.9, "max-user-wasted-percent": 0.1}),
        ("rules:\n", {"min-efficiency": 0.9, "max-user-wasted-percent": 0.1}),
        ("rules: {}\n", {"min-efficiency": 0.9, "max-user-wasted-percent": 0.1}),
        ("rules:\n  lowestEfficiency: 1\n  highestWastedBytes: 0\n", {"min-efficiency": 1.0, "max-wasted": 0, "max-user-wasted-percent": 0.1}),
    ],
)  # fmt: skip
def test_common_files_are_read(text: str, wanted: dict[str, float]) -> None:
    """Missing keys have dive's defaults: efficiency 0.9, at most 0.1 wasted, any number of bytes."""
    assert limits(text) == wanted


@pytest.mark.parametrize(
    ("written", "count"),
    [("20MB", 20_000_000), ("20 mb", 20_000_000), ("1.5GB", 1_500_000_000), ("7", 7), ("3k", 3000),
     ("2MiB", 2 << 20), ("5 B", 5), ("1Ti", 1 << 40)],
)  # fmt: skip
def test_sizes_are_read_as_by_dive(written: str, count: int) -> None:
    """Units are decimal unless they contain an i, in any case."""
    assert limits(f"rules:\n  highestWastedBytes: {written}\n")["max-wasted"] == count


def test_shares_have_no_floor_and_nothing_else_is_checked() -> None:
    """dive has no floor, and checks neither secrets nor findings."""
    config = parse_dive(README, FILE)
    assert config.wasted_floor == 0
    checks = verdict_of(opened_of(STEPS), config).checks
    assert [check.rule for check in checks] == [
        "min-efficiency",
        "max-wasted",
        "max-user-wasted-percent",
    ]
    assert [check.place for check in checks] == [f"{FILE}, line {line}" for line in (4, 8, 13)]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("rules:\n  lowestEficiency: 0.9\n", 2, "unknown setting `lowestEficiency`"),
        (
            "plugins: [x]\nrules:\n  lowestEficiency: 0.9\n",
            3,
            "unknown setting `lowestEficiency`",
        ),
        ("rules:\n  plugins:\n    - x\n", 2, "unknown setting `plugins`"),
        ("rules:\nplugins:\nrules:\n", 3, "`rules` is set twice"),
        ("rules:\nRules:\n", 2, "`Rules` is set twice"),
        ("plugins: 1\nplugins: 2\n", 2, "`plugins` is set twice"),
        ("plugins: [x\nrules:\n", 2, ""),
        ("[plugins]: x\n", 1, "expected `rules:`"),
        ("plugins:\n- a: [b]\n- c\n---\n", 4, "only one YAML document"),
        ("rules:\n  lowestEfficiency: 95\n", 2, "`lowestEfficiency` takes a share"),
        ("rules:\n  lowestEfficiency: 95%\n", 2, "`lowestEfficiency` takes a share"),
        ("rules:\n  lowestEfficiency: .\n", 2, "`lowestEfficiency` takes a share"),
        ("rules:\n  lowestEfficiency:\n", 2, "`lowestEfficiency` takes a share"),
        ("rules:\n  highestWastedBytes: much\n", 2, "`highestWastedBytes` takes a size"),
        ("rules:\n  highestWastedBytes: -1\n", 2, "`highestWastedBytes` takes a size"),
        ("rules:\n\n  highestWastedBytes: [1]\n", 3, "expected `rules:`"),
        ("rules: [lowestEfficiency]\n", 1, "expected `rules:`"),
        ("- rules\n", 1, "expected `rules:`"),
        ("rules\n", 1, "expected `rules:`"),
        ("rules: 3\n", 1, "expected `rules:`"),
        ("rules:\n  lowestEfficiency:\n    a: 1\n", 3, "expected `rules:`"),
        ("rules:\n  lowestEfficiency: 0.9\n  lowest-efficiency: 0.8\n", 3, "set twice"),
        ("rules:\n  lowestEfficiency: 0.9\n---\nrules:\n", 3, "only one YAML document"),
        ("rules: &a\n  lowestEfficiency: *a\n", 1, "expected `rules:`"),
        ("rules:\n  lowestEfficiency: *a\n", 2, "found undefined alias"),
        ('rules:\n  "\\uD800": 1\n', 2, "unknown setting"),
        ("rules:\n\tlowestEfficiency: 0.9\n", 2, "cannot start any token"),
        ("rules: {\n", 2, ""),
        ("rules: \x00\n", 1, ""),
    ],
)
def test_every_mistake_is_reported_with_its_line_too(text: str, line: int, said: str) -> None:
    """dive itself ignores most of them."""
    with pytest.raises(UsageError) as caught:
        parse_dive(text, FILE)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.message.startswith(FILE)
    if said:
        assert caught.value.message.startswith(f"{FILE}, line {line}: ")
        assert said in caught.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plugins:\n  - plugin1\n", ["line 2: `plugins` has no effect"]),
        ("plugins: [a, {b: [c, &d e, *d]}, !!python/object:os.system f]\n", ["line 2: `plugins`"]),
        ("plugins: &a\n  rules:\n    lowestEfficiency: 0.1\n", ["line 2: `plugins`"]),
        ("ci: true\nlog: {level: debug}\n", ["line 2: `ci`", "line 3: `log`"]),
        ("x: [\n  1,\n  2]\n? y\n: |\n  text\n", ["line 2: `x`", "line 5: `y`"]),
        ("rule:\n  lowestEfficiency: 0.1\n", ["line 2: `rule` has no effect: only keys below `rules` are read; did you mean rules?"]),
        ("lowestEfficiency: 0.1\n", ["line 2: `lowestEfficiency` has no effect here: write it below `rules`"]),
        ("highest-wasted-bytes: 1\n", ["line 2: `highest-wasted-bytes` has no effect here: write it below `rules`"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rules", ["before", "after", "absent"])
def test_each_unknown_key_gives_a_warning(text: str, said: list[str], rules: str) -> None:
    """dive ignores it silently; its content is never read as a rule."""
    rule = "rules:\n  highestWastedBytes: 7\n"
    written = {"before": f"{rule}{text}", "after": f"#\n{text}{rule}", "absent": f"#\n{text}"}
    config = parse_dive(written[rules], FILE)
    assert config.limits["max-wasted"] == (None if rules == "absent" else 7)
    assert config.limits["min-efficiency"] == 0.9
    assert [warning.code for warning in config.warnings] == ["config-key-unused"] * len(said)
    for warning, words in zip(config.warnings, said, strict=True):
        line, _, words = words.partition(": ")
        number = int(line.removeprefix("line ")) + (rules == "before")
        assert warning.place == f"{FILE}, line {number}"
        assert warning.message.startswith(words)


@pytest.mark.parametrize("key", ["rules", "Rules", "RULES", '"rules"'])
def test_the_key_of_the_rules_is_accepted_in_any_case(key: str) -> None:
    """dive accepts it, too."""
    config = parse_dive(f"{key}:\n  highestWastedBytes: 7\n", FILE)
    assert (config.limits["max-wasted"], config.warnings) == (7, ())


@pytest.mark.parametrize(
    "text", ["", "\n", "# plugins:\n", "---\n", "rules: ~\n", "rules: null\n", "{}\n"]
)
def test_an_empty_file_means_the_defaults_of_dive(text: str) -> None:
    """The defaults of layerscope are not used."""
    config = parse_dive(text, FILE)
    assert (config.source_kind, config.limits["min-efficiency"]) == ("dive", 0.9)
    assert config.warnings == ()


def test_ignored_keys_may_be_nested() -> None:
    """Their depth is limited."""
    text = "plugins: {0}{1}\nrules:\n  highestWastedBytes: 7\n"
    assert parse_dive(text.format("[" * 99, "]" * 99), FILE).limits["max-wasted"] == 7
    with pytest.raises(UsageError, match="line 1: nested too deeply"):
        parse_dive(text.format("[" * 50_000, "]" * 50_000), FILE)


@pytest.mark.parametrize(
    "text",
    [
        "rules: " + "[" * 100_000,
        "rules: " + "{a: " * 50_000,
        "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n" + "d: [*c,*c]\n" * 100,
        "rules: !!python/object/apply:os.system ['true']\n",
        "rules:\n  lowestEfficiency: " + "9" * 100_000 + "\n",
        "rules:\n  highestWastedBytes: " + "9" * 100_000 + "\n",
        "? " * 50_000,
        "- " * 50_000,
    ],
    ids=["brackets", "braces", "bomb", "python", "share", "size", "keys", "items"],
)
def test_hostile_yaml_is_an_error(text: str) -> None:
    """No objects are constructed, no aliases are expanded, and it takes little time."""
    with pytest.raises(UsageError):
        parse_dive(text, FILE)
