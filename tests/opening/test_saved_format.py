"""The format of saved files cannot change unnoticed: files of earlier versions must open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from layerscope.analysis.findings.finding import Findings
from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.packing import _VERSIONS
from layerscope.filesystem.paths import PathTable
from layerscope.layers import saved_file, store
from layerscope.opening import saved as opening_saved
from layerscope.opening.open import Options, open_image
from layerscope.report import ReportOptions
from layerscope.sources import Request
from layerscope.sources import saved as description
from tests.images import write
from tests.opening.corruption import saved_bytes
from tests.report.diff_sample import risky_image
from tests.report.sample import report

FOLDER = Path(__file__).parents[2] / "snapshots" / "saved"
LAYOUT = FOLDER / "layout.txt"
"""Every field that is packed into a file, and the formats of saved files and of the cache."""
_PACKED = (
    description._Description,
    opening_saved._Results,
    Findings,
    Inodes,
    PathTable,
)


def layout() -> Iterator[str]:
    """The lines of `LAYOUT`."""
    yield f"saved FORMAT {saved_file.FORMAT}"
    yield f"cache FORMAT {store.FORMAT}"
    yield f"versions: {' '.join(_VERSIONS)}"
    pending: list[Any] = list(_PACKED)
    known: set[Any] = set()
    while pending:
        kind = pending.pop(0)
        if kind in known:
            continue
        known.add(kind)
        if issubclass(kind, Enum):
            yield f"{kind.__name__} = {' '.join(str(each.value) for each in kind)}"
            continue
        hints = get_type_hints(kind)
        for field, annotation in kind.__annotations__.items():
            yield f"{kind.__name__}.{field}: {annotation}"
            pending += _within(hints[field])


def _within(hint: Any) -> Iterator[Any]:
    """The structs, dataclasses and enums that a type names."""
    if isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, msgspec.Struct | Enum)):
        yield hint
    for inner in get_args(hint):
        yield from _within(inner)


def test_the_layout_has_not_changed() -> None:
    """What to do if this fails:

    - A field was added: give it a default, so that `test_files_of_every_format_open` holds. The default is what files without it
      have.
    - A field was removed: nothing to do, if that test holds. A value of an enum was removed: it must still be read.
    - The meaning of a field, array or enum changed, or `store.FORMAT` was raised because of such a change: raise
      `saved_file.FORMAT`, have `opening/saved.py` translate files of the previous format (or raise `OLDEST`, so that they
      are refused), and add a golden file of the new format.

    Then rewrite the layout: UPDATE_SNAPSHOTS=1.
    """
    current = "".join(f"{line}\n" for line in layout())
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        LAYOUT.parent.mkdir(exist_ok=True)
        LAYOUT.write_text(current)
    assert LAYOUT.read_text() == current


def test_files_of_every_format_open(tmp_path: Path) -> None:
    """Each golden file opens with the same report as before; these files are never rewritten."""
    for number in range(saved_file.OLDEST, saved_file.FORMAT + 1):
        golden = FOLDER / f"format-{number}.saved"
        if not golden.exists():
            assert os.environ.get("UPDATE_SNAPSHOTS") == "1", f"no {golden.name} yet"
            image = open_image(
                Request(str(write(tmp_path / "image.tar", risky_image()))),
                Options(rules={}, inventory=True),
            )
            golden.write_bytes(saved_bytes(opening_saved.pack_opened(image)))
        opened = open_image(Request(str(golden)), Options(rules={}))
        text = report(opened, "json", ReportOptions(files=True))
        text = text.replace(str(golden).encode(), golden.name.encode())
        expected = FOLDER / f"format-{number}.json"
        if os.environ.get("UPDATE_SNAPSHOTS") == "1":
            expected.write_bytes(text)
        assert expected.read_text().split("\n") == text.decode().split("\n")
