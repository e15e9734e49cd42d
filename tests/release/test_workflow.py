"""The release workflow: valid, with the fewest permissions, and for the version that the package has."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import layerscope
from tests.pipeline.steps import ROOT, Machine, load

WORKFLOW = ".github/workflows/release.yml"
JOBS = load(WORKFLOW)[0]["jobs"]
READ = {"contents": "read"}
SIGN = {"id-token": "write", "attestations": "write"}


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("github-workflows", WORKFLOW),
        ("github-actions", "action.yml"),
        ("gitlab-ci", "templates/layerscope.yml"),
        ("readthedocs", ".readthedocs.yaml"),
    ],
)
def test_its_schema_holds(schema: str, name: str, tmp_path: Path) -> None:
    """Of each file that a service reads; of GitLab's the last document, where inputs are."""
    text = (ROOT / name).read_text().split("\n---\n")[-1]
    copy = tmp_path / Path(name).name
    copy.write_text(text)
    from check_jsonschema import main

    done = CliRunner().invoke(main, ["--builtin-schema", f"vendor.{schema}", str(copy)])
    assert done.exit_code == 0, done.output


def test_each_job_may_do_what_it_needs() -> None:
    """None has a right by default, and the job that runs the tests of others' packages can only read."""
    assert load(WORKFLOW)[0]["permissions"] == {}
    assert {name: job.get("permissions") for name, job in JOBS.items()} == {
        "build": READ | SIGN,
        "test": READ,
        "image": READ | SIGN | {"packages": "write"},
        "publish": {"id-token": "write"},
        "release": {"contents": "write"},
    }


def test_nothing_is_published_before_the_tests_pass() -> None:
    """On every Python; and no action is of a branch that moves, but the one that PyPI says to use."""
    for name in ("image", "publish"):
        assert {"build", "test"} <= set(JOBS[name]["needs"])
    assert JOBS["release"]["needs"] == "publish"
    assert JOBS["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    used = [step["uses"] for job in JOBS.values() for step in job["steps"] if "uses" in step]
    assert all(re.search(r"@v\d+$|^pypa/gh-action-pypi-publish@release/v1$", each) for each in used)


def test_no_expression_stands_in_a_script() -> None:
    """The name of a tag would be run."""
    scripts = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    assert len(scripts) > 5
    assert "${{" not in "".join(scripts)


def _script(job: str, name: str) -> str:
    """The script of a step."""
    return str(next(step["run"] for step in JOBS[job]["steps"] if step.get("name") == name))


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (f"v{layerscope.__version__}", 0),
        ("v99.0.0", 1),
        (layerscope.__version__, 1),
        ("v$(touch hostile)", 1),
    ],
)
def test_the_tag_must_be_that_of_the_package(tmp_path: Path, tag: str, code: int) -> None:
    """And the changelog must have its section."""
    machine = Machine(tmp_path)
    machine.stub("python", f'exec {sys.executable} "$@"')
    (machine.work / "CHANGELOG.md").write_bytes((ROOT / "CHANGELOG.md").read_bytes())
    script = _script("build", "Compare the tag with the package and its changelog")
    ended = machine.run(script, {"TAG": tag}, "bash", "-eo", "pipefail")
    assert ended.code == code, ended.out
    assert ("::error::" in ended.out) == bool(code)
    machine.assert_untouched()


def test_a_release_has_its_section_of_the_changelog(tmp_path: Path) -> None:
    """From its heading to the next."""
    machine = Machine(tmp_path)
    machine.recorder("gh")
    (machine.work / "CHANGELOG.md").write_text(
        "# C\n\n## [Unreleased]\n\nno\n\n## [1.2.0] - 2026-01-01\n\n### Added\n\n- yes\n\n## [1.1.0] - 2025-01-01\n\nno\n"
    )
    script = _script("release", "Make a release with the section of the changelog")
    assert machine.run(script, {"TAG": "v1.2.0"}, "bash", "-eo", "pipefail").code == 0
    assert (machine.work / "notes.md").read_text().split() == ["###", "Added", "-", "yes"]
    assert machine.calls("gh")[0][:3] == ["release", "create", "v1.2.0"]
