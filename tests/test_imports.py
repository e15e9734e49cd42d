"""Every module can be imported alone, and a command loads no more than it needs."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

import layerscope
from tests.images import docker_archive, file, layer_tar, write

MODULES = [
    "layerscope",
    *(found.name for found in pkgutil.walk_packages(layerscope.__path__, "layerscope.")),
]

_ALONE = """
import importlib, json, sys
failed, loaded = {}, {}

def begin_with(name):
    for module in [each for each in sys.modules if each.partition(".")[0] == "layerscope"]:
        del sys.modules[module]
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = repr(error)
    loaded[name] = {each for each in sys.modules if each.partition(".")[0] == "layerscope"}

for name in sys.argv[1:]:
    package = name.rpartition(".")[0]
    if package and package not in loaded:
        begin_with(package)
    if name not in loaded.get(package, ()):
        begin_with(name)
print(json.dumps(failed))
"""
"""Imports each module first; one that its package imports anyway is no other beginning than that."""

_LOADED = """
import sys
from layerscope.cli import run
code = run(sys.argv[1:])
print("", *(name for name in sys.modules if "." not in name), sep="\\n", file=sys.stderr)
sys.exit(code)
"""


def in_circles() -> list[str]:
    """Modules that import each other, also in functions: only for these it matters which comes first."""
    graph = grimp.build_graph("layerscope")
    for module in graph.modules:
        if package := module.rpartition(".")[0]:
            graph.add_import(importer=module, imported=package)
    return sorted(
        module
        for module in graph.modules
        if graph.find_upstream_modules(module) & graph.find_downstream_modules(module)
    )


def test_every_module_can_be_imported_first() -> None:
    """Whatever is imported first, no circle of imports shows."""
    for module in MODULES:
        importlib.import_module(module)
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, *in_circles()], capture_output=True, check=True, timeout=300
    )
    assert json.loads(done.stdout) == {}


def test_no_module_imports_itself() -> None:
    """No circle of imports, those for types included: a thing is understood without what uses it."""
    graph = grimp.build_graph("layerscope", cache_dir=None)
    ways = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(ways).prepare()


def loaded(*args: str) -> set[str]:
    """The packages that a command line loads."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *args], capture_output=True, check=True, timeout=60
    )
    return set(done.stderr.decode().split("\n"))


@pytest.mark.parametrize(
    ("args", "spared"),
    [
        (["report", "IMAGE", "--format", "json"], {"rich", "textual"}),
        (["report", "IMAGE"], {"rich", "textual"}),
        (["IMAGE"], {"rich", "textual"}),
        (["log", "IMAGE", "a"], {"rich", "textual"}),
        (["diff", "IMAGE", "IMAGE"], {"rich", "textual", "pygments"}),
        (["ls", "IMAGE"], {"rich", "textual", "pygments"}),
        (["cat", "IMAGE", "a"], {"rich", "textual", "pygments"}),
        (["extract", "IMAGE", "a", "--output", "FOLDER"], {"rich", "textual", "pygments"}),
        (["--help"], {"rich", "textual"}),
        (["--version"], {"rich", "textual", "numpy", "msgspec", "docker", "urllib3", "yaml"}),
    ],
)
def test_a_command_loads_no_screen_that_it_does_not_need(
    tmp_path: Path, args: list[str], spared: set[str]
) -> None:
    image = write(tmp_path / "image.tar", docker_archive([layer_tar([file("a", b"a")])]))
    words = {"IMAGE": str(image), "FOLDER": str(tmp_path / "folder")}
    found = loaded(*(words.get(word, word) for word in args))
    assert "layerscope" in found
    assert not found & spared


def test_the_explorer_loads_no_findings_before_its_first_frame() -> None:
    """They are imported once there are some."""
    code = "import sys, layerscope.tui.app, layerscope.tui.screens.explore; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    found = set(done.stdout.decode().split("\n"))
    assert "layerscope.tui.widgets.summary_list" in found
    assert not {name for name in found if name.startswith("layerscope.analysis.findings")}
    assert not found & {"docker", "hyperscan", "yaml"}
