"""Tables of docs/ whose rows come from the code: none is missing, and none is invented."""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import layerscope
from layerscope import cli
from layerscope.analysis.findings.finding import is_secret
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.rules import RULES
from layerscope.analysis.gate import RULES as CHECKS
from layerscope.errors import ExitCode
from layerscope.layers.compression import COMPRESSIONS
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.report import FORMATS, TABLES
from layerscope.report.gate import FORMATS as GATE_FORMATS
from layerscope.sources import SOURCES
from layerscope.words import Severity
from tests.docs.generated import GENERATED, written
from tests.docs.man_pages import FOLDER as MANUAL
from tests.docs.man_pages import man_pages, text_of
from tests.docs.page import ROOT, marked, marked_table, read
from tests.docs.rule_pages import FOLDER, rule_pages
from tests.images import docker_archive, file, layer_tar, write

PACKAGE = Path(layerscope.__file__).parent
_CODE = re.compile(r"[a-z]+(-[a-z]+)+")


@pytest.mark.parametrize(("page", "mark"), GENERATED)
def test_a_generated_table_is_up_to_date(page: str, mark: str) -> None:
    """The page has the table that the code generates."""
    assert read(page) == written(page, mark), "run python -m tests.docs.generated"


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    """The page equals the texts of the rule: what it finds, why, an example with its fix, and when it is wrong."""
    pages = {path.stem: path.read_text() for path in FOLDER.iterdir()}
    assert pages == rule_pages(), "run python -m tests.docs.generated"


def test_manual_pages_are_up_to_date() -> None:
    """There is one for each command, equal to its help."""
    pytest.importorskip("click_man")
    stored = {path.name: text_of(path.read_text()) for path in MANUAL.iterdir()}
    generated = {name: text_of(text) for name, text in man_pages().items()}
    assert stored == generated, "run python -m tests.docs.generated"


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="there is no mandoc here")
def test_manual_pages_are_valid() -> None:
    """mandoc's strictest check accepts them, and their text equals the help."""
    pages = sorted(MANUAL.iterdir())
    done = subprocess.run(["mandoc", "-T", "lint", *pages], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    shown = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=200", MANUAL / "layerscope-fix.1"], capture_output=True, text=True, check=True)  # fmt: skip
    text = re.sub(".\b", "", shown.stdout)
    for words in ("layerscope fix [OPTIONS] IMAGE", "--dockerfile Dockerfile | git apply", "--only RULE", "SEE ALSO"):  # fmt: skip
        assert words in text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_all_texts(rule: Rule) -> None:
    """These are what it looks at, when it is wrong, and the address of its page."""
    assert rule.finds or rule.places
    assert rule.wrong.endswith(".")
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert rule.page == f"{urls['Documentation']}rules/{rule.name}/"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_severities_of_rules_follow_the_scale(rule: Rule) -> None:
    """Secrets, and only they, are errors; rules of low confidence are one step less severe."""
    assert (rule.severity is Severity.ERROR) == is_secret(rule.name)
    assert rule.severity.at(rule.confidence) is rule.severity


def test_the_page_has_all_limits_and_their_defaults() -> None:
    rows = marked_table("hostile-input.md", "limits").records()
    assert {row["limit"]: int(row["default"]) for row in rows} == {
        field: getattr(DEFAULT_LIMITS, field) for field in Limits.__struct_fields__
    }


def test_the_page_has_all_warning_codes() -> None:
    """They are collected from the code."""
    explained = marked_table("json-schema.md", "warnings").column("code")
    assert explained == sorted(explained)
    assert set(explained) == set(_codes("ImageWarning"))


def test_the_page_has_the_warning_codes_of_the_gate() -> None:
    """They are in the cell of their key."""
    rows = marked_table("json-schema.md", "json: ci").records()
    (cell,) = (row["meaning"] for row in rows if row["key"] == "warnings[].code")
    assert set(cell.removeprefix("so far ").split(", ")) == set(_codes("GateWarning"))


def test_the_page_has_all_exit_codes() -> None:
    codes = marked_table("commands.md", "exit-codes").column("code")
    assert list(map(int, codes)) == sorted(ExitCode)


def test_the_page_has_all_compressions() -> None:
    compressions = marked_table("formats.md", "compressions").column("compression")
    assert set(compressions) == {kind.name for kind in COMPRESSIONS}


def test_the_page_has_all_sources_and_schemes() -> None:
    """They are in search order."""
    rows = marked_table("formats.md", "sources").records()
    assert [(row["source"], row["scheme"].split()) for row in rows] == [
        (source.name, [f"{scheme}://" for scheme in source.schemes]) for source in SOURCES
    ]


def test_the_page_has_all_formats() -> None:
    """Reports and verdicts have the same formats."""
    formats = marked_table("reports.md", "formats").column("format")
    assert formats == list(FORMATS) == list(GATE_FORMATS)


def test_the_page_has_all_csv_tables_and_columns(tmp_path: Path) -> None:
    image = write(tmp_path / "image.tar", docker_archive([layer_tar([file("a", b"1")])]))
    rows = marked_table("reports.md", "csv").records()
    assert [row["table"] for row in rows] == list(TABLES)
    out = tmp_path / "out.csv"
    for row in rows:
        words = ["report", str(image), "--format", "csv", "--table", row["table"], "-o", str(out)]
        assert cli.run(words) == 0
        assert out.read_text().splitlines()[0].split(",") == row["columns"].split(", ")
    assert cli.run(["ci", str(image), "--format", "csv", "-o", str(out)]) == 0
    header = ", ".join(io.StringIO(out.read_text()).readline().strip().split(","))
    assert f"one row for each check: {header}." in read("reports.md")


def test_the_page_has_all_checks_of_the_gate() -> None:
    """They are in the order of help."""
    checks = marked_table("ci.md", "checks").column("check")
    assert checks == [rule.name for rule in CHECKS]


def test_the_page_has_all_environment_variables() -> None:
    page = marked(read("settings.md"), "variables")
    used = {
        name
        for path in PACKAGE.rglob("*.py")
        for name in re.findall(r"LAYERSCOPE_[A-Z_]+", path.read_text())
    }
    assert set(re.findall(r"LAYERSCOPE_[A-Z_]+", page)) == used


def _codes(maker: str) -> Iterator[str]:
    """Codes of warnings: the first argument where `maker` is called; where that is a variable, every text of the module that
    looks like a code."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        calls = [
            node.args[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == maker
            and node.args
        ]
        if any(isinstance(first, ast.Name) for first in calls):
            calls += (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
        texts = (first.value for first in calls if isinstance(first, ast.Constant))
        yield from (text for text in texts if isinstance(text, str) and _CODE.fullmatch(text))
