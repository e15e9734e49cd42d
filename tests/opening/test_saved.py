"""A file of `layerscope save` gives the same results as its image, without contents; a corrupted one is an error."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.analysis.compare.comparison import compare
from layerscope.errors import (
    ContentsNotSavedError,
    CorruptImageError,
    LayerscopeError,
    LimitExceededError,
    UsageError,
)
from layerscope.image.dockerfile import parse_dockerfile
from layerscope.layers import saved_file
from layerscope.layers.packing import SAVED, Packed
from layerscope.limits import Limits
from layerscope.opening.open import Opened, Options, open_image
from layerscope.opening.saved import complete, pack_opened
from layerscope.progress import NullProgress
from layerscope.report import FORMATS, TABLES, ReportOptions, sbom
from layerscope.report.log import find_events, write_text
from layerscope.report.sbom.components import bill_of
from layerscope.settings import RuleChoice
from layerscope.sources import Request
from layerscope.sources.folder import saved_images
from tests.images import (
    archive,
    compressed,
    device,
    docker_archive,
    docker_files,
    fifo,
    file,
    hardlink,
    layer_tar,
    oci_archive,
    symlink,
    unknown,
    whiteout,
    write,
)
from tests.opening.corruption import corrupt, saved_bytes
from tests.report.diff_sample import new_image, old_image
from tests.report.sample import report, sample
from tests.strategies import Layers, wild_layers

KEY = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"QUJD" * 40 + b"\n"
ODD = layer_tar(
    [
        file("a/b/c", b"1"),
        hardlink("broken", "nowhere"),
        symlink("link", "a"),
        device("null", 1, 3),
        fifo("pipe"),
        unknown("odd"),
        file("x/copy", b"q" * 500),
        file("y/copy", b"q" * 500),
        hardlink("y/link", "x/copy"),
        file(b"caf\xe9", b"latin-1"),
    ]
)
TOP = layer_tar(
    [
        whiteout("a"),
        file("x/copy", b"q" * 500, mode=0o600),
        file("root/id_rsa", KEY),
        file("z", b""),
    ]
)
DOCKERFILE = "FROM scratch\nCOPY a /\nCOPY b /\n"


def _truncated_layer(data: bytes) -> bytes:
    files = docker_files([data, layer_tar([file("a", bytes(range(256)) * 400)])])
    last = [name for name in files if name.endswith("/layer.tar")][-1]
    return archive({**files, last: files[last][:5000]})


def _without_a_layer() -> bytes:
    files = docker_files([ODD, TOP])
    last = [name for name in files if name.endswith("/layer.tar")][-1]
    return archive({name: data for name, data in files.items() if name != last})


IMAGES = {
    "odd": docker_archive([ODD, TOP, ODD], tags=("odd:1", "odd:2")),
    "sample": sample(),
    "compressed": oci_archive([compressed(ODD, "gzip"), compressed(TOP, "zstd")]),
    "without layers": docker_archive([]),
    "empty layers": docker_archive([layer_tar([]), b""]),
    "damaged": _truncated_layer(ODD),
    "a layer is missing": _without_a_layer(),
    "root filesystem": ODD,
}


def opened(path: Path, *, limits: Limits | None = None, **options: Any) -> Opened:
    """An image with findings, without a cache."""
    request = Request(str(path)) if limits is None else Request(str(path), limits=limits)
    return open_image(request, Options(**{"rules": {}, "inventory": True, **options}))


def saved(image: Opened, path: Path) -> Path:
    """Save the image, and return the path."""
    return write(path, saved_bytes(pack_opened(complete(image, NullProgress()))))


def without_location(written: bytes) -> Any:
    """A JSON report without the image's location."""
    document = json.loads(written)
    document["image"] |= {"reference": None, "source": None}
    return document


def same(one: Opened, other: Opened) -> None:
    """Assert that reports, with files, are byte for byte the same except for locations."""
    texts = []
    for image in (one, other):
        text = report(image, "json", ReportOptions(files=True)).decode()
        location = json.loads(text)["image"]
        for value in (
            location["reference"],
            location["source"]["location"],
            location["source"]["kind"],
        ):
            text = text.replace(json.dumps(value), '"…"')
        texts.append(text)
    assert texts[0].split("\n") == texts[1].split("\n")


