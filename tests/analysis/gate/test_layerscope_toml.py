"""`.layerscope.toml`: its meaning, and mistakes reported with their line."""

from __future__ import annotations

import pytest

from layerscope.analysis.gate import RULES
from layerscope.analysis.gate.config import GateConfig
from layerscope.analysis.gate.layerscope_toml import parse_toml
from layerscope.analysis.gate.values import Tolerance
from layerscope.errors import ExitCode, UsageError
from layerscope.settings import RuleChoice
from layerscope.words import Confidence, Severity

FILE = ".layerscope.toml"

WHOLE = """
[ci]
min-efficiency = "95 %"
max-wasted = "20 MB"
max-layers = 30
no-secrets = false
forbidden-paths = [".env", "*.pem"]
baseline-tolerance = "2 %"
fail-on = "warning"
base = "debian:12"
wasted-floor = 0

[[ignore]]
path = "/var/lib/dpkg/**"
reason = "belongs to the system"

[[ignore]]
rule = ["apt-lists", "max-wasted"]
layer = [3, "sha256:0123456789ab"]
base-image = true

[rules.apt-lists]
severity = "error"
min-bytes = "1 MB"

[rules]
deleted-later = false
"""


def test_a_complete_configuration_is_read() -> None:
    """It has limits, exceptions and severities, with the place of each."""
    config = parse_toml(WHOLE.replace("[rules]\ndeleted-later = false\n", ""), FILE)
    assert config.limits["min-efficiency"] == 0.95
    assert config.limits["max-wasted"] == 20_000_000
    assert config.limits["max-layers"] == 30
    assert config.limits["no-secrets"] is None
    assert config.limits["forbidden-paths"] == (".env", "*.pem")
    assert config.limits["baseline-tolerance"] == Tolerance(share=0.02)
    assert (config.fail_on, config.base, config.wasted_floor) == (Severity.WARNING, "debian:12", 0)
    first, second = config.ignores
    assert (first.paths, first.place) == (("/var/lib/dpkg/**",), f"{FILE}, line 13")
    assert second.rules == ("apt-lists", "max-wasted")
    assert second.layers == (3, "sha256:0123456789ab")
    assert second.base_image
    assert config.rules == {"apt-lists": RuleChoice(min_bytes=1_000_000, severity="error")}
    assert config.places["max-layers"] == f"{FILE}, line 5"
    assert config.places["apt-lists"] == f"{FILE}, line 22"
    assert (config.source, config.source_kind) == (FILE, "layerscope")


