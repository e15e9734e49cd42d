"""The JSON report is written row by row, and equals the output of `json`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from layerscope.opening.open import Options, open_image
from layerscope.report import ReportOptions, json_rows, writer_of
from layerscope.report.schema import document
from layerscope.sources import Request
from tests.images import docker_archive, file, layer_tar, write

NAMES = (
    b"plain",
    b'"records": []',
    b'\n    "records": []',
    b'\n      "files": []',
    b"back\\slash",
    b"tab\tdelete\x7f",
    "näme/日本/𝄞".encode(),
    b"\xff\xed\xb3\xbf/\xc3",
    b"a/b/c/d",
    b"a/b.c/d",
)


def both(folder: Path, members: list[list[Any]], *, duplicates: bool = True) -> tuple[str, str]:
    """A report as written, and as `json` writes it."""
    image = write(folder / "image.tar", docker_archive([layer_tar(layer) for layer in members]))
    opened = open_image(Request(str(image)), Options(duplicates=duplicates))
    stream = io.BytesIO()
    writer_of("json")(opened, stream, ReportOptions())
    return stream.getvalue().decode("ascii"), json.dumps(document(opened), indent=2) + "\n"


@pytest.mark.parametrize("block", [1, 3, 1 << 14])
def test_odd_names_are_valid_json(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names have quotes, control characters, other scripts, bytes that are not UTF-8, and text that looks like part of the report."""
    monkeypatch.setattr(json_rows, "BLOCK", block)
    wasted = [file(name, b"first") for name in NAMES]
    kept_files = [file(name, b"other") for name in NAMES]
    written, plain = both(tmp_path, [wasted, kept_files])
    assert written == plain
    document = json.loads(written)
    names = {name.decode(errors="surrogateescape") for name in NAMES}
    assert {record["path"] for record in document["waste"]["records"]} == names
    assert set(document["duplicates"][0]["paths"]) == names


@pytest.mark.parametrize("duplicates", [True, False])
def test_empty_lists_are_valid_json(tmp_path: Path, duplicates: bool) -> None:
    """There is no waste, no duplicate and no layer."""
    for layers in ([], [[file("a", b"1")]]):
        written, plain = both(tmp_path, layers, duplicates=duplicates)
        assert written == plain
