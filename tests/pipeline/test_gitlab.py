"""The component for GitLab: its job, run by the shell that a runner uses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.images import file, layer_tar, oci_files
from tests.pipeline.steps import HOSTILE, OPTION, Ended, Machine, load
from tests.sources.registry.server import Registry

_INPUT = re.compile(r"\$\[\[ inputs\.([\w-]+) \]\]")


def _job(**given: str) -> dict[str, Any]:
    """The job, with inputs put in place in its values, as GitLab does."""
    head, body = load("templates/layerscope.yml")
    inputs = {name: each.get("default") for name, each in head["spec"]["inputs"].items()}
    inputs |= {name.replace("_", "-"): value for name, value in given.items()}
    ((name, job),) = body.items()
    assert _INPUT.sub(lambda found: str(inputs[found[1]]), name) == "layerscope"
    for key, value in job["variables"].items():
        job["variables"][key] = _INPUT.sub(lambda found: str(inputs[found[1]]), value)
    assert not _INPUT.search("\n".join([*job["script"], *job["before_script"]]))
    return dict(job)


def _run(machine: Machine, job: dict[str, Any]) -> Ended:
    machine.recorder("pip")
    script = "\n".join([*job["before_script"], *job["script"]])
    return machine.run(script, job["variables"], "sh", "-e")


def test_it_reports_and_passes(machine: Machine) -> None:
    """A page for the report and one for the difference, and test cases, where the artifacts are taken from."""
    job = _job(image="app.tar", base_image="base.tar", dockerfile="Dockerfile")
    ended = _run(machine, job)
    assert ended.code == 0, ended.err
    written = {path.name for path in (machine.work / job["artifacts"]["paths"][0]).iterdir()}
    assert written == {"report.html", "diff.html", "gate.xml"}
    assert (machine.work / job["artifacts"]["reports"]["junit"]).read_text().startswith("<?xml")
    assert machine.calls("pip")[0][-1] == "layerscope"


def test_a_broken_limit_fails_the_job(machine: Machine) -> None:
    """With the rules that were named; the test cases are there all the same."""
    (machine.work / "gate.toml").write_text('[ci]\nmax-wasted = "1 kB"\n')
    assert _run(machine, _job(image="app.tar", config="gate.toml")).code == 1
    assert "max-wasted" in (machine.work / "layerscope-report" / "gate.xml").read_text()


def test_a_missing_base_image_is_a_warning(machine: Machine) -> None:
    """As for the first merge request."""
    ended = _run(machine, _job(image="app.tar", base_image="gone.tar"))
    assert ended.code == 0
    assert "could not be compared" in ended.out


@pytest.mark.parametrize("value", [HOSTILE, OPTION], ids=["shell", "option"])
@pytest.mark.parametrize("name", ["image", "base_image", "dockerfile", "config"])
def test_hostile_inputs_are_values(machine: Machine, name: str, value: str) -> None:
    """Such as the name of a branch."""
    ended = _run(machine, _job(**{"image": "app.tar", name: value}))
    assert "Traceback" not in ended.err
    machine.assert_untouched()


def test_the_registry_of_the_project_is_read(machine: Machine) -> None:
    """With the login of the job; a file of logins that the project names goes before it."""
    with Registry() as registry:
        registry.users["gitlab-ci-token"] = 's3"cr\\et'
        registry.repository("group/app").push(oci_files([layer_tar([file("a", b"1")])]), "1")
        job = _job(image=registry.reference("group/app:1"))
        own = {
            "CI_REGISTRY": registry.host,
            "CI_REGISTRY_USER": "gitlab-ci-token",
            "CI_REGISTRY_PASSWORD": 's3"cr\\et',
        }
        job["variables"] |= own
        ended = _run(machine, job)
        assert ended.code == 0, ended.err
        assert "s3" not in ended.out + ended.err
        logins = machine.folder / "auth.json"
        logins.write_text("{}")
        job["variables"]["REGISTRY_AUTH_FILE"] = str(logins)
        assert _run(machine, job).code == 3


def test_a_version_is_installed(machine: Machine) -> None:
    """And is no more than an argument of pip."""
    for version in ("==0.2.0", HOSTILE):
        _run(machine, _job(image="app.tar", version=version))
        assert machine.calls("pip")[-1][-1] == f"layerscope{version}"
    machine.assert_untouched()
