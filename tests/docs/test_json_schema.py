"""docs/json-schema.md: it has every key of every document, and agrees with the schemas of the package."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from layerscope import cli
from layerscope.analysis.compare.steps import StepChange
from layerscope.analysis.gate.verdict import Outcome, Unit
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.layers.index import KIND_NAMES, Kind
from layerscope.site import SITE
from layerscope.words import Cause, Change, Confidence, Extent, ReleaseOrder, Severity, StepKind
from tests import json_documents
from tests.analysis.series.releases import Made, release
from tests.analysis.series.test_causes import app
from tests.docs.json_schemas import FOLDER, schema_texts
from tests.docs.json_schemas import documents as documents_of_the_page
from tests.docs.page import marked_table, read
from tests.docs.running import document
from tests.fleet.running import written
from tests.images import archive as packed
from tests.images import (
    device,
    docker_archive,
    docker_files,
    fifo,
    file,
    hardlink,
    layer_tar,
    oci_files,
    symlink,
    unknown,
    whiteout,
    write,
)
from tests.report.diff_sample import new_image, old_image, risky_image
from tests.sources.image_files import BASE, LAYERS
from tests.sources.registry.server import MANIFEST, Registry
from tests.sources.stores import docker_store


def _declared(name: str) -> dict[str, str]:
    """Key → type, from the page."""
    table = marked_table("json-schema.md", f"json: {name}")
    return dict(zip(table.column("key"), table.column("type"), strict=True))


def _values(value: Any, declared: Mapping[str, str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value below a document with its key as on the page; contents of maps and documented objects are left out."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from _values(item, declared, f"{path}[]")
    elif isinstance(value, dict):
        for key, inner in value.items():
            name = f"{path}.{key}" if path else key
            yield name, inner
            kind = declared.get(name, "")
            has_keys = any(other.startswith((f"{name}.", f"{name}[]")) for other in declared)
            if not kind.startswith("map") and (has_keys or name not in declared):
                yield from _values(inner, declared, name)


def _check(name: str, documents: list[Any]) -> None:
    """Assert that the documents together have exactly the keys of the page, and that the values match its schema."""
    declared = _declared(name)
    keys = {key for one in documents for key, _ in _values(one, declared)}
    assert keys == set(declared)


@pytest.fixture
def images(tmp_path: Path, demo_image: Path) -> list[Path]:
    """Images with everything that a report can have."""
    odd = layer_tar(
        [
            file("a/b/c", b"1"),
            hardlink("broken", "nowhere"),
            symlink("link", "a"),
            device("null", 1, 3),
            device("disk", 8, 0, block=True),
            fifo("pipe"),
            unknown("odd"),
        ]
    )
    top = layer_tar([whiteout("a"), file("x", b"2" * 1000, mode=0o600), file("x", b"3")])
    config: dict[str, object] = {"config": {"Volumes": {"/data": {}}}, "created": None}
    damaged = docker_files([odd, layer_tar([file("a", bytes(range(256)) * 400)])])
    last = [name for name in damaged if name.endswith("/layer.tar")][-1]
    damaged[last] = damaged[last][:5000]
    two = docker_files([odd], tags=("one:1",))
    several = docker_files([top], tags=("two:1",), history=[])
    manifest = json.loads(two["manifest.json"]) + json.loads(several["manifest.json"])
    several = {**two, **several, "manifest.json": json.dumps(manifest).encode()}
    archives = {
        "odd.tar": docker_archive([odd, top, odd], config=config, history=[]),
        "damaged.tar": packed(damaged),
        "several.tar": packed(several),
        "rootfs.tar": odd,
        "old.tar": old_image(),
        "new.tar": new_image(),
    }
    return [demo_image, *(write(tmp_path / name, data) for name, data in archives.items())]


def test_reports_match_the_page(images: list[Path], tmp_path: Path) -> None:
    """They are made with and without the slow parts."""
    documents = [document(tmp_path, "report", str(image), "--files") for image in images]
    documents.append(document(tmp_path, "report", str(images[0]), "--no-duplicates"))
    with Registry() as registry:
        repository = registry.repository()
        subject = repository.push(oci_files([layer_tar([file("a", b"1")])]))
        signature = {"mediaType": MANIFEST, "digest": subject, "size": 1, "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json"}  # fmt: skip
        repository.referrers[subject] = [signature]
        documents.append(document(tmp_path, "report", registry.reference(), "--files"))
    _check("report", documents)


def test_comparisons_match_the_page(tmp_path: Path) -> None:
    """They are made in both directions, with devices, and for some paths only."""
    old = write(tmp_path / "old.tar", old_image())
    new = write(tmp_path / "new.tar", new_image())
    devices = docker_archive([layer_tar([device("dev/null", 1, 5), file("a/b", b"1")])])
    other = write(tmp_path / "other.tar", devices)
    risky = write(tmp_path / "risky.tar", risky_image())
    pairs = [(old, new), (new, old), (old, other), (other, new), (old, risky), (risky, old)]
    documents = [document(tmp_path, "diff", str(a), str(b)) for a, b in pairs]
    documents.append(document(tmp_path, "diff", str(old), str(new), "--paths", "app"))
    _check("diff", documents)


def test_series_match_the_page(tmp_path: Path) -> None:
    """They are made with and without layers to fetch, and with a damaged release."""
    images = [
        write(tmp_path / f"{number}.tar", release(steps))
        for number, steps in enumerate([app(), app(b"two", mtime=2, built=2), app()[:2]])
    ]
    cut = docker_files([layer_tar([file("a", bytes(range(256)) * 400)])])
    name = next(name for name in cut if name.endswith("/layer.tar"))
    broken = write(tmp_path / "broken.tar", packed({**cut, name: cut[name][:5000]}))
    labels = [
        write(
            tmp_path / f"label-{n}.tar",
            release(
                [
                    Made("COPY . /a", [file("a/x", b"%d" % n)]),
                    Made("RUN pip install x", [file("x", b"x" * 200_000, mtime=n)]),
                ],
                compress=None,
                layout=False,
            ),
        )
        for n in range(2)
    ]
    odd = write(tmp_path / "odd.tar", release([Made("bazel build", [file("a", b"a")])]))
    documents = [
        document(tmp_path, "series", *map(str, images)),
        document(tmp_path, "series", str(odd), str(images[0]), str(broken)),
        document(tmp_path, "series", *map(str, labels)),
    ]
    _check("series", documents)


def test_verdicts_match_the_page(
    demo_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are made with own rules, without rules, and against a baseline."""
    monkeypatch.chdir(tmp_path)
    configured = tmp_path / ".layerscope.toml"
    configured.write_text(
        '[ci]\nmax-wasted = "1 MB"\nmax-compressed-size = 1\nforbidden-paths = ".env"\n'
        '[[ignore]]\npath = "nowhere"\n'
    )
    strict = document(tmp_path, "ci", str(demo_image))
    configured.unlink()
    report = tmp_path / "baseline.json"
    assert cli.run(["report", str(demo_image), "--format", "json", "-o", str(report)]) == 0
    documents = [
        strict,
        document(tmp_path, "ci", str(demo_image)),
        document(tmp_path, "ci", str(demo_image), "--baseline", str(report)),
    ]
    _check("ci", documents)


