"""The JSON report: every key is always present, figures agree, and the same image gives the same bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.open import Opened, Options
from layerscope.report import ReportOptions
from layerscope.report.json import indented
from tests.images import BLOCK, Member, docker_archive, file, layer_tar, oci_archive
from tests.report import golden
from tests.report.sample import opened, report, sample
from tests.strategies import wild_layers

KEYS = {
    "": "schemaVersion image totals steps layers waste duplicates findings packages unowned warnings",
    "image": "reference tags id manifestDigest created os osVersion architecture variant source alternatives config referrers",
    "image.source": "kind location",
    "image.config": "env entrypoint cmd user workingDir labels exposedPorts volumes",
    "totals": "layers unknownLayers steps entries files paths compressedBytes tarBytes storedBytes liveBytes wastedBytes "
    "efficiency duplicateBytes avoidableBytes avoidableOwnBytes",
    "steps[]": "index layer kind instruction arguments buildArgs createdBy created author comment line",
    "layers[]": "index step digest diffId chainId mediaType repeatOf verified broken extent entries whiteouts "
    "compressedBytes tarBytes storedBytes netBytes wastedBytes hidesBytes changes",
    "layers[].changes": "added modified metadata removed",
    "waste": "byReason records",
    "waste.records[]": "path bytes reason storedIn hiddenBy",
    "duplicates[]": "bytes savingBytes digest paths",
    "warnings[]": "code layer message",
}
"""The keys of schema 1.0, in their order; more may come, none may go."""

FILE_KEYS = "path type bytes logicalBytes mode uid gid mtime linkTarget change why"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The sample, opened by a relative name, so that reports have no folder of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("sample"))
        yield opened(Path("sample.tar"), sample())


def document_of(image: Opened, *, files: bool = False) -> dict[str, Any]:
    decoded = json.loads(report(image, "json", ReportOptions(files=files)))
    assert isinstance(decoded, dict)
    return decoded


def objects_at(document: Any, where: str) -> list[dict[str, Any]]:
    """The objects at a path such as `layers[].changes`."""
    objects = [document]
    for part in where.split(".") if where else ():
        objects = [item[part.removesuffix("[]")] for item in objects]
        if part.endswith("[]"):
            objects = [each for item in objects for each in item]
    return objects


def test_the_report_is_as_it_was_last_reviewed(image: Opened) -> None:
    golden.check("sample.json", report(image, "json"))


def test_the_report_with_files_is_as_it_was_last_reviewed(image: Opened) -> None:
    golden.check("sample-files.json", report(image, "json", ReportOptions(files=True)))


def test_steps_and_findings_have_their_lines_of_the_dockerfile(tmp_path: Path) -> None:
    """A finding has the line to change, which is FROM if it is in the base image; null without a Dockerfile."""
    text = b"FROM base\n\nCOPY a /gone/\nRUN rm -rf /gone\n"
    layers = [
        layer_tar([file("old/a", b"o" * 300_000)]),
        layer_tar([file("old/.wh.a")]),
        layer_tar([file("gone/a", b"a" * 200_000)]),
        layer_tar([file("gone/.wh.a")]),
    ]
    history: list[dict[str, object]] = [
        {"created_by": "ADD file:base in /"},
        {"created_by": "RUN /bin/sh -c rm -rf /old # buildkit"},
        {"created_by": "COPY a /gone/ # buildkit"},
        {"created_by": "RUN /bin/sh -c rm -rf /gone # buildkit"},
    ]
    image = docker_archive(layers, history=history)
    for dockerfile, steps, lines in (
        (parse_dockerfile(text, "Dockerfile"), [None, None, 3, 4], {0: 1, 2: 3}),
        (None, [None] * 4, {0: None, 2: None}),
    ):
        options = Options(rules={}, dockerfile=dockerfile)
        document = document_of(opened(tmp_path / "a.tar", image, options))
        assert [step["line"] for step in document["steps"]] == steps
        deleted_later = [one for one in document["findings"] if one["rule"] == "deleted-later"]
        assert {one["steps"][0]: one["line"] for one in deleted_later} == lines


@pytest.mark.parametrize("where", KEYS)
def test_every_key_of_the_schema_is_always_present(image: Opened, where: str) -> None:
    objects = objects_at(document_of(image), where)
    assert objects
    for item in objects:
        assert list(item) == KEYS[where].split()


def test_files_of_no_package_are_listed_by_directory(image: Opened, tmp_path: Path) -> None:
    """Together with packages they add up to the live bytes; null if packages were not searched for."""
    assert document_of(image)["unowned"] is None
    status = b"Package: curl\nStatus: install ok installed\nVersion: 8\n\n"
    members = [
        file("var/lib/dpkg/status", status),
        file("var/lib/dpkg/info/curl.list", b"/usr/bin/curl\n"),
        file("usr/bin/curl", b"c" * 3_000),
        file(b"opt/caf\xe9/model.bin", b"m" * 90_000),
        file(b"opt/caf\xe9/other.bin", b"o" * 10_000),
    ]
    archive = docker_archive([layer_tar(members)])
    document = document_of(opened(tmp_path / "image.tar", archive, Options(rules={})))
    unowned = document["unowned"]
    assert list(unowned) == ["bytes", "files", "directories"]
    assert unowned["directories"][0] == {"path": "opt/caf\udce9", "bytes": 100_000, "files": 2}
    for key in ("bytes", "files"):
        assert sum(directory[key] for directory in unowned["directories"]) == unowned[key]
    owned = sum(package["bytes"] for package in document["packages"])
    assert (owned, owned + unowned["bytes"]) == (3_000, document["totals"]["liveBytes"])


def test_files_of_layers_are_listed_only_with_the_option(image: Opened) -> None:
    assert not any("files" in layer for layer in document_of(image)["layers"])
    for layer in document_of(image, files=True)["layers"]:
        assert list(layer) == [*KEYS["layers[]"].split(), "files"]
        for item in layer["files"]:
            assert list(item) == FILE_KEYS.split()


def test_the_same_image_gives_the_same_bytes(tmp_path: Path) -> None:
    options = ReportOptions(files=True)
    first, second = (
        report(opened(tmp_path / "image.tar", sample()), "json", options) for _ in range(2)
    )
    assert first == second


def test_options_for_people_do_not_change_the_document(image: Opened) -> None:
    odd = ReportOptions(binary_sizes=True, color=True, width=60)
    assert report(image, "json", odd) == report(image, "json")


def test_the_document_is_ascii_and_ends_with_a_newline(image: Opened) -> None:
    written = report(image, "json", ReportOptions(files=True))
    assert written.isascii()
    assert written.endswith(b"}\n")


def test_names_that_are_not_utf8_are_kept(image: Opened) -> None:
    written = report(image, "json", ReportOptions(files=True))
    assert b'"app/caf\\udce9"' in written
    paths = {item["path"].encode(errors="surrogateescape")
             for item in objects_at(json.loads(written), "layers[].files[]")}  # fmt: skip
    assert {b"app/caf\xe9", b"app/bell\x07 \x1b[31m\n", "usr/share/文書".encode()} <= paths


# --- Figures --------------------------------------------------------------------------------------


def check_figures(document: dict[str, Any]) -> None:
    """Assert that the figures of a report agree with each other."""
    totals, layers, records = document["totals"], document["layers"], document["waste"]["records"]
    stored = sum(layer["storedBytes"] for layer in layers)
    wasted = sum(record["bytes"] for record in records)
    assert totals["storedBytes"] == stored
    assert totals["wastedBytes"] == wasted == sum(layer["wastedBytes"] for layer in layers)
    assert totals["liveBytes"] == stored - wasted == sum(layer["netBytes"] for layer in layers)
    assert totals["efficiency"] == ((stored - wasted) / stored if stored else 1)
    assert totals["layers"] == len(layers)
    assert totals["entries"] == sum(layer["entries"] for layer in layers)
    assert totals["tarBytes"] == sum(layer["tarBytes"] for layer in layers)
    by_reason: Counter[str] = Counter()
    for record in records:
        assert record["bytes"] > 0
        assert record["storedIn"] <= record["hiddenBy"]
        by_reason[record["reason"]] += record["bytes"]
    assert document["waste"]["byReason"] == by_reason
    ranks = [
        (
            -record["bytes"],
            record["path"].encode(errors="surrogateescape").split(b"/"),
            record["storedIn"],
            record["hiddenBy"],
        )
        for record in records
    ]
    assert ranks == sorted(ranks)
    for layer in layers:
        own_records = [each for each in records if each["storedIn"] == layer["index"]]
        here = [each for each in records if each["hiddenBy"] == layer["index"]]
        lower = [each for each in here if each["storedIn"] < layer["index"]]
        assert layer["wastedBytes"] == sum(each["bytes"] for each in own_records)
        assert layer["hidesBytes"] == sum(each["bytes"] for each in lower)
        assert layer["netBytes"] == layer["storedBytes"] - sum(each["bytes"] for each in here)
        assert document["steps"][layer["step"]]["layer"] == layer["index"]
        counts = Counter(each["change"] for each in layer["files"])
        assert layer["changes"] == {change: counts[change] for change in layer["changes"]}
    for duplicate in document["duplicates"]:
        assert duplicate["savingBytes"] == duplicate["bytes"] * (len(duplicate["paths"]) - 1) > 0
    saving = sum(duplicate["savingBytes"] for duplicate in document["duplicates"])
    assert totals["duplicateBytes"] == saving
    assert [step["index"] for step in document["steps"]] == list(range(len(document["steps"])))
    layers = [step["layer"] for step in document["steps"] if step["layer"] is not None]
    assert layers == list(range(len(layers)))


def test_figures_agree_with_each_other(image: Opened) -> None:
    check_figures(document_of(image, files=True))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layers=wild_layers())
def test_figures_of_any_image_agree_with_each_other(
    tmp_path: Path, layers: list[list[Member]]
) -> None:
    tars = [layer_tar(members) for members in layers]
    check_figures(document_of(opened(tmp_path / "image.tar", docker_archive(tars)), files=True))


def test_kinds_of_steps_and_repeats_are_listed(image: Opened) -> None:
    document = document_of(image)
    assert [step["kind"] for step in document["steps"]] == [
        "files", "metadata", "files", "metadata", "attributes", "empty", "files", "files", "unchanged",
    ]  # fmt: skip
    assert [layer["repeatOf"] for layer in document["layers"]] == [None] * 6 + [5]
    assert document["steps"][2]["buildArgs"] == ["MORE=yes"]


# --- What is unknown ------------------------------------------------------------------------------


def test_skipped_parts_are_null(tmp_path: Path) -> None:
    tar = docker_archive([layer_tar([file("a", b"x"), file("b", b"x")])])
    options = Options(duplicates=False, verify_small=False)
    document = document_of(opened(tmp_path / "image.tar", tar, options))
    assert document["totals"]["duplicateBytes"] is None
    assert document["duplicates"] == []
    assert document["layers"][0]["verified"] is None
    assert document["totals"]["compressedBytes"] is None


def test_compressed_layers_add_up(tmp_path: Path) -> None:
    layers = [layer_tar([file("a", b"x" * 5000)]), layer_tar([file("b", b"y" * 5000)])]
    document = document_of(opened(tmp_path / "image.tar", oci_archive(layers, compress="zstd")))
    sizes = [layer["compressedBytes"] for layer in document["layers"]]
    assert document["totals"]["compressedBytes"] == sum(sizes) > 0
    assert [layer["verified"] for layer in document["layers"]] == [True, True]


def test_a_truncated_layer_has_the_offset(tmp_path: Path) -> None:
    tar = layer_tar([file("a", b"a"), file("b", b"b" * 5000)])[: 4 * BLOCK]
    layer = document_of(opened(tmp_path / "image.tar", docker_archive([tar])))["layers"][0]
    assert set(layer["broken"]) == {"offset", "message"}
    assert layer["broken"]["offset"] <= 4 * BLOCK


def test_an_image_without_layers_has_a_complete_document(tmp_path: Path) -> None:
    document = document_of(opened(tmp_path / "image.tar", docker_archive([], history=[])))
    assert list(document) == KEYS[""].split()
    assert document["totals"]["efficiency"] == 1
    assert document["layers"] == document["steps"] == []


def test_files_are_listed_one_per_line(image: Opened) -> None:
    lines = report(image, "json", ReportOptions(files=True)).decode().splitlines()
    listed = [line for line in lines if line.startswith('        {"path"')]
    document = document_of(image, files=True)
    assert [json.loads(line.rstrip(",")) for line in listed] == objects_at(
        document, "layers[].files[]"
    )


def test_texts_of_an_image_cannot_imitate_the_report(tmp_path: Path) -> None:
    """An image whose texts contain parts of a report changes no other part of it."""
    bait = '\n      "files": []'
    history: list[dict[str, object]] = [
        {"created_by": bait},
        {"created_by": "ENV X", "comment": bait, "empty_layer": True},
    ]
    tar = docker_archive(
        [layer_tar([file("a" + bait, b"a")])],
        history=history,
        config={"config": {"Labels": {bait: bait, "files": "[]"}, "Env": [bait]}},
    )
    document = document_of(opened(tmp_path / "image.tar", tar), files=True)
    assert [item["path"] for item in document["layers"][0]["files"]] == ["a" + bait]
    assert document["image"]["config"]["labels"][bait] == bait
    assert document["steps"][1]["comment"] == bait


@pytest.mark.parametrize("name", ["plain", "é", "\udcff", "😀", 'quote"\\ud800', "new\nline", ""])
def test_the_format_equals_that_of_json_dumps(name: str) -> None:
    """Both writers give the same lines."""
    document = {name: [1, 2.5, None, True, {}, []], "nested": [{"a": {"b": [name]}}, [[]]]}
    assert indented(document) == json.dumps(document, indent=2)
