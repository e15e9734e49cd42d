"""Maps steps to lines of the Dockerfile; steps of the base image belong to FROM."""

from __future__ import annotations

from pathlib import Path

from layerscope.analysis.dockerfile_lines import DockerfileLines
from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.open import Opened, Options
from tests.images import docker_archive, file, layer_tar, whiteout
from tests.report.sample import opened

HISTORY: list[dict[str, object]] = [
    {"created_by": "/bin/sh -c #(nop) ADD file:" + "5a" * 32 + " in / "},
    {"created_by": 'CMD ["sh"]', "empty_layer": True},
    {"created_by": "RUN /bin/sh -c apt-get update && apt-get install -y demo # buildkit"},
    {"created_by": "RUN /bin/sh -c rm -rf /big # buildkit"},
]
LAYERS = [
    layer_tar([file("big", b"b" * 200_000)]),
    layer_tar([file("var/lib/apt/lists/main", b"m" * 200_000)]),
    layer_tar([whiteout("big")]),
]
TEXT = (
    "# syntax=docker/dockerfile:1\nFROM debian:12\n\nRUN apt-get update \\\n    # comment\n"
    "    && apt-get install -y demo\nRUN rm -rf /big\n"
)


def image(path: Path, text: str | None) -> Opened:
    dockerfile = None if text is None else parse_dockerfile(text.encode(), "Dockerfile")
    tar = docker_archive(LAYERS, history=HISTORY)
    return opened(path / "image.tar", tar, Options(rules={}, dockerfile=dockerfile))


def lines(path: Path, text: str) -> DockerfileLines:
    found = image(path, text).dockerfile_lines
    assert found is not None
    return found


def test_a_step_covers_all_lines_of_its_instruction(tmp_path: Path) -> None:
    found = lines(tmp_path, TEXT)
    assert found.of_steps([2]) == (4, 6)
    assert found.of_steps([3]) == (7, 7)


def test_steps_of_the_base_image_are_at_its_from(tmp_path: Path) -> None:
    found = lines(tmp_path, TEXT)
    assert found.base_steps == 2
    assert found.of_steps([0]) == found.of_steps([1, 3]) == (2, 2)


def test_of_several_steps_the_first_with_lines_counts(tmp_path: Path) -> None:
    found = lines(tmp_path, "FROM x\nRUN rm -rf /big\n")
    assert found.of_steps([3, 2]) == (2, 2)
    assert found.of_steps([]) is None


def test_a_dockerfile_of_another_image_has_no_lines(tmp_path: Path) -> None:
    found = lines(tmp_path, "FROM x\nCOPY somewhere /else\n")
    assert found.base_steps is None
    assert found.of_steps([0, 1, 2, 3]) is None


def test_a_changed_beginning_leaves_the_base_image_open(tmp_path: Path) -> None:
    """An instruction that changed since the build must not be attributed to the base image."""
    changed = "FROM x\nARG A=1\nRUN pip install something-else\nRUN rm -rf /big\n"
    found = lines(tmp_path, changed)
    assert found.base_steps is None
    assert found.of_steps([2]) is None
    assert found.of_steps([3]) == (4, 4)
    assert found.missing == (3,)
    assert found.mismatch() == (
        "the instruction of line 3 is not among the steps of the image: was it built from this file?"
    )


def test_a_changed_end_leaves_the_base_image_where_it_was(tmp_path: Path) -> None:
    """The mismatch is reported anyway; a missing ARG is no evidence, because it may create no step."""
    found = lines(tmp_path, TEXT + "ARG B\nCOPY new /new\nRUN true > /dev/null; echo something\n")
    assert found.base_steps == 2
    assert found.missing == (9, 10)
    said = found.mismatch()
    assert said is not None
    assert "lines 9, 10 are not among the steps" in said
    assert lines(tmp_path, TEXT + "ARG B\n").mismatch() is None


def test_the_dockerfile_decides_which_findings_belong_to_the_base(tmp_path: Path) -> None:
    """It is more reliable than the estimate without one."""

    def bases(text: str | None) -> dict[str, bool]:
        findings = image(tmp_path, text).findings
        assert findings is not None
        return {found.rule: found.base for found in findings.found}

    mine = bases(TEXT)
    assert mine["deleted-later"] is True
    assert mine["apt-lists"] is False
    theirs = bases("FROM x\nRUN rm -rf /big\n")
    assert theirs["apt-lists"] is True
