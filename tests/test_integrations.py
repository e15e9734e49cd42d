"""integrations/: the commands of other tools, with stubs for layerscope and for programs, and with names that have a meaning in a shell."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest
import yaml

from tests.docs.page import ROOT

FOLDER = ROOT / "integrations"
PLUGIN = FOLDER / "docker-layerscope"
HOSTILE = ("a$(touch owned)b", "a;touch owned", "`touch owned`", 'a"b', "a'b", "a b", "$HOME", "--help", "-", "a\\nb", "é")  # fmt: skip
PATIENCE = 60
DOCKERS = sorted({os.path.realpath(found) for found in (shutil.which("docker"), "/usr/bin/docker") if found and Path(found).exists()})  # fmt: skip


@pytest.fixture
def stubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on `PATH` whose `layerscope` records its arguments; tests run beside it."""
    folder = tmp_path / "stubs"
    folder.mkdir()
    log = tmp_path / "log"
    _program(folder / "layerscope", f'for word; do printf "%s\\0" "$word"; done >>"{log}"; printf "%s\\0" "host=${{DOCKER_HOST-}}" "context=${{DOCKER_CONTEXT-}}" >"{log}.engine"')  # fmt: skip
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return folder


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def called(stubs: Path) -> list[str]:
    """The arguments of `layerscope` since the last call of this function; asserts that none of them was run."""
    assert not list((stubs.parent / "here").iterdir())
    log = stubs.parent / "log"
    words = log.read_text().split("\0")[:-1]
    log.unlink()
    return words


# Docker


def test_docker_plugin_describes_itself(stubs: Path) -> None:
    """It prints one JSON object without starting layerscope: Docker asks whenever it lists commands."""
    done = subprocess.run([PLUGIN, "docker-cli-plugin-metadata"], capture_output=True, check=True)
    about = json.loads(done.stdout)
    assert about["SchemaVersion"] == "0.1.0"
    assert about["Vendor"]
    assert about["ShortDescription"]
    assert not (stubs.parent / "log").exists()


@pytest.mark.parametrize(
    ("before", "engine"),
    [
        ([], ["host=unix:///kept", "context="]),
        (["--context", "far"], ["host=", "context=far"]),
        (["-c", "layerscope"], ["host=", "context=layerscope"]),
        (["--context=far away"], ["host=", "context=far away"]),
        (["-H", "ssh://x"], ["host=ssh://x", "context="]),
        (["--debug", "--log-level", "info", "--host=tcp://x"], ["host=tcp://x", "context="]),
    ],
)
def test_docker_plugin_passes_arguments_and_engine_on(
    stubs: Path, monkeypatch: pytest.MonkeyPatch, before: list[str], engine: list[str]
) -> None:
    """They are unchanged, whatever they contain; an image may be named like the plugin."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///kept")
    subprocess.run([PLUGIN, *before, "layerscope", *HOSTILE, "layerscope"], check=True)
    assert called(stubs) == [*HOSTILE, "layerscope"]
    assert (stubs.parent / "log.engine").read_text().split("\0")[:-1] == engine


def test_docker_plugin_reports_errors(stubs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """layerscope may be missing, or certificates cannot be passed on; on Tab it starts nothing."""
    done = subprocess.run([PLUGIN, "--tlskey", "x", "layerscope"], capture_output=True, text=True)
    assert (done.returncode, "DOCKER_CERT_PATH" in done.stderr) == (2, True)
    done = subprocess.run([PLUGIN, "__complete", "layerscope", "a"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ":0\n")
    assert not (stubs.parent / "log").exists()
    (stubs / "layerscope").unlink()
    monkeypatch.setenv("PATH", f"{stubs}:/usr/bin:/bin")
    done = subprocess.run([PLUGIN, "layerscope"], capture_output=True, text=True)
    assert (done.returncode, "pipx install layerscope" in done.stderr) == (127, True)


@pytest.mark.parametrize("docker", DOCKERS)
def test_docker_runs_the_plugin(docker: str, stubs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real CLI finds it, lists it, and passes its arguments; no engine is needed."""
    config = stubs.parent / "docker"
    (config / "cli-plugins").mkdir(parents=True)
    shutil.copy(PLUGIN, config / "cli-plugins")
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    subprocess.run([docker, "layerscope", "report", *HOSTILE], check=True, timeout=PATIENCE)
    assert called(stubs) == ["report", *HOSTILE]
    listed = subprocess.run([docker, "--help"], capture_output=True, text=True, check=True, timeout=PATIENCE)  # fmt: skip
    assert re.search(r"^\s+layerscope\*?\s+.*Explore images", listed.stdout, re.MULTILINE)
    _program(stubs / "layerscope", f'exec "{shutil.which("python3")}" -c "print(1)"')
    done = subprocess.run([docker, "layerscope", "--version"], capture_output=True, text=True, timeout=PATIENCE)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "1\n")


