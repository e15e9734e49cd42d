"""Annotations: GitHub reads each as one command with the right lines, and no name is a command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pytest

from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.open import Opened, Options
from layerscope.settings import RuleChoice
from tests.images import BLOCK, docker_archive, file, layer_tar
from tests.report.hostile import hostile
from tests.report.sample import opened, report

COMMAND = re.compile(r"::(error|warning|notice) (.*?)::(.*)")


class Annotation(NamedTuple):
    """A command as the runner reads it (actions/runner, ActionCommand.TryParseV2)."""

    level: str
    properties: dict[str, str]
    message: str


def parsed(image: Opened) -> tuple[list[Annotation], list[str]]:
    """The commands, and the other lines of the log."""
    commands, others = [], []
    for line in report(image, "github").decode().removesuffix("\n").split("\n"):
        if not line.strip().startswith("::"):
            others.append(line)
            continue
        match = COMMAND.fullmatch(line)
        assert match is not None
        properties = dict(part.split("=", 1) for part in match[2].split(","))
        commands.append(
            Annotation(
                match[1],
                {key: unquote(value) for key, value in properties.items()},
                unquote(match[3]),
            )
        )
    return commands, others


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return opened(tmp_path_factory.mktemp("evil") / "evil.tar", hostile(), Options(rules={}))


def test_each_finding_is_one_annotation(evil: Opened) -> None:
    annotations, _ = parsed(evil)
    assert evil.findings is not None
    assert len(annotations) == len(evil.findings.found) > 0
    assert {annotation.properties["title"] for annotation in annotations} == {
        f"{finding.title} [{finding.rule}]" for finding in evil.findings.found
    }
    for annotation in annotations:
        assert list(annotation.properties) == ["title"]
        assert "\nFix:\n" in annotation.message


def test_the_last_line_is_a_summary(evil: Opened) -> None:
    (line,) = parsed(evil)[1]
    assert line.startswith("layerscope: evil</title>")
    assert " stored · " in line
    assert " avoidable" in line
    assert " wasted · efficiency " in line


def test_annotations_have_the_lines_of_the_dockerfile(tmp_path: Path) -> None:
    text = b"FROM scratch\nCOPY a \\\n  b /gone/\nRUN rm -rf /gone\n"
    layers = [layer_tar([file("gone/a", b"a" * 200_000)]), layer_tar([file("gone/.wh.a")])]
    history: list[dict[str, object]] = [
        {"created_by": "COPY a b /gone/ # buildkit"},
        {"created_by": "RUN /bin/sh -c rm -rf /gone # buildkit"},
    ]
    options = Options(rules={}, dockerfile=parse_dockerfile(text, "docker/Dockerfile,1"))
    image = opened(tmp_path / "a.tar", docker_archive(layers, history=history), options)
    (properties,) = (
        each.properties
        for each in parsed(image)[0]
        if "[deleted-later]" in each.properties["title"]
    )
    assert properties["file"] == "docker/Dockerfile,1"
    assert (properties["line"], properties["endLine"]) == ("2", "3")


def test_no_name_is_a_command(evil: Opened) -> None:
    """This holds at the start of a line, for the older syntax anywhere in it, and for escapes."""
    written = report(evil, "github").decode()
    assert "##[" not in written
    lines = written.split("\n")
    assert sum(line.lstrip().startswith("::") for line in lines) == len(parsed(evil)[0])
    assert "\r" not in written
    messages = "".join(annotation.message for annotation in parsed(evil)[0])
    assert "\n::error" not in messages
    assert "'%0A::error::owned'" in messages


def test_severities_are_mapped_to_levels(tmp_path: Path) -> None:
    choices = {
        "apt-lists": RuleChoice(severity="error"),
        "deleted-later": RuleChoice(severity="note"),
    }
    annotations, _ = parsed(opened(tmp_path / "evil.tar", hostile(), Options(rules=choices)))
    levels = {each.properties["title"].rpartition("[")[2]: each.level for each in annotations}
    assert levels["apt-lists]"] == "error"
    assert levels["deleted-later]"] == "notice"
    assert annotations[0].level == "error"


def test_damage_is_an_error(tmp_path: Path) -> None:
    cut = layer_tar([file("a", b"a"), file("b", b"b" * 5000)])[: 4 * BLOCK]
    annotations, _ = parsed(opened(tmp_path / "cut.tar", docker_archive([cut])))
    assert annotations[0].level == "error"
    assert "damaged at byte" in annotations[0].message
