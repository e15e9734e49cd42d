"""Configs are compared setting by setting."""

from __future__ import annotations

from pathlib import Path

from layerscope.analysis.compare.config import compare_config
from layerscope.image.model import Image
from layerscope.sources import Request, open_source
from tests.images import docker_archive, layer_tar, write


def image(folder: Path, name: str, architecture: str = "amd64", **config: object) -> Image:
    data = docker_archive([layer_tar([])], config={"config": config, "architecture": architecture})
    return open_source(Request(str(write(folder / name, data)))).image


def words(old: Image, new: Image) -> list[tuple[object, ...]]:
    return [(item.field, item.name, item.old, item.new) for item in compare_config(old, new)]


def test_the_order_of_variables_is_no_difference_and_the_last_of_a_name_counts(
    tmp_path: Path,
) -> None:
    old = image(tmp_path, "old", Env=["A=1", "B=x=y", "C"])
    new = image(tmp_path, "new", Env=["C", "B=x=y", "A=0", "A=1"])
    assert words(old, new) == []


def test_added_and_removed_names(tmp_path: Path) -> None:
    """An empty value is a value."""
    old = image(tmp_path, "old", Env=["A=1", "B="], Labels={"l": "1"}, Volumes={"/a": {}})
    new = image(tmp_path, "new", Env=["A=2", "D="], Labels={"l": "2"}, ExposedPorts={"1/tcp": {}})
    assert words(old, new) == [
        ("env", "A", "1", "2"),
        ("env", "B", "", None),
        ("env", "D", None, ""),
        ("labels", "l", "1", "2"),
        ("exposedPorts", "1/tcp", None, ""),
        ("volumes", "/a", "", None),
    ]


def test_commands_users_folders_and_platforms(tmp_path: Path) -> None:
    """The order of words in a command matters."""
    old = image(tmp_path, "old", Cmd=["a", "b"], Entrypoint=["e"], User="1", WorkingDir="/a")
    new = image(tmp_path, "new", "arm64", Cmd=["b", "a"], User="2")
    assert words(old, new) == [
        ("platform", None, "linux/amd64", "linux/arm64"),
        ("entrypoint", None, ("e",), None),
        ("cmd", None, ("a", "b"), ("b", "a")),
        ("user", None, "1", "2"),
        ("workingDir", None, "/a", None),
    ]
