"""docs/architecture.md and docs/adding.md: the files, packages and tables that they name exist."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.docs.page import ROOT, read

ADDING = read("adding.md")
ARCHITECTURE = read("architecture.md")
EXAMPLES = {"layerscope/report/ndjson.py", "layerscope/report/gate/ndjson.py"}
"""Files that the reader of an example makes."""


def _files(page: str) -> list[str]:
    """Paths in a page: files, and directories with a trailing slash."""
    return sorted(set(re.findall(r"`((?:layerscope|tests|docs)/[\w./-]*)`", page)) - EXAMPLES)


@pytest.mark.parametrize("name", sorted({*_files(ADDING), *_files(ARCHITECTURE)}))
def test_named_files_exist(name: str) -> None:
    """The pages name existing files."""
    assert (ROOT / name).is_dir() if name.endswith("/") else (ROOT / name).is_file()


@pytest.mark.parametrize(
    ("table", "name"),
    sorted(set(re.findall(r"`(\w+)` in `(layerscope/[\w/]+\.py)`", ADDING))),
)
def test_named_tables_are_in_their_files(table: str, name: str) -> None:
    """Each table is in the file that the page names."""
    assert re.search(rf"^(?:class )?{table}\b", (ROOT / name).read_text(), re.MULTILINE)


def test_every_package_is_described() -> None:
    """All layers of the import contract are described, from top to bottom."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (order,) = (each for each in config["contracts"] if each["type"] == "layers")
    rows = re.findall(
        r"^\| (`.+?`) \|", ARCHITECTURE.partition("## From a reference")[0], re.MULTILINE
    )
    described = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    layers = [re.split(r" [|] ", layer) for layer in order["layers"]]
    assert sorted(described) == sorted(name for layer in layers for name in layer)
    ranks = {name: rank for rank, layer in enumerate(layers) for name in layer}
    assert [ranks[name] for name in described] == sorted(ranks.values())