@pytest.mark.parametrize("name", IMAGES)
def test_the_report_is_the_same(tmp_path: Path, name: str) -> None:
    """The report with files is the same, and saving the saved image again writes the same bytes."""
    image = opened(write(tmp_path / "image.tar", IMAGES[name]))
    path = saved(image, tmp_path / "image.saved")
    again = opened(path)
    assert again.image.source_kind == "saved"
    assert again.has_contents == (not image.contents)
    same(image, again)
    assert again.damages() == image.damages()
    assert saved_bytes(pack_opened(again)) == path.read_bytes()


@pytest.mark.parametrize("name", ["odd", "sample"])
@pytest.mark.parametrize("form", [name for name in FORMATS if name != "json"])
def test_every_report_format_is_the_same(tmp_path: Path, name: str, form: str) -> None:
    """The reports differ only in the file's path and the kind of source."""
    image = opened(write(tmp_path / "image", IMAGES[name]))
    path = saved(image, tmp_path / "saved" / "image")
    first, second = (report(one, form).decode() for one in (image, opened(path)))
    first = first.replace(str(tmp_path / "image"), str(path)).replace("docker-archive", "saved")
    assert first.split("\n") == second.split("\n")


@settings(max_examples=40)
@given(wild_layers())
def test_random_images_have_the_same_report(
    tmp_path_factory: pytest.TempPathFactory, layers: Layers
) -> None:
    """The image and the saved one have the same report, and a comparison finds no difference."""
    folder = tmp_path_factory.mktemp("random")
    image = opened(write(folder / "image.tar", docker_archive([layer_tar(one) for one in layers])))
    again = opened(saved(image, folder / "image.saved"))
    same(image, again)
    assert not compare(image, again).differ


def test_saved_images_compare_like_the_images(tmp_path: Path) -> None:
    """The digests of all files are saved, including those that no other result needed."""
    old, new = (
        opened(write(tmp_path / name, data), verify_small=False, duplicates=False)
        for name, data in (("old.tar", old_image()), ("new.tar", new_image()))
    )
    files = [opened(saved(one, tmp_path / f"{n}.saved")) for n, one in enumerate((old, new))]
    expected = compare(old, new)
    for one, other in ((old, files[1]), (files[0], new), files):
        found = compare(one, other)
        assert found.files.paths.tolist() == expected.files.paths.tolist()
        assert found.files.kinds.tolist() == expected.files.kinds.tolist()


def test_a_dockerfile_is_saved(tmp_path: Path) -> None:
    """Lines and fixes refer to the Dockerfile; the name of its folder is not saved."""
    dockerfile = parse_dockerfile(DOCKERFILE.encode(), str(tmp_path / "secret-place/Dockerfile"))
    image = opened(write(tmp_path / "image.tar", IMAGES["odd"]), dockerfile=dockerfile)
    path = saved(image, tmp_path / "image.saved")
    again = opened(path)
    same(image, again)
    assert again.dockerfile_lines is not None
    assert again.dockerfile_lines.name == "Dockerfile"
    assert b"secret-place" not in packed_text(image)
    mine = opened(path, dockerfile=dockerfile)
    assert mine.dockerfile_lines is not None
    assert mine.dockerfile_lines.name == dockerfile.name
    other = parse_dockerfile(b"FROM scratch\n", "Other")
    with pytest.raises(UsageError, match="saved with another Dockerfile"):
        opened(path, dockerfile=other)
    plain = saved(opened(tmp_path / "image.tar"), tmp_path / "plain.saved")
    with pytest.raises(UsageError, match="saved without a Dockerfile"):
        opened(plain, dockerfile=dockerfile)


def packed_text(image: Opened) -> bytes:
    """All text in a saved file."""
    return repr(pack_opened(image).values).encode(errors="surrogateescape")


def test_locations_and_contents_are_not_saved(tmp_path: Path) -> None:
    """Neither the image's folder nor the contents of its files are in the saved file."""
    image = opened(write(tmp_path / "image.tar", IMAGES["odd"]))
    packed = pack_opened(image)
    raw = repr(packed.values).encode() + b"".join(each.tobytes() for each in packed.arrays.values())
    assert str(tmp_path).encode() not in raw
    assert KEY[40:80] not in raw
    assert b"id_rsa" in raw  # names are kept


