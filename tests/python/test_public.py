"""The public names, their types, and the cost of importing them."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import layerscope
from layerscope import python
from layerscope.errors import LayerscopeError

GOLDEN = Path(__file__).with_name("public.txt")
"""Every public name with its type. Additions are fine; a line that changes or goes breaks somebody's program."""


def interface() -> list[str]:
    """The lines of `GOLDEN`."""
    lines = []
    for name in layerscope.__all__:
        member = getattr(layerscope, name)
        if name == "__version__":
            continue
        if not inspect.isclass(member):
            lines.append(f"{name}{inspect.signature(member)}")
        elif issubclass(member, LayerscopeError):
            lines.append(f"{name}: {member.__mro__[1].__name__}")
        elif is_dataclass(member):
            lines += [f"{name}.{field.name}: {field.type}" for field in fields(member)]
        else:
            lines += [f"{name}.{line}" for line in _members(member)]
    return lines


def _members(kind: type) -> list[str]:
    lines = []
    for name, member in inspect.getmembers(kind):
        if name.startswith("_"):
            continue
        function = getattr(member, "fget", None) or getattr(member, "func", None)
        if function is not None:
            lines.append(f"{name}: {inspect.signature(function).return_annotation}")
        elif callable(member):
            lines.append(f"{name}{inspect.signature(member)}")
        else:
            lines.append(f"{name} = {member}")
    return lines


def test_public_names_do_not_change() -> None:
    """UPDATE_SNAPSHOTS=1 writes the list again."""
    names = "".join(f"{line}\n" for line in interface())
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        GOLDEN.write_text(names)
    assert GOLDEN.read_text().split("\n") == names.split("\n")


def test_the_stub_and_the_package_have_the_same_names() -> None:
    assert sorted(layerscope.__all__) == sorted(python.__all__)
    assert set(layerscope.__all__) <= set(dir(layerscope))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        layerscope.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_importing_loads_almost_no_modules() -> None:
    """Even numpy is loaded only when something is opened."""
    code = "import sys; before = set(sys.modules); import layerscope; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert done.stdout.decode().split() == ["layerscope"]


def test_types_are_published() -> None:
    """The package has the marker of PEP 561 and a stub with all names."""
    folder = Path(layerscope.__file__).parent
    assert (folder / "py.typed").exists()
    assert re.search(r"from layerscope\.python import \*", (folder / "__init__.pyi").read_text())
