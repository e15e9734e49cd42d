"""A file of `layerscope save` is the image again, as far as anything without contents goes; one that lies is an error."""

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
from tests.opening.lies import lie, saved_bytes
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


def _cut(data: bytes) -> bytes:
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
    "damaged": _cut(ODD),
    "a layer is missing": _without_a_layer(),
    "root filesystem": ODD,
}


def opened(path: Path, *, limits: Limits | None = None, **options: Any) -> Opened:
    """An image with findings, without a cache."""
    request = Request(str(path)) if limits is None else Request(str(path), limits=limits)
    return open_image(request, Options(**{"rules": {}, "inventory": True, **options}))


def saved(image: Opened, path: Path) -> Path:
    """The image in a file."""
    return write(path, saved_bytes(pack_opened(complete(image, NullProgress()))))


def unplaced(written: bytes) -> Any:
    """A JSON report but for where the image lies."""
    document = json.loads(written)
    document["image"] |= {"reference": None, "source": None}
    return document


def same(one: Opened, other: Opened) -> None:
    """Both have the same report, files included, to the byte but for where they lie."""
    texts = []
    for image in (one, other):
        text = report(image, "json", ReportOptions(files=True)).decode()
        named = json.loads(text)["image"]
        for value in (named["reference"], named["source"]["location"], named["source"]["kind"]):
            text = text.replace(json.dumps(value), '"…"')
        texts.append(text)
    assert texts[0].split("\n") == texts[1].split("\n")


@pytest.mark.parametrize("name", IMAGES)
def test_the_report_is_the_same(tmp_path: Path, name: str) -> None:
    """To the byte, with its files; and again if the file is saved once more, which changes nothing."""
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
def test_every_format_says_the_same(tmp_path: Path, name: str, form: str) -> None:
    """Other formats name the image by its tags, and its file."""
    image = opened(write(tmp_path / "image", IMAGES[name]))
    path = saved(image, tmp_path / "saved" / "image")
    first, second = (report(one, form).decode() for one in (image, opened(path)))
    first = first.replace(str(tmp_path / "image"), str(path)).replace("docker-archive", "saved")
    assert first.split("\n") == second.split("\n")


@settings(max_examples=40)
@given(wild_layers())
def test_random_images_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, layers: Layers
) -> None:
    """Whatever layers do to each other, and comparing both finds no difference."""
    folder = tmp_path_factory.mktemp("random")
    image = opened(write(folder / "image.tar", docker_archive([layer_tar(one) for one in layers])))
    again = opened(saved(image, folder / "image.saved"))
    same(image, again)
    assert not compare(image, again).differ


def test_images_in_files_compare_as_the_images_do(tmp_path: Path) -> None:
    """All contents are known by their digests, also of layers that were not read for anything else."""
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


def test_a_dockerfile_is_kept(tmp_path: Path) -> None:
    """Lines and fixes are those of the Dockerfile; its folder is nobody's business."""
    dockerfile = parse_dockerfile(DOCKERFILE.encode(), str(tmp_path / "secret-place/Dockerfile"))
    image = opened(write(tmp_path / "image.tar", IMAGES["odd"]), dockerfile=dockerfile)
    path = saved(image, tmp_path / "image.saved")
    again = opened(path)
    same(image, again)
    assert again.written is not None
    assert again.written.name == "Dockerfile"
    assert b"secret-place" not in pack_text(image)
    mine = opened(path, dockerfile=dockerfile)
    assert mine.written is not None
    assert mine.written.name == dockerfile.name
    other = parse_dockerfile(b"FROM scratch\n", "Other")
    with pytest.raises(UsageError, match="saved with another Dockerfile"):
        opened(path, dockerfile=other)
    plain = saved(opened(tmp_path / "image.tar"), tmp_path / "plain.saved")
    with pytest.raises(UsageError, match="saved without a Dockerfile"):
        opened(plain, dockerfile=dockerfile)


def pack_text(image: Opened) -> bytes:
    """All texts of a file."""
    return repr(pack_opened(image).values).encode(errors="surrogateescape")


def test_no_place_and_no_content_is_kept(tmp_path: Path) -> None:
    """Neither where the image lay, nor what its files hold."""
    image = opened(write(tmp_path / "image.tar", IMAGES["odd"]))
    packed = pack_opened(image)
    raw = repr(packed.values).encode() + b"".join(each.tobytes() for each in packed.arrays.values())
    assert str(tmp_path).encode() not in raw
    assert KEY[40:80] not in raw
    assert b"id_rsa" in raw  # names are kept


def test_options_apply_to_what_was_recorded(tmp_path: Path) -> None:
    """Duplicates and rules can be left out, severities changed; what needs contents is refused."""
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


def test_what_was_not_looked_for_is_not_known(tmp_path: Path) -> None:
    """Saved without duplicates, and with some that nobody may have verified."""
    image = opened(
        write(tmp_path / "image.tar", IMAGES["odd"]), duplicates=False, verify_small=False
    )
    again = opened(saved(image, tmp_path / "image.saved"))
    assert again.duplicates is None
    assert {again.verified(layer) for layer in range(3)} == {None}
    same(image, again)