def test_options_apply_to_saved_results(tmp_path: Path) -> None:
    """Duplicates and rules can be left out and severities changed; options that need contents are refused."""
    path = saved(opened(write(tmp_path / "image.tar", IMAGES["odd"])), tmp_path / "image.saved")
    full = opened(path)
    assert full.findings is not None
    assert full.duplicates
    first = full.findings.found[0]
    assert opened(path, duplicates=False).duplicates is None
    assert opened(path, rules=None, inventory=False).findings is None
    off = opened(path, rules={first.rule: RuleChoice(enabled=False)}).findings
    assert off is not None
    assert first.rule not in {*off.applied, *(one.rule for one in off.found)}
    small = opened(path, rules={first.rule: RuleChoice(min_bytes=first.bytes + 1)}).findings
    assert small is not None
    assert first.rule not in {one.rule for one in small.found}
    noted = opened(path, rules={first.rule: RuleChoice(severity="note")}).findings
    assert noted is not None
    assert {one.severity.value for one in noted.found if one.rule == first.rule} == {"note"}
    with pytest.raises(ContentsNotSavedError, match=r"contents are not in .*image\.saved"):
        opened(path, verify=True)


def test_results_that_were_not_computed_stay_unknown(tmp_path: Path) -> None:
    """The image was saved without duplicates and without verified digests."""
    image = opened(
        write(tmp_path / "image.tar", IMAGES["odd"]), duplicates=False, verify_small=False
    )
    again = opened(saved(image, tmp_path / "image.saved"))
    assert again.duplicates is None
    assert {again.verified(layer) for layer in range(3)} == {None}
    same(image, again)


def test_reading_contents_is_an_error(tmp_path: Path) -> None:
    """The error names the file."""
    again = opened(saved(opened(write(tmp_path / "a.tar", IMAGES["odd"])), tmp_path / "a.saved"))
    with pytest.raises(ContentsNotSavedError, match=r"a\.saved; open the image itself"):
        again.contents[0].digest(0)


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_compressed_files_open(tmp_path: Path, how: Any) -> None:
    """They are recognised by content, whatever their names."""
    image = opened(write(tmp_path / "image.tar", IMAGES["odd"]))
    path = saved(image, tmp_path / "image.saved")
    same(image, opened(write(tmp_path / "any.tar", compressed(path.read_bytes(), how))))


def test_a_tar_that_starts_with_the_magic_number_is_a_tar(tmp_path: Path) -> None:
    """A tar starts with a file name, which may be the magic number."""
    tar = layer_tar([file("layerscope saved\n", b"1")])
    assert tar.startswith(SAVED)
    assert opened(write(tmp_path / "image.tar", tar)).image.source_kind == "rootfs"


def test_saved_images_are_listed_in_their_folder(tmp_path: Path) -> None:
    """The picker lists saved images like the others of a folder."""
    saved(opened(write(tmp_path / "image.tar", IMAGES["odd"])), tmp_path / "image.saved")
    found = {image.location: image for image in saved_images(tmp_path)}
    assert found["image.saved"].source == "saved"
    assert list(found["image.saved"].tags) == ["odd:1", "odd:2"]
    assert found["image.saved"].id == found["image.tar"].id


def with_bytes_replaced(path: Path, position: int, data: bytes) -> Path:
    """A copy of a file with other bytes at a position."""
    whole = bytearray(path.read_bytes())
    whole[position : position + len(data)] = data
    return write(path.with_name("with_bytes_replaced.saved"), bytes(whole))


def test_other_formats_are_refused(tmp_path: Path) -> None:
    """The error says which version is needed."""
    path = saved(opened(write(tmp_path / "image.tar", IMAGES["odd"])), tmp_path / "image.saved")
    newer = saved_file.FORMAT + 2
    with pytest.raises(LayerscopeError) as error:
        opened(with_bytes_replaced(path, 20, newer.to_bytes(4, "little")))
    assert (
        f"was written by a newer layerscope (format {newer}); this one reads up to {saved_file.FORMAT}"
        in error.value.message
    )
    assert error.value.hint is not None
    with pytest.raises(LayerscopeError, match=r"an older layerscope \(format 0\)"):
        opened(with_bytes_replaced(path, 20, bytes(4)))


def test_damage_is_an_error(tmp_path: Path) -> None:
    """Flipped bits and truncation lead to an error or to the same report, as a few bits of zstd have no meaning."""
    image = opened(write(tmp_path / "image.tar", ODD))
    path = saved(image, tmp_path / "image.saved")
    whole, damaged = path.read_bytes(), tmp_path / "damaged"
    unnoticed = 0
    padding = range(len(SAVED), 20)
    for position in range(0, len(whole), 7):
        if position not in padding:
            flipped = bytearray(whole)
            flipped[position] ^= 1 << position % 8
            try:
                found = opened(write(damaged, bytes(flipped)))
            except LayerscopeError:
                continue
            same(image, found)
            unnoticed += 1
    assert unnoticed < 5
    for position in range(0, len(whole), 7):
        with pytest.raises(LayerscopeError):
            opened(write(damaged, whole[:position]))
    with pytest.raises(CorruptImageError, match="damaged"):
        opened(write(damaged, whole + b"more"))


