"""`--dockerfile`: its errors are reported before the image is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.cli import run
from layerscope.errors import ExitCode


@pytest.mark.parametrize(
    "command",
    [[], ["demo"], ["report", "x.tar"], ["ci", "x.tar"]],
    ids=["open", "demo", "report", "ci"],
)
def test_an_unreadable_dockerfile_is_named(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the file, and the exit code is that of a wrong option."""
    path = tmp_path / "Dockerfile"
    image = [] if command else ["no-image.tar"]
    assert run([*command, "--dockerfile", str(path), *image]) == ExitCode.USAGE
    assert f"{path}: No such file" in capsys.readouterr().err
    path.write_bytes(b"hello\n")
    assert run([*command, "--dockerfile", str(path), *image]) == ExitCode.USAGE
    assert f"{path}: not a Dockerfile: no FROM" in capsys.readouterr().err


def test_commands_without_findings_have_no_dockerfile_option(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["ls", "--dockerfile", "x", "image.tar"]) == ExitCode.USAGE
    assert "--dockerfile" in capsys.readouterr().err
