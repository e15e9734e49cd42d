"""Every module can be imported first, and a command imports only what it needs."""

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
print("", *sys.modules, sep="\\n", file=sys.stderr)
sys.exit(code)
"""
_BEFORE_A_FRAME = (
    "import sys, layerscope.cli.open, layerscope.tui.app; print(*sys.modules, sep='\\n')"
)
_READING = {"backports", "click", "isal", "msgspec", "numpy", "platformdirs", "typing_extensions"}
"""Packages that every command loads that reads an image."""
_WORDS = _READING | {"humanize"}


def in_circles() -> list[str]:
    """Modules that import each other, even inside functions: only for these does the order matter."""
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
    """No circular import appears, whichever module is imported first."""
    for module in MODULES:
        importlib.import_module(module)
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, *in_circles()], capture_output=True, check=True, timeout=300
    )
    assert json.loads(done.stdout) == {}


def test_no_imports_are_circular() -> None:
    """Imports for types count, too."""
    graph = grimp.build_graph("layerscope", cache_dir=None)
    ways = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(ways).prepare()


def loaded(*args: str) -> set[str]:
    """The modules that a command line imports."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *args], capture_output=True, check=True, timeout=60
    )
    return set(done.stderr.decode().split("\n"))


def packages(modules: set[str]) -> set[str]:
    """The third-party packages among modules."""
    named = {module.partition(".")[0] for module in modules if module.isascii()}
    spared = {"layerscope", *sys.stdlib_module_names}
    return {name for name in named if name.isidentifier() and name not in spared and name[0] != "_"}


def count_own(modules: set[str]) -> int:
    """The number of layerscope's modules."""
    return sum(module.partition(".")[0] == "layerscope" for module in modules)


@pytest.mark.parametrize(
    ("args", "most", "allowed"),
    [
        (["--version"], 10, {"click"}),
        (["--help"], 40, {"click", "msgspec", "typing_extensions"}),
        (["report", "--help"], 45, {"click", "msgspec", "typing_extensions"}),
        (["build", "--help"], 15, {"click"}),
        (["ci", "--help"], 50, {"click", "msgspec", "typing_extensions"}),
        (["ls", "--help"], 20, {"click"}),
        (["report", "IMAGE", "--format", "json"], 280, _READING | {"hyperscan"}),
        (["report", "IMAGE"], 280, _WORDS | {"hyperscan"}),
        (["IMAGE"], 280, _WORDS | {"hyperscan"}),
        (["log", "IMAGE", "a"], 180, _WORDS),
        (["diff", "IMAGE", "IMAGE"], 291, _WORDS | {"hyperscan"}),
        (["series", "IMAGE", "IMAGE"], 225, _WORDS),
        (["ls", "IMAGE"], 170, _READING),
        (["cat", "IMAGE", "a"], 170, _READING),
        (["extract", "IMAGE", "a", "--output", "FOLDER"], 175, _WORDS),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_a_command_imports_only_what_it_needs(
    tmp_path: Path, args: list[str], most: int, allowed: set[str]
) -> None:
    """It imports no unused package and few more modules than when this was measured: imports are most of the start-up time."""
    image = write(tmp_path / "image.tar", docker_archive([layer_tar([file("a", b"a")])]))
    words = {"IMAGE": str(image), "FOLDER": str(tmp_path / "folder")}
    modules = loaded(*(words.get(word, word) for word in args))
    assert "layerscope" in modules
    assert packages(modules) <= allowed
    assert count_own(modules) <= most


def test_the_explorer_imports_little_before_its_first_frame() -> None:
    """numpy and the modules that read layers and run rules are imported later."""
    done = subprocess.run(
        [sys.executable, "-c", _BEFORE_A_FRAME], capture_output=True, check=True, timeout=60
    )
    modules = set(done.stdout.decode().split("\n"))
    allowed = {"click", "msgspec", "platformdirs", "rich", "textual", "typing_extensions"}
    assert "layerscope.tui.widgets.summary_list" in modules
    assert packages(modules) <= allowed
    assert count_own(modules) <= 120
    assert not {
        name
        for name in modules
        if name.startswith(("layerscope.analysis.findings", "layerscope.filesystem"))
    }