def test_fleets_match_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They have all answers, a named base image, images that fail, and limits."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "images", 13)
    other = docker_archive([layer_tar([file("x", b"1")])], tags=[], config={"created": None})
    write(tmp_path / "other.tar", other)
    (tmp_path / ".layerscope.toml").write_text("[ci]\nmax-layers = 1\n")
    capsys.readouterr()
    documents = []
    for more in (["--no-duplicates"], ["none.tar", "--ci", "--max-stored", "1"]):
        assert cli.run(["fleet", "images", "other.tar", "-j", "1", "--format", "json", *more]) in (
            0,
            3,
        )
        documents.append(json.loads(capsys.readouterr().out))
    _check("fleet", documents)


def test_stores_match_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A store has images that share a layer, one of them dangling."""
    docker_store(tmp_path, [BASE], names=["other:1"])
    repositories = (tmp_path / "image/overlay2/repositories.json").read_bytes()
    docker_store(tmp_path, LAYERS, names=[])
    (tmp_path / "image/overlay2/repositories.json").write_bytes(repositories)
    assert cli.run(["images", "--store-root", str(tmp_path), "--format", "json"]) == 0
    _check("images", [json.loads(capsys.readouterr().out)])


def test_logs_match_the_page(images: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """They are for all paths, and for a directory."""
    written = []
    for image in (images[1], *images[-2:]):
        for path in ("**", "a", "app"):
            cli.run(["log", str(image), path, "--format", "json"])
            written.append(capsys.readouterr().out)
    _check("log", [json.loads(text) for text in written])


@pytest.mark.parametrize(("name", "command"), [("rules", ["rules"]), ("cache", ["cache", "info"])])
def test_lists_match_the_page(
    name: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """These are short documents of other commands."""
    assert cli.run([*command, "--format", "json"]) == 0
    _check(name, [json.loads(capsys.readouterr().out)])


def test_schemas_of_the_package_are_up_to_date() -> None:
    """`python -m tests.docs.generated` writes them."""
    assert {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()} == schema_texts()


@pytest.mark.parametrize("name", documents_of_the_page())
def test_schemas_are_valid(name: str) -> None:
    """Each is valid for its draft and has the address on the site as its ID."""
    from jsonschema import Draft202012Validator

    schema = json_documents.published(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"{SITE}schemas/{name}-1.0.json"


def test_schemas_allow_additional_keys(demo_image: Path, tmp_path: Path) -> None:
    """They reject another version, a missing key or another type. The check of the tests rejects other keys, too."""
    from jsonschema import Draft202012Validator

    report = document(tmp_path, "report", str(demo_image))
    validator = Draft202012Validator(json_documents.published("report"))
    totals = report["totals"]
    cases: list[tuple[dict[str, Any], bool, bool]] = [
        (report, True, True),
        ({**report, "totals": {**totals, "more": 1}}, True, False),
        ({**report, "schemaVersion": "2.0"}, False, False),
        ({**report, "totals": {**totals, "layers": None}}, False, False),
        ({**report, "totals": {**totals, "layers": -1}}, False, False),
        ({key: value for key, value in report.items() if key != "waste"}, False, False),
    ]
    for changed, allowed, same in cases:
        assert validator.is_valid(changed) == allowed
        json_documents.check("report", changed)
        if same:
            json_documents.raise_problems()
        else:
            with pytest.raises(AssertionError, match=r"^report: data"):
                json_documents.raise_problems()


def test_every_document_is_checked_in_the_tests() -> None:
    watched = {name for name, *_ in (*json_documents.WRITERS, *json_documents.MAKERS)}
    assert watched == set(documents_of_the_page())


def _listed(schema: Any, *keys: str) -> set[str]:
    """The possible values of a key, except null."""
    for key in keys:
        schema = schema.get("items", schema)["properties"][key]
    return set(schema.get("enum", schema.get("examples"))) - {None}


def test_listed_values_equal_those_of_the_code() -> None:
    report, diff, series, ci = map(json_documents.published, ("report", "diff", "series", "ci"))
    file = ("layers", "files")
    assert _listed(report, *file, "type") == {
        KIND_NAMES[kind] for kind in set(Kind) - {Kind.HARDLINK}
    }
    assert _listed(report, *file, "change") == {change.json_name for change in Change}
    assert _listed(report, "steps", "kind") == set(StepKind)
    assert _listed(report, "layers", "extent") == set(Extent)
    assert _listed(report, "findings", "severity") == set(Severity)
    assert _listed(report, "findings", "confidence") == set(Confidence)
    assert _listed(diff, "steps", "change") == set(StepChange) - {StepChange.SAME}
    assert _listed(series, "order") == set(ReleaseOrder)
    assert _listed(series, "hops", "cause") == set(Cause)
    assert _listed(ci, "checks", "outcome") == set(Outcome)
    assert _listed(ci, "checks", "unit") == set(Unit)


def test_every_value_of_why_is_explained() -> None:
    assert set(marked_table("json-schema.md", "why").column("value")) == set(WHY_NAMES.values())
    assert "udcXX" in read("json-schema.md")