def test_contents_are_not_there(tmp_path: Path) -> None:
    """Reading one says so, by name."""
    again = opened(saved(opened(write(tmp_path / "a.tar", IMAGES["odd"])), tmp_path / "a.saved"))
    with pytest.raises(ContentsNotSavedError, match=r"a\.saved; open the image itself"):
        again.contents[0].digest(0)


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_compressed_files_open(tmp_path: Path, how: Any) -> None:
    """By their content, whatever they are called."""
    image = opened(write(tmp_path / "image.tar", IMAGES["odd"]))
    path = saved(image, tmp_path / "image.saved")
    same(image, opened(write(tmp_path / "any.tar", compressed(path.read_bytes(), how))))


def test_a_tar_of_that_name_is_a_tar(tmp_path: Path) -> None:
    """The first bytes of a tar are a name, and that may be the magic number."""
    tar = layer_tar([file("layerscope saved\n", b"1")])
    assert tar.startswith(SAVED)
    assert opened(write(tmp_path / "image.tar", tar)).image.source_kind == "rootfs"


def test_it_is_listed_in_its_folder(tmp_path: Path) -> None:
    """As the picker shows the images of a folder."""
    saved(opened(write(tmp_path / "image.tar", IMAGES["odd"])), tmp_path / "image.saved")
    found = {image.location: image for image in saved_images(tmp_path)}
    assert found["image.saved"].source == "saved"
    assert list(found["image.saved"].tags) == ["odd:1", "odd:2"]
    assert found["image.saved"].id == found["image.tar"].id


def doctored(path: Path, position: int, data: bytes) -> Path:
    """A file with other bytes at a position."""
    whole = bytearray(path.read_bytes())
    whole[position : position + len(data)] = data
    return write(path.with_name("doctored.saved"), bytes(whole))


def test_other_formats_are_refused_by_name(tmp_path: Path) -> None:
    """A newer one needs a newer layerscope."""
    path = saved(opened(write(tmp_path / "image.tar", IMAGES["odd"])), tmp_path / "image.saved")
    newer = saved_file.FORMAT + 2
    with pytest.raises(LayerscopeError) as error:
        opened(doctored(path, 20, newer.to_bytes(4, "little")))
    assert (
        f"was written by a newer layerscope (format {newer}); this one reads up to {saved_file.FORMAT}"
        in error.value.message
    )
    assert error.value.hint is not None
    with pytest.raises(LayerscopeError, match=r"an older layerscope \(format 0\)"):
        opened(doctored(path, 20, bytes(4)))


def test_any_damage_is_an_error(tmp_path: Path) -> None:
    """Flipped bits and cuts: never a traceback, never another report. A few bits of zstd mean nothing."""
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
    """Each is named; zeros that unpack to a thousand times as much are not unpacked."""
    path = saved(opened(write(tmp_path / "image.tar", IMAGES["odd"])), tmp_path / "image.saved")
    limits = Limits(**{name: 2})
    with pytest.raises(LimitExceededError, match=f"limit {name} exceeded"):
        opened(path, limits=limits)


def test_small_types_do_not_hide_large_arrays(tmp_path: Path) -> None:
    """What a file unpacks to is bounded by what it takes in memory."""
    image = opened(write(tmp_path / "image.tar", IMAGES["odd"]))
    packed = pack_opened(image)

    large = Packed(packed.values, {**packed.arrays, "more": np.zeros(100_000, np.int64)})
    path = write(tmp_path / "large.saved", saved_bytes(large))
    assert opened(path).duplicates
    with pytest.raises(LimitExceededError, match="metadata_bytes"):
        opened(path, limits=Limits(metadata_bytes=400_000))


@pytest.fixture(scope="module")
def truths(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Opened, Packed]]:
    """Images, and their files."""
    folder = tmp_path_factory.mktemp("truths")
    images = [
        opened(write(folder / f"{number}.tar", data))
        for number, data in enumerate((IMAGES["odd"], new_image()))
    ]
    images = [complete(image, NullProgress()) for image in images]
    return [(image, pack_opened(image)) for image in images]


def test_a_rule_has_a_name(truths: list[tuple[Opened, Packed]], tmp_path: Path) -> None:
    """Reports take it as it is: it is no way to the terminal."""
    _, packed = truths[0]
    names = ["\x1b]0;owned\x07"] * len(packed.values["findings.found.rule"])
    lied = Packed({**packed.values, "findings.found.rule": names}, packed.arrays)
    with pytest.raises(CorruptImageError):
        opened(write(tmp_path / "image.saved", saved_bytes(lied)))


@pytest.mark.parametrize("name", [b"\0", b"/", b"~"])
def test_names_of_paths_are_in_order(
    truths: list[tuple[Opened, Packed]], tmp_path: Path, name: bytes
) -> None:
    """A path is found by halving: with other names it would not be."""
    _, packed = truths[0]
    changed = packed.arrays["table.names.data"].copy()
    changed[1] = ord(name)
    lied = Packed(packed.values, {**packed.arrays, "table.names.data": changed})
    with pytest.raises(CorruptImageError):
        opened(write(tmp_path / "image.saved", saved_bytes(lied)))


@settings(max_examples=100)
@given(st.integers(0, 2**32))
def test_lies_are_errors_or_figures(
    truths: list[tuple[Opened, Packed]], tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """A file may say anything of an image; whoever shows it neither fails nor sends it to the terminal."""
    rng = random.Random(seed)
    image, packed = rng.choice(truths)
    for _ in range(rng.choice((1, 1, 1, 3))):
        _, packed = lie(packed, rng)
    path = tmp_path_factory.mktemp("lies") / "image.saved"
    try:
        path.write_bytes(saved_bytes(packed))
    except (OverflowError, TypeError):
        return  # no file holds this
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
