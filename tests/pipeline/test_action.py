"""The GitHub action: what its steps write, post and decide for a fake event."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pipeline.steps import HOSTILE, OPTION, ROOT, Action, Machine, load

APP = {"image": "app.tar", "base-image": "base.tar"}
EXISTING = 'echo "https://github.com/org/app/pull/7#issuecomment-41"\n'
"""A stub of `gh` that finds a comment of ours."""


@pytest.fixture
def machine(machine: Machine) -> Machine:
    """With a `gh` that records its calls, and finds no comment."""
    machine.recorder("gh")
    return machine


def _posted(machine: Machine) -> str:
    return (machine.folder / "layerscope-comment.md").read_text()


def test_it_reports_compares_and_passes(machine: Machine) -> None:
    """Summary, SARIF, comment with the difference, verdict."""
    action = Action(machine, {**APP, "dockerfile": "Dockerfile"})
    ended = action.run()
    assert ended.code == 0, ended.err
    assert action.file("GITHUB_STEP_SUMMARY").startswith("<!-- layerscope -->\n")
    assert json.loads((machine.work / "layerscope.sarif").read_bytes())["version"] == "2.1.0"
    assert _posted(machine).startswith("<!-- layerscope: image -->\n<!-- layerscope diff -->\n")
    found, posted = machine.calls("gh")
    assert found[:5] == ["pr", "view", "7", "--repo", "org/app"]
    comment = f"body=@{machine.folder}/layerscope-comment.md"
    assert posted == ["api", "--silent", "--method", "POST", "repos/org/app/issues/7/comments", "--field", comment]  # fmt: skip
    assert action.file("GITHUB_OUTPUT") == "passed=true\n"


def test_the_comment_is_replaced(machine: Machine) -> None:
    """The one with the same name, if there is one."""
    machine.recorder("gh", EXISTING)
    Action(machine, {**APP, "name": "the app"}).run()
    assert _posted(machine).startswith("<!-- layerscope: the-app -->\n")
    assert machine.calls("gh")[1][2:5] == ["--method", "PATCH", "repos/org/app/issues/comments/41"]


@pytest.mark.parametrize("base", ["", "gone.tar"])
def test_without_a_base_image_the_comment_is_a_report(machine: Machine, base: str) -> None:
    """Also for the first pull request, when there is none yet; then the log says so."""
    ended = Action(machine, {**APP, "base-image": base}).run()
    assert ended.code == 0
    assert _posted(machine).startswith("<!-- layerscope: image -->\n<!-- layerscope -->\n")
    assert ("::warning" in ended.out) == bool(base)
    assert ("gone.tar" in ended.err) == bool(base)


def test_a_comment_that_may_not_be_written_is_a_warning(machine: Machine) -> None:
    """As in pull requests of forks: the verdict counts."""
    machine.recorder("gh", "exit 1")
    action = Action(machine, APP)
    ended = action.run()
    assert ended.code == 0
    assert "pull-requests: write" in ended.out
    assert action.file("GITHUB_OUTPUT") == "passed=true\n"


def test_a_push_has_no_comment(machine: Machine) -> None:
    """There is no pull request."""
    assert Action(machine, APP, event="push").run().code == 0
    assert machine.calls("gh") == []


def test_a_broken_limit_fails_the_job(machine: Machine) -> None:
    """After everything else, with annotations; options come one a line."""
    action = Action(machine, {**APP, "arguments": "--max-wasted=1kB\n\n--max-layers=9\n"})
    ended = action.run()
    assert ended.code == 1
    assert "::error" in ended.out
    assert "max-wasted" in ended.out
    assert action.file("GITHUB_OUTPUT") == "passed=false\n"


def test_what_is_turned_off_is_left_out(machine: Machine) -> None:
    """Each part can be."""
    off = {"summary": "false", "comment": "false", "sarif": "", "gate": "false"}
    action = Action(machine, {**APP, **off, "arguments": "--max-wasted=1kB"})
    assert action.run() == (0, "", "")
    assert action.file("GITHUB_STEP_SUMMARY") == action.file("GITHUB_OUTPUT") == ""
    assert not (machine.work / "layerscope.sarif").exists()
    assert machine.calls("gh") == []


def test_an_image_that_is_not_found_fails_the_job(machine: Machine) -> None:
    """With the exit code of layerscope, and no verdict."""
    action = Action(machine, {"image": "gone.tar"})
    assert action.run().code == 3
    assert action.file("GITHUB_OUTPUT") == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, HOSTILE) for name in load("action.yml")[0]["inputs"] if name != "version"),
        *((name, OPTION) for name in ("image", "base-image", "dockerfile", "config", "name")),
    ],
)
def test_hostile_inputs_are_values(machine: Machine, name: str, value: str) -> None:
    """Whoever can choose one, such as the name of a branch in a tag, runs nothing."""
    action = Action(machine, {**APP, name: value})
    ended = action.run()
    assert "Traceback" not in ended.err
    assert ended.code in (0, 2, 3, 4), ended.err
    machine.assert_untouched()
    assert action.file("GITHUB_OUTPUT") in ("", "passed=true\n")


def test_it_installs_itself_or_a_version(machine: Machine) -> None:
    """The sources of the action, or what PyPI has; with nothing on the PATH but the command."""
    machine.recorder("pip")
    machine.stub(
        "python3",
        'mkdir -p "$3/bin"; printf \'#!/bin/bash\\nshift 2; exec pip "$@"\' > "$3/bin/python"; chmod +x "$3/bin/python"',
    )
    for version, wanted in (
        ("", str(ROOT)),
        ("0.2.0", "layerscope==0.2.0"),
        (HOSTILE, f"layerscope=={HOSTILE}"),
    ):
        action = Action(machine, {**APP, "version": version})
        others = tuple(step["name"] for step in action.action["runs"]["steps"][1:])
        assert action.run(without=others).code == 0
        assert machine.calls("pip")[-1][-1] == wanted
    assert action.file("GITHUB_PATH").splitlines()[-1] == f"{machine.folder}/layerscope/bin"
    assert [path.name for path in (machine.folder / "layerscope" / "bin").iterdir()] == [
        "layerscope"
    ]
    machine.assert_untouched()


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck not installed")
def test_shellcheck_finds_nothing(machine: Machine, tmp_path: Path) -> None:
    """In any script of the action."""
    for number, step in enumerate(Action(machine, APP).action["runs"]["steps"]):
        script = tmp_path / f"{number}.sh"
        script.write_text(f"#!/bin/bash\nset -eo pipefail\n{step['run']}")
        done = subprocess.run(
            ["shellcheck", str(script)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