def test_missing_keys_keep_their_defaults() -> None:
    """An empty file has all defaults."""
    assert parse_toml("", FILE).limits == GateConfig().limits
    assert GateConfig().limits == {rule.name: rule.default for rule in RULES}
    defaults = {name: limit for name, limit in GateConfig().limits.items() if limit is not None}
    assert defaults == {
        "min-efficiency": 0.9,
        "no-secrets": Confidence.HIGH,
        "findings": True,
        "baseline-tolerance": Tolerance(share=0.01),
    }


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[ci]\nmax-waste = 3", 2, "unknown setting `max-waste`"),
        ("[ci]\n\nmax-wasted = 'much'", 3, "`max-wasted` must be a number of bytes"),
        ("[ci]\nmax-wasted = -1", 2, "`max-wasted` must be a number of bytes"),
        ("[ci]\nmin-efficiency = 90", 2, "`min-efficiency` takes a share from 0 to 1"),
        ("[ci]\nmin-efficiency = true", 2, "`min-efficiency` takes a share"),
        ("[ci]\nmin-efficiency = nan", 2, "`min-efficiency` takes a share"),
        ("[ci]\nmin-efficiency = " + "1" * 400, 2, "`min-efficiency` takes a share"),
        ("[ci]\nbase = 0x" + "f" * 4500, 2, "`base` takes a number of layers"),
        ("[ci]\nmax-layers = 2.5", 2, "`max-layers` takes a whole number"),
        ("[ci]\nno-secrets = 'sure'", 2, "`no-secrets` takes high, medium or low"),
        ("[ci]\nforbidden-paths = [3]", 2, "`forbidden-paths` takes a quoted path"),
        ("[ci]\nforbidden-paths = ['/']", 2, "`forbidden-paths` takes a quoted path"),
        ("[ci]\nforbidden-paths = []", 2, "`forbidden-paths` takes a quoted path"),
        ("[ci]\nfail-on = 'note'", 2, "`fail-on` takes"),
        ("[ci]\nfail-on = false", 2, "`fail-on` takes"),
        ("[ci]\nbase = ''", 2, "`base` takes"),
        ("[ci]\nbase = '-'", 2, "`base` takes"),
        ("[ci]\nfindings = 'yes'", 2, "`findings` takes on or off (in a file also true or false)"),
        ("ci = 3", 1, "`ci` must be written as [ci]"),
        ("\n[gate]", 2, "unknown setting `gate`"),
        ("max-wasted = 3", 1, "unknown setting `max-wasted`"),
        ("[ignore]\npath = 'a'", 1, "`ignore` must be written as [[ignore]]"),
        ("ignore = [3]", 1, "`ignore` must be written as [[ignore]]"),
        ("\n[[ignore]]\npaths = 'a'", 3, "unknown setting `paths`"),
        ("[[ignore]]\npath='a'\n[[ignore]]\nlayer = -1", 4, "`layer` takes a layer number"),
        ("[[ignore]]\nlayer = 'sha256:zz'", 2, "`layer` takes a layer number"),
        ("[[ignore]]\nlayer = []", 2, "`layer` takes a layer number"),
        ("[[ignore]]\nrule = 'apt-list'", 2, "unknown rule `apt-list`"),
        ("[[ignore]]\nrule = ['apt-lists', 3]", 2, "`rule` takes a quoted rule name"),
        ("[[ignore]]\nbase-image = 'yes'", 2, "`base-image` takes on or off"),
        ("[[ignore]]\nlayer = true", 2, "`layer` takes a layer number"),
        ("[[ignore]]\n'x` - at `$.path' = 3", 2, "unknown setting `x` - at `$.path`"),
        ("[[ignore]]\npath = '` - at `$.rule'\nrule = 3", 3, "`rule` takes"),
        ("[[ignore]]\nrule = 3", 2, "`rule` takes a quoted rule name"),
        (
            "[[ignore]]\nrule = 'max-size'\nlayer = 1",
            2,
            "`rule` cannot be max-size: it counts",
        ),
        ("[[ignore]]\nrule = 'max-wasted'", 1, "this would ignore all of max-wasted"),
        ("[[ignore]]\nreason = 'none'", 1, "this ignores nothing"),
        ("[[ignore]]\nbase-image = false", 1, "this ignores nothing"),
        ("[[ignore]]\npath = 'a'\nreason = 3", 3, "`reason` takes a quoted string"),
        ("[rules.apt-list]\nseverity='error'", 1, "unknown rule `apt-list`"),
        ("[rules.apt-lists]\nseverity='fatal'", 2, "`rules.apt-lists.severity` must be one of"),
        ("[rules.apt-lists]\nlevel='error'", 2, "unknown setting `rules.apt-lists.level`"),
        ("[rules]\napt-lists = { min-byte = 3 }", 2, "unknown setting `rules.apt-lists.min-byte`"),
        (
            "[rules]\napt-lists = {min-bytes=1,severity = 'x'}",
            2,
            "`rules.apt-lists.severity` must be",
        ),
        (
            "[rules]\napt-lists = 'error'",
            2,
            'must be false, "off", or a table such as { severity = "error" }',
        ),
        ("ci = { max-layers = 1, max-wasted = 'much' }", 1, "`max-wasted` must be a number"),
        (
            "ignore = [\n {path = 'a'},\n {path = 'b', layers = 1}]",
            3,
            "unknown setting `layers`",
        ),
        (
            '# x\n[[ignore]]\npath = """\n[ci]"""\n[[ignore]]\nreason = \'x\'\nlayer = -1',
            7,
            "`layer` takes",
        ),
        ("[[ignore]]\npath = '/'", 2, "`/` would ignore everything"),
        ("[[ignore]]\npath = ['a', '//']", 2, "would ignore everything"),
        (
            "[ci]\nmax-wasted = 1\nmax-layers = " + "1" * 5000,
            3,
            "a number has more than 4,300 digits",
        ),
        ("[ci]\n[rules]\n[ci]", 3, "Cannot declare `ci` twice"),
        ("[ci]\nforbidden-paths = ['[']", 2, "`[`"),
        ("[ci]\nforbidden-paths = ['ok', ' ']", 2, "it is blank"),
        ("[ci]\nforbidden-paths = ['/a/../a']", 2, "`/a/../a`"),
        ("[ci]\nallowed-paths = ['/a/./b']", 2, "`/a/./b`"),
        ("[ci]\nmax-wasted = 'on'", 2, "`max-wasted` must be a number"),
        ("[ci]\nmax-wasted = ", 2, "Invalid value"),
        ("[ci]\na = 1\na = 2", 3, "Cannot overwrite a value"),
    ],
)
def test_every_mistake_is_reported_with_its_line(text: str, line: int, said: str) -> None:
    """A configuration without effect is always reported."""
    with pytest.raises(UsageError) as caught:
        parse_toml(text, FILE)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.message.startswith(f"{FILE}, line {line}: ")
    assert said in caught.value.message


def test_off_disables_a_rule() -> None:
    """It does so in options, too. Closed sets, and the character itself, are valid patterns."""
    text = "[ci]\nmax-wasted = 'off'\nno-secrets = 'off'\nfindings = 'on'\nforbidden-paths = ['[ab]*', '/bin/[[]']"
    limits = parse_toml(text, FILE).limits
    assert limits["max-wasted"] is None
    assert limits["no-secrets"] is None
    assert limits["findings"] is True
    assert limits["forbidden-paths"] == ("[ab]*", "/bin/[[]")


def test_a_similar_key_is_suggested() -> None:
    """Underscores are a common mistake."""
    with pytest.raises(UsageError) as caught:
        parse_toml("[ci]\nmin_efficiency = 0.9", FILE)
    assert caught.value.hint == "did you mean min-efficiency?"


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 50_000,
        "[ci]\nbase = " + "1" * 100_000,
        "[" + "a." * 60_000 + "a]",
        "[ci]\nbase = {" + "a." * 60_000 + "a = 1}",
        "[ci]\nforbidden-paths = [" + "'x'," * 2_000 + "]",
        "[ci]\nforbidden-paths = ['" + "x/" * 5_000 + "']",
    ],
    ids=["deep", "digits", "dots", "inline", "many", "long"],
)
def test_a_hostile_configuration_is_an_error(text: str) -> None:
    """It causes neither a crash nor minutes of work."""
    with pytest.raises(UsageError):
        parse_toml(text, FILE)