# k9s

_K9S = re.compile(r"\$(!?)([\w-]+)|\$\{(!?)([\w%/: -]+)\}")
"""What k9s replaces in an argument (`internal/view/env.go`)."""


def _started(plugin: dict[str, object], values: dict[str, str]) -> list[str]:
    """The command that k9s starts without a shell; an unknown variable is an error, as in k9s."""
    args = plugin["args"]
    assert isinstance(args, list)
    return [str(plugin["command"]), *(_K9S.sub(lambda m: values[m[2] or m[4]], arg) for arg in args)]  # fmt: skip


def test_k9s_explores_a_container(stubs: Path) -> None:
    """The image is one argument, never an option."""
    plugin = yaml.safe_load((FOLDER / "k9s.yaml").read_text())["plugins"]["layerscope"]
    assert plugin["scopes"] == ["containers"]
    for image in HOSTILE:
        subprocess.run(_started(plugin, {"COL-IMAGE": image}), check=True)
        assert called(stubs) == ["--", image]


@pytest.mark.terminal
def test_k9s_explores_a_pod(stubs: Path) -> None:
    """The image of each container is opened in turn in the terminal; none if kubectl fails."""
    plugin = yaml.safe_load((FOLDER / "k9s.yaml").read_text())["plugins"]["layerscope-pod"]
    assert plugin["scopes"] == ["pods"]
    log = stubs.parent / "kubectl"
    images = "".join(f"{image}\n" for image in HOSTILE)
    (stubs.parent / "images").write_text(images)
    _program(stubs / "kubectl", f'for word; do printf "%s\\0" "$word"; done >"{log}"; cat "{stubs.parent}/images"')  # fmt: skip
    command = _started(plugin, {"CONTEXT": "a'b $(touch owned)", "NAMESPACE": "n", "NAME": "p"})
    _in_terminal(command)
    assert called(stubs) == [word for image in HOSTILE for word in ("--", image)]
    words = log.read_text().split("\0")
    assert words[:7] == ["get", "pod", "--context", "a'b $(touch owned)", "--namespace", "n", "p"]
    assert words[8] == 'jsonpath={range .spec.containers[*]}{.image}{"\\n"}{end}'
    _program(stubs / "kubectl", "exit 1")
    _in_terminal(command)
    assert not (stubs.parent / "log").exists()


def _in_terminal(command: list[str]) -> None:
    child = pexpect.spawn(command[0], command[1:], timeout=PATIENCE)
    child.expect(pexpect.EOF)
    child.close()


# lazydocker


def test_lazydocker_explores_by_id(stubs: Path) -> None:
    """lazydocker splits the line into words itself; the line has only an ID."""
    commands = yaml.safe_load((FOLDER / "lazydocker.yml").read_text())["customCommands"]
    identifier = "sha256:" + "0123456789abcdef" * 4
    for kind, field in (("images", ".Image.ID"), ("containers", ".Container.Container.ImageID")):
        (command,) = commands[kind]
        assert command["attach"] is True  # it needs the terminal
        line = command["command"].replace("{{ " + field + " }}", identifier)
        assert "{{" not in line
        subprocess.run(shlex.split(line), check=True)
        assert called(stubs) == [f"docker://{identifier}"]


# VS Code


def test_vs_code_runs_tasks_without_a_shell(stubs: Path) -> None:
    """Input is one argument, never an option; each task runs an existing command."""
    document = json.loads((FOLDER / "tasks.json").read_text())
    assert document["version"] == "2.0.0"
    inputs = {f"${{input:{each['id']}}}" for each in document["inputs"]}
    for task in document["tasks"]:
        assert task["type"] == "process"
        for image in HOSTILE:
            values = {**dict.fromkeys(inputs, image), "${workspaceFolder}": "/a b"}
            words = task["args"]
            for name, value in values.items():
                words = [word.replace(name, value) for word in words]
            assert not any("${" in word for word in words)
            subprocess.run([task["command"], *words], check=True)
            calls = called(stubs)
            assert calls == words
            if image in calls:
                assert calls[calls.index(image) - 1] == "--"


def test_every_file_is_explained() -> None:
    """The README has two lines for each file, and the page names it."""
    text = (FOLDER / "README.md").read_text()
    page = (ROOT / "docs" / "integrations.md").read_text()
    for path in FOLDER.iterdir():
        if path.name != "README.md":
            assert f"]({path.name})" in text
            assert f"integrations/{path.name}" in page
    assert os.access(PLUGIN, os.X_OK)