@pytest.mark.parametrize(
    "name", ["metadata_bytes", "json_bytes", "json_values", "layers", "entries", "path_bytes"]
)
def test_limits_hold(tmp_path: Path, name: str) -> None:
    """The error names the limit."""
    path = saved(opened(write(tmp_path / "image.tar", IMAGES["odd"])), tmp_path / "image.saved")
    limits = Limits(**{name: 2})
    with pytest.raises(LimitExceededError, match=f"limit {name} exceeded"):
        opened(path, limits=limits)


def test_small_types_do_not_hide_large_arrays(tmp_path: Path) -> None:
    """The size of unpacked arrays in memory is limited."""
    image = opened(write(tmp_path / "image.tar", IMAGES["odd"]))
    packed = pack_opened(image)

    large = Packed(packed.values, {**packed.arrays, "more": np.zeros(100_000, np.int64)})
    path = write(tmp_path / "large.saved", saved_bytes(large))
    assert opened(path).duplicates
    with pytest.raises(LimitExceededError, match="metadata_bytes"):
        opened(path, limits=Limits(metadata_bytes=400_000))


@pytest.fixture(scope="module")
def saved_pairs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Opened, Packed]]:
    """Images, and what is saved of them."""
    folder = tmp_path_factory.mktemp("saved_pairs")
    images = [
        opened(write(folder / f"{number}.tar", data))
        for number, data in enumerate((IMAGES["odd"], new_image()))
    ]
    images = [complete(image, NullProgress()) for image in images]
    return _Pairs((image, pack_opened(image)) for image in images)


class _Pairs(list[tuple[Opened, Packed]]):
    def __repr__(self) -> str:
        return "saved images"  # failing examples print it


@pytest.mark.parametrize("column", ["findings.found.rule", "findings.packages.kind"])
def test_names_with_escape_sequences_are_refused_where_reports_print_them_unescaped(
    saved_pairs: list[tuple[Opened, Packed]], tmp_path: Path, column: str
) -> None:
    packed = next(packed for _, packed in saved_pairs if packed.values.get(column))
    names = ["\x1b]0;owned\x07"] * len(packed.values[column])
    corrupted = Packed({**packed.values, column: names}, packed.arrays)
    with pytest.raises(CorruptImageError):
        opened(write(tmp_path / "image.saved", saved_bytes(corrupted)))


@pytest.mark.parametrize("name", [b"\0", b"/", b"~"])
def test_unsorted_path_names_are_refused(
    saved_pairs: list[tuple[Opened, Packed]], tmp_path: Path, name: bytes
) -> None:
    """Paths are found by binary search, which needs sorted names."""
    _, packed = saved_pairs[0]
    changed = packed.arrays["table.names.data"].copy()
    changed[1] = ord(name)
    corrupted = Packed(packed.values, {**packed.arrays, "table.names.data": changed})
    with pytest.raises(CorruptImageError):
        opened(write(tmp_path / "image.saved", saved_bytes(corrupted)))


@settings(max_examples=100)
@given(st.integers(0, 2**32))
def test_corrupted_files_are_errors_or_safe_to_show(
    saved_pairs: list[tuple[Opened, Packed]], tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Any contents either fail to open or can be reported, without escape sequences reaching the terminal."""
    rng = random.Random(seed)
    image, packed = rng.choice(saved_pairs)
    for _ in range(rng.choice((1, 1, 1, 3))):
        _, packed = corrupt(packed, rng)
    path = tmp_path_factory.mktemp("corrupted") / "image.saved"
    try:
        path.write_bytes(saved_bytes(packed))
    except (OverflowError, TypeError):
        return  # cannot be written to a file
    try:
        found = opened(path)
    except LayerscopeError:
        return
    for form in FORMATS:
        for rows in TABLES if form == "csv" else ("steps",):
            assert b"\x1b" not in report(found, form, ReportOptions(files=True, table=rows))
    assert found.inventory is not None
    bill = bill_of(found, found.inventory, {})
    for form in sbom.FORMATS:
        sbom.writer_of(form)(bill, io.BytesIO())
    compare(image, found)
    events, _ = find_events(found, ["**"])
    write_text(found, events, io.BytesIO(), ReportOptions())
    found.filesystem.prepare()
    table = found.filesystem.table
    assert all(table.find(table.full(path)) is not None for path in range(len(table)))
