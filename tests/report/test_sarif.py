"""SARIF: valid for its schema and Microsoft's validator, on the right lines, and stable across builds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from layerscope.analysis.findings.rules import RULES
from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.open import Opened, Options
from layerscope.report.patch import patch_of
from tests.images import BLOCK, docker_archive, file, layer_tar, whiteout
from tests.report.hostile import hostile
from tests.report.sample import opened, report, sample

SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0.json").read_text())
_PACKAGE = Path(__file__).parents[2] / ".sarif/node_modules/@microsoft/sarif-multitool-linux"
MULTITOOL = shutil.which("Sarif.Multitool", path=os.pathsep.join([str(_PACKAGE), os.environ.get("PATH", "")]))  # fmt: skip
DOCKERFILE = b"FROM scratch\n# with files\nCOPY . \\\n  /gone/\nRUN rm -rf /gone\n"
HISTORY: list[dict[str, object]] = [
    {"created_by": "COPY . /gone/ # buildkit"},
    {"created_by": "RUN /bin/sh -c rm -rf /gone # buildkit"},
]


def deleting(content: bytes = b"a") -> bytes:
    """An image that stores a file and deletes it later."""
    layers = [layer_tar([file("gone/a", content * 200_000)]), layer_tar([whiteout("gone")])]
    return docker_archive(layers, history=HISTORY)


def run_of(image: Opened) -> dict[str, Any]:
    from jsonschema import Draft202012Validator

    document = json.loads(report(image, "sarif"))
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)] == []
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def result_of(image: Opened, rule: str) -> dict[str, Any]:
    """The single result of a rule."""
    (result,) = (each for each in run_of(image)["results"] if each["ruleId"] == rule)
    assert isinstance(result, dict)
    return result


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return opened(tmp_path_factory.mktemp("evil") / "evil.tar", hostile(), Options(rules={}))


def test_the_schema_rejects_invalid_documents() -> None:
    from jsonschema import Draft202012Validator

    assert not Draft202012Validator(SCHEMA).is_valid({"version": "2.1.0", "runs": [{}]})


def test_reports_of_any_image_are_valid(evil: Opened, tmp_path: Path) -> None:
    run_of(evil)
    run_of(opened(tmp_path / "sample.tar", sample(), Options(rules={})))
    run_of(opened(tmp_path / "none.tar", docker_archive([], history=[])))


def validate(folder: Path, document: bytes) -> None:
    """Assert that Microsoft's validator reads a document, and finds no error in it."""
    if MULTITOOL is None:
        pytest.skip("npm's @microsoft/sarif-multitool is not in .sarif/")
    (folder / "report.sarif").write_bytes(document)
    done = subprocess.run(
        [MULTITOOL, "validate", "report.sarif", "--output", "found.sarif", "--level", "Error;Warning;Note", "--kind", "Fail"],
        capture_output=True, text=True, check=False, timeout=120, cwd=folder,
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
    )  # fmt: skip
    assert "Analysis completed successfully" in done.stdout, done.stdout + done.stderr
    results = json.loads((folder / "found.sarif").read_text(encoding="utf-8-sig"))
    results = results["runs"][0]["results"]
    assert [each for each in results if each.get("level", "warning") == "error"] == []
    assert results  # it does advise: it was really read


@pytest.mark.parametrize("with_dockerfile", [False, True])
def test_microsofts_validator_finds_no_error(tmp_path: Path, with_dockerfile: bool) -> None:
    dockerfile = parse_dockerfile(DOCKERFILE, "Dockerfile") if with_dockerfile else None
    image = opened(tmp_path / "evil.tar", hostile(), Options(rules={}, dockerfile=dockerfile))
    validate(tmp_path, report(image, "sarif"))


