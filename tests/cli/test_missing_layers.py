"""Images with missing layers: each command covers the readable part, warns on stderr, and exits with 3."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from layerscope import cli
from layerscope.report import FORMATS
from layerscope.report.gate import FORMATS as GATE_FORMATS
from tests.images import archive, image_config, oci_archive, write
from tests.sources.image_files import BASE, CONFIG, LAYER, LAYERS, MANIFEST, TOP, Layout, dump

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
KINDS = {
    # name: the layers that the manifest names as (media type, tar, whether it is stored), and whether `a` can be read
    "no layers": ([], False),
    "one layer of two": ([(LAYER, BASE, True)], True),
    "blob that is absent": ([(LAYER, BASE, True), (LAYER, TOP, False)], True),
    "foreign layer": ([(FOREIGN, BASE, False), (LAYER, TOP, True)], True),
    "encrypted layer": ([(LAYER, BASE, True), (LAYER + "+encrypted", TOP, True)], True),
}
HISTORY = [{"created_by": "RUN /bin/sh -c true # buildkit"}] * 2
COMMANDS = [
    *(["report", "IMAGE", "--format", name] for name in FORMATS),
    *(["ci", "IMAGE", "--format", name] for name in GATE_FORMATS),
    ["diff", "IMAGE", "whole.tar"],
    ["diff", "whole.tar", "IMAGE"],
    ["diff", "IMAGE", "IMAGE"],
    ["diff", "IMAGE", "IMAGE", "--quiet"],
    ["log", "IMAGE", "a"],
    ["log", "IMAGE", "no/such"],
    ["ls", "IMAGE"],
    ["ls", "IMAGE", "no/such"],
    ["cat", "IMAGE", "a"],
    ["cat", "IMAGE", "no/such"],
    ["extract", "IMAGE", "a", "--output", "out"],
    ["extract", "IMAGE", "no/such", "--output", "out"],
]


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Write an image of that kind in this folder, beside a complete one."""
    layers, _ = KINDS[request.param]
    layout = Layout()
    manifest = {
        "config": layout.blob(CONFIG, image_config(LAYERS, history=HISTORY)),
        "layers": [layout.blob(kind, tar, stored=stored) for kind, tar, stored in layers],
    }
    write(
        tmp_path / "image.tar",
        archive(layout.finished_files([layout.blob(MANIFEST, dump(manifest))])),
    )
    write(tmp_path / "whole.tar", oci_archive(LAYERS))
    monkeypatch.chdir(tmp_path)
    return "image.tar"


@pytest.mark.parametrize("image", list(KINDS), indirect=True)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_reports_missing_layers(
    image: str, command: list[str], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """stderr names the file; the output is written anyway."""
    code = cli.run([image if word == "IMAGE" else word for word in command])
    out, err = map(bytes.decode, capsysbinary.readouterr())
    assert code == 3
    (warning,) = [line for line in err.splitlines() if "cannot be read" in line]
    assert image in warning
    assert "layer" in warning
    if command[0] in ("report", "ci"):
        assert out


@pytest.mark.parametrize("image", list(KINDS), indirect=True)
def test_the_report_has_every_layer(image: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Layers have diff ID and step; missing ones are marked as broken. --ignore-errors exits with 0."""
    assert cli.run(["report", image, "--format", "json", "--ignore-errors"]) == 0
    report = json.loads(capsysbinary.readouterr().out)
    assert [layer["step"] for layer in report["layers"]] == [0, 1]
    assert all(layer["diffId"] for layer in report["layers"])
    assert any(layer["broken"] for layer in report["layers"])
    assert all(layer["entries"] or layer["broken"] for layer in report["layers"])
    assert not any(finding["layers"] for finding in report["findings"])


@pytest.mark.parametrize("image", list(KINDS), indirect=True)
def test_the_compressed_size_of_a_missing_layer_is_unknown(
    image: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The total is unknown then, and no limit on it passes."""
    cli.run(["report", image, "--format", "json"])
    assert json.loads(capsysbinary.readouterr().out)["totals"]["compressedBytes"] is None
    cli.run(["ci", image, "--max-compressed-size", "1 GB", "--format", "json"])
    checks = json.loads(capsysbinary.readouterr().out)["checks"]
    (check,) = (check for check in checks if check["rule"] == "max-compressed-size")
    assert (check["outcome"], check["value"]) == ("skip", None)