def test_each_finding_is_a_result_of_its_rule(evil: Opened) -> None:
    assert evil.findings is not None
    run = run_of(evil)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.name for rule in RULES]
    assert len(run["results"]) == len(evil.findings.found) > 0
    for result, finding in zip(run["results"], evil.findings.found, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.rule
        assert result["level"] == finding.severity.value
        assert result["properties"]["bytes"] == finding.bytes


def test_a_result_is_on_the_lines_of_the_instruction(tmp_path: Path) -> None:
    options = Options(rules={}, dockerfile=parse_dockerfile(DOCKERFILE, "docker/my file"))
    result = result_of(opened(tmp_path / "a.tar", deleting(), options), "deleted-later")
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "docker/my%20file", "uriBaseId": "SRCROOT"}
    assert physical["region"] == {"startLine": 3, "endLine": 4}


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_fixes_equal_those_of_the_patch(tmp_path: Path, end: str) -> None:
    """They replace the same lines anywhere in the file, including the last one."""
    # A form feed ends no line of a file.
    head = b"FROM scratch\n# one\x0cpage\n\n\n\nENV A=b\n\n"
    written = head + b"RUN npm install thing\n\n\nRUN apt-get update && \\\n  echo done"
    text = (written.decode() + end).replace("\n", "\r\n" if end == "\r\n" else "\n")
    text = text.replace("\r\r", "\r")
    files = (
        [file("root/.npm/_cacache/content-v2/a", b"a" * 200_000)],
        [file("var/lib/apt/lists/x_Packages", b"a" * 200_000)],
    )
    history: list[dict[str, object]] = [
        {"created_by": "ENV A=b", "empty_layer": True},
        {"created_by": "RUN /bin/sh -c npm install thing # buildkit"},
        {"created_by": "RUN /bin/sh -c apt-get update &&   echo done # buildkit"},
    ]
    dockerfile = parse_dockerfile(text.encode(), "Dockerfile")
    image = opened(
        tmp_path / "a.tar",
        docker_archive([layer_tar(members) for members in files], history=history),
        Options(rules={}, dockerfile=dockerfile),
    )
    assert image.findings is not None
    for number, finding in enumerate(image.findings.found):
        (fix,) = result_of(image, finding.rule)["fixes"]
        lines = [f"{line}\n" for line in text.split("\n")]
        for each in reversed(fix["artifactChanges"][0]["replacements"]):
            region = each["deletedRegion"]
            first, last = region["startLine"] - 1, region["endLine"] - 1
            assert region["startColumn"] == 1
            tail = lines[last][region["endColumn"] - 1 :]
            lines[first : last + 1] = [each["insertedContent"]["text"] + tail]
        assert "".join(lines).removesuffix("\n") == patch_of(image, [number]).dockerfile


def test_without_a_dockerfile_a_result_is_in_the_image_at_its_paths(tmp_path: Path) -> None:
    image = opened(tmp_path / "a.tar", deleting(), Options(rules={}))
    result = result_of(image, "deleted-later")
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "demo%3Alatest"
    assert [each["fullyQualifiedName"] for each in location["logicalLocations"]] == ["/gone/a"]


def test_fingerprints_are_unique_and_stable_across_builds(tmp_path: Path, evil: Opened) -> None:
    def prints(image: Opened) -> list[str]:
        results = run_of(image)["results"]
        return [each["partialFingerprints"]["primaryLocationLineHash"] for each in results]

    first = prints(opened(tmp_path / "a.tar", deleting(b"a"), Options(rules={})))
    assert first == prints(opened(tmp_path / "b.tar", deleting(b"b"), Options(rules={})))
    assert len(set(prints(evil))) == len(prints(evil))
    assert set(first).isdisjoint(prints(evil))


def test_texts_have_no_links_and_no_placeholders(evil: Opened) -> None:
    for result in run_of(evil)["results"]:
        text = result["message"]["text"]
        assert "[click](" not in text.replace("\\[", "")
        assert "{" not in text.replace("{{", "")


def test_damage_and_oddities_are_notifications(tmp_path: Path) -> None:
    cut = layer_tar([file("a", b"a"), file("b", b"b" * 5000)])[: 4 * BLOCK]
    (invocation,) = run_of(opened(tmp_path / "cut.tar", docker_archive([cut])))["invocations"]
    assert invocation["executionSuccessful"] is False
    notifications = invocation["toolExecutionNotifications"]
    assert notifications[0]["level"] == "error"
    assert "damaged" in notifications[0]["message"]["text"]


def test_the_document_is_ascii(evil: Opened) -> None:
    assert report(evil, "sarif").isascii()


def test_every_rule_links_to_its_page(tmp_path: Path) -> None:
    """Its help says when the rule is wrong, and names the equivalent codes of hadolint and BuildKit."""
    image = opened(tmp_path / "image.tar", deleting(), Options(rules={}))
    rules = {rule["id"]: rule for rule in run_of(image)["tool"]["driver"]["rules"]}
    for rule in RULES:
        sarif_rule = rules[rule.name]
        assert sarif_rule["helpUri"] == rule.page
        assert sarif_rule["helpUri"].startswith("https://")
        assert "When it is wrong: " in sarif_rule["help"]["text"]
        assert rule.page in sarif_rule["help"]["markdown"]
        assert sarif_rule["properties"]["codes"] == list(rule.codes)
    assert rules["apt-lists"]["properties"]["codes"] == ["DL3009"]
