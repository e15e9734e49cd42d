"""docker-archive, as `docker save` and its imitators write it (moby's image spec 1.2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.errors import CorruptImageError
from tests.images import (
    archive,
    digest,
    directory,
    docker_archive,
    docker_files,
    file,
    hardlink,
    image_config,
    layer_tar,
    symlink,
)
from tests.sources.image_files import (
    BASE,
    LAYERS,
    NAMES,
    TOP,
    codes,
    dump,
    layers_of,
    open_path,
    refuse,
    save,
    unpack,
    unreadable,
    warning_message,
)

SECRET = b"root:secret"


def _simple(**item: object) -> dict[str, bytes]:
    """An archive with two layers at its top; `item` replaces fields of the manifest."""
    listed = {"Config": "config.json", "RepoTags": ["demo:1"], "Layers": ["0.tar", "1.tar"]}
    return {
        "0.tar": BASE,
        "1.tar": TOP,
        "config.json": image_config(LAYERS),
        "manifest.json": dump([listed | item]),
    }


@pytest.mark.parametrize("compress", [None, "gzip", "zstd"])
def test_an_archive_of_docker_opens(tmp_path: Path, compress: str | None) -> None:
    """Layers may be plain as in Docker's archives, or compressed as in those of crane and Jib."""
    data = docker_archive(LAYERS, compress=compress, tags=["demo:1", "demo:2"])  # type: ignore[arg-type]  # one of its values
    opened = open_path(save(tmp_path, data))
    assert layers_of(opened) == NAMES
    assert opened.image.tags == ("demo:1", "demo:2")
    assert opened.image.source_kind == "docker-archive"
    assert [layer.diff_id for layer in opened.image.layers] == [digest(layer) for layer in LAYERS]
    assert [opened.verified(number) for number in range(2)] == [True, True]
    assert (opened.warnings, opened.damages()) == ([], [])


def test_an_extracted_archive_opens(tmp_path: Path) -> None:
    """A folder with the members of an archive."""
    opened = open_path(unpack(tmp_path / "image", docker_files(LAYERS)))
    assert layers_of(opened) == NAMES
    assert opened.image.source_kind == "dir"


def test_keys_of_the_manifest_come_in_any_case(tmp_path: Path) -> None:
    """Jib before 2.3 wrote lower-case keys."""
    item = {"config": "config.json", "repoTags": ["demo:1"], "layers": ["0.tar", "1.tar"]}
    files = _simple() | {"manifest.json": dump([item])}
    opened = open_path(save(tmp_path, archive(files)))
    assert layers_of(opened) == NAMES
    assert opened.image.tags == ("demo:1",)


@pytest.mark.parametrize("tags", [None, [], "demo:1", [None, 7]])
def test_an_image_needs_no_name(tmp_path: Path, tags: object) -> None:
    """`RepoTags` is null for an image saved by ID; invalid values count as no names."""
    opened = open_path(save(tmp_path, archive(_simple(RepoTags=tags))))
    assert (layers_of(opened), opened.image.tags) == (NAMES, ())


def test_names_are_compared_after_cleaning(tmp_path: Path) -> None:
    """`./manifest.json` in the archive, `./0.tar` in the manifest."""
    files = _simple(Config="./config.json", Layers=["./0.tar", ".//1.tar"])
    tar = layer_tar([directory("."), *(file(f"./{name}", data) for name, data in files.items())])
    assert layers_of(open_path(save(tmp_path, tar))) == NAMES


def test_the_last_member_of_a_name_counts(tmp_path: Path) -> None:
    members = [file("manifest.json", b"[]"), file("0.tar", TOP)]
    members += [file(name, data) for name, data in _simple().items()]
    assert layers_of(open_path(save(tmp_path, layer_tar(members)))) == NAMES


def test_an_image_without_layers_opens(tmp_path: Path) -> None:
    """`Layers` may be null. Layers that only the config lists are missing."""
    for listed in (b"[]", b"null", b"{}"):
        files = _simple(Layers="?")
        files["manifest.json"] = files["manifest.json"].replace(b'"?"', listed)
        opened = open_path(save(tmp_path, archive(files)))
        assert layers_of(opened) == [[], []]
        assert len(opened.damages()) == 2
        empty = files | {"config.json": image_config([])}
        opened = open_path(save(tmp_path, archive(empty)))
        assert (layers_of(opened), opened.damages()) == ([], [])


@pytest.mark.parametrize(
    ("layers", "diff_ids", "places"),
    [
        (["0.tar"], [BASE, TOP], [0]),
        (["1.tar"], [BASE, TOP], [0]),  # its name says nothing
        ([f"{digest(TOP)[7:]}.tar"], [BASE, TOP], [1]),
        (["0.tar", f"{digest(TOP)[7:]}.tar"], [BASE, b"gone", TOP], [0, 2]),
        ([f"{digest(BASE)[7:]}.tar", "1.tar"], [b"gone", BASE, TOP], [1, 2]),
        ([f"{digest(BASE)[7:]}.tar"] * 2, [BASE, TOP, BASE], [0, 2]),
    ],
)
def test_a_diff_id_without_a_layer_is_a_layer_that_cannot_be_read(
    tmp_path: Path, layers: list[str], diff_ids: list[bytes], places: list[int]
) -> None:
    """Existing layers are placed by their digests where those are known."""
    names = {digest(data)[7:] + ".tar": data for data in LAYERS}
    config = image_config(diff_ids)
    files = _simple(Layers=layers) | names | {"config.json": config}
    opened = open_path(save(tmp_path, archive(files)))
    assert [layer.diff_id for layer in opened.image.layers] == [digest(data) for data in diff_ids]
    assert [number for number, index in enumerate(opened.indexes) if len(index)] == places
    missing = set(range(len(diff_ids))) - set(places)
    assert [damage[:22] for damage in opened.damages()] == [
        f"layer {number} cannot be read" for number in sorted(missing)
    ]
    assert "diff-id-count" in codes(opened)
    assert [step.layer for step in opened.image.steps] == list(range(len(diff_ids)))


@pytest.mark.parametrize("name", ["{}.json", "sha256:{}", "{}", "blobs/sha256/{}", "x/{}.json"])
def test_a_config_is_compared_with_the_digest_in_its_name(tmp_path: Path, name: str) -> None:
    """Most tools name it by its SHA-256; any other name claims nothing."""
    config = image_config(LAYERS)
    for claimed, warned in ((digest(config), []), (digest(b"other"), ["digest-mismatch"])):
        called = name.format(claimed[7:])
        files = _simple(Config=called) | {called: config}
        opened = open_path(save(tmp_path, archive(files)))
        assert (codes(opened), opened.image.id) == (warned, digest(config))


def test_images_of_one_config_are_one(tmp_path: Path) -> None:
    """It has all of their names. An image without its config causes a warning, an artifact does not."""
    files = _simple()
    whole = {"Config": "config.json", "Layers": ["0.tar", "1.tar"]}
    lost = {"Config": "lost.json", "RepoTags": ["lost:1"], "Layers": ["0.tar"]}
    chart = {"Config": "chart.json", "RepoTags": ["chart:1"], "Layers": ["0.tar"]}
    items = [lost, chart, whole | {"RepoTags": ["demo:1"]}, whole | {"RepoTags": ["demo:2"]}]
    path = save(
        tmp_path, archive(files | {"chart.json": b'{"name":"x"}', "manifest.json": dump(items)})
    )
    opened = open_path(path)
    assert (layers_of(opened), opened.image.alternatives) == (NAMES, ())
    assert opened.image.tags == ("demo:1", "demo:2")
    assert codes(opened) == ["layout-incomplete"]
    assert "lost:1" in warning_message(opened, "layout-incomplete")
    assert layers_of(open_path(path, image="demo:2")) == NAMES


# --- Links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("link_repeats", [True, False])
def test_a_layer_that_is_listed_twice_is_read_once(tmp_path: Path, link_repeats: bool) -> None:
    """Docker up to 24 links the second listing to the first; podman lists one path twice."""
    data = docker_archive([BASE, TOP, BASE], link_repeats=link_repeats)
    opened = open_path(save(tmp_path, data))
    assert layers_of(opened) == [*NAMES, NAMES[0]]
    assert [layer.repeat_of for layer in opened.image.layers] == [None, None, 0]
    if link_repeats:
        assert opened.indexes[0] is opened.indexes[2]


def test_layers_may_be_links_of_any_kind(tmp_path: Path) -> None:
    """Symlinks over several hops, relative or absolute, and hard links, before or after their target."""
    files = _simple(Layers=["x/first", "second"])
    members = [
        symlink("x/first", "../y/hop"),
        symlink("y/hop", "/deep/er/./../0.tar"),
        hardlink("second", "./1.tar"),
        symlink("deep/0.tar", "../0.tar"),
        *(file(name, data) for name, data in files.items()),
    ]
    assert layers_of(open_path(save(tmp_path, layer_tar(members)))) == NAMES


@pytest.mark.parametrize(
    "links",
    [
        [symlink("0.tar", "0.tar")],
        [symlink("0.tar", "x"), symlink("x", "0.tar")],
        [hardlink("0.tar", "x"), symlink("x", "./0.tar")],
        [symlink("0.tar", "x0"), *(symlink(f"x{n}", f"x{n + 1}") for n in range(100))],
    ],
)
def test_circular_links_are_reported(tmp_path: Path, links: list) -> None:  # type: ignore[type-arg]
    """Very long chains of links are, too."""
    files = _simple()
    del files["0.tar"]
    tar = layer_tar([*(file(name, data) for name, data in files.items()), *links])
    assert "symlink loop" in str(refuse(save(tmp_path, tar)))


def test_links_never_lead_to_files_of_this_machine(tmp_path: Path) -> None:
    """Absolute targets and those with `..` name members, or nothing."""
    secret = save(tmp_path, layer_tar([file("secret", SECRET)]), "secret.tar")
    files = _simple()
    del files["0.tar"]
    up = "../" * 20
    for target in (str(secret), up + str(secret), "../secret.tar", "secret.tar"):
        members = [file(name, data) for name, data in files.items()]
        for link in (symlink("0.tar", target), hardlink("0.tar", target)):
            damage = unreadable(save(tmp_path, layer_tar([*members, link])))
            assert (
                damage == "layer 0 cannot be read: its file ('0.tar') is missing from the archive"
            )


@pytest.mark.parametrize("key", ["Config", "Layers"])
def test_names_never_lead_to_files_of_this_machine(tmp_path: Path, key: str) -> None:
    """In archives and in folders: absolute names and `..` in a manifest name nothing."""
    secret = save(tmp_path, BASE, "secret.tar")
    for name in (
        str(secret),
        "../secret.tar",
        "x/../../secret.tar",
        "/" + "../" * 20 + str(secret),
    ):
        files = _simple(**{key: name if key == "Config" else [name, "1.tar"]})
        for path in (save(tmp_path, archive(files)), unpack(tmp_path / "image", files)):
            message = str(refuse(path)) if key == "Config" else unreadable(path)
            assert "missing from the archive" in message


# --- Damage ---------------------------------------------------------------------------------------


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    """Without the config, no image opens; without a layer, everything else is shown."""
    files = _simple()
    del files["config.json"]
    error = refuse(save(tmp_path, archive(files)))
    assert "the config ('config.json') is missing from the archive" in str(error)
    assert error.hint is not None
    files = _simple()
    del files["1.tar"]
    path = save(tmp_path, archive(files))
    assert layers_of(open_path(path)) == [NAMES[0], []]
    assert (
        unreadable(path) == "layer 1 cannot be read: its file ('1.tar') is missing from the archive"
    )


@pytest.mark.parametrize("item", [{"Layers": [None, "1.tar"]}, {"Layers": [{}, []]}])
def test_a_layer_must_have_a_name(tmp_path: Path, item: dict[str, object]) -> None:
    assert "lists no file for layer 0" in str(refuse(save(tmp_path, archive(_simple(**item)))))


@pytest.mark.parametrize(
    "manifest", [b"", b"[", b"{}", b"null", b"[]", b"[1]", b'[{"Config":7}]', b'[{"Layers":[]}]']
)
def test_a_manifest_without_an_image_is_reported(tmp_path: Path, manifest: bytes) -> None:
    """It may be broken JSON, or another JSON document."""
    assert "manifest.json" in str(
        refuse(save(tmp_path, archive(_simple() | {"manifest.json": manifest})))
    )


def test_a_damaged_config_is_reported(tmp_path: Path) -> None:
    for config in (b"", b"{", b"[" * 100_000, b"\x00\xff"):
        error = refuse(save(tmp_path, archive(_simple() | {"config.json": config})))
        assert "the config" in str(error)


def test_diff_ids_that_do_not_match_are_warnings(tmp_path: Path) -> None:
    """Fewer, none or wrong ones: the image opens."""
    cases: list[tuple[list[object], list[str]]] = [
        ([digest(BASE)], ["diff-id-count"]),
        ([], ["diff-id-count"]),
        ([digest(BASE), digest(b"other")], ["diff-id-mismatch"]),
        ([7, "sha256:../../x"], []),
    ]
    for diff_ids, expected in cases:
        config = image_config(LAYERS, config={"rootfs": {"type": "layers", "diff_ids": diff_ids}})
        opened = open_path(save(tmp_path, archive(_simple() | {"config.json": config})))
        assert (layers_of(opened), codes(opened)) == (NAMES, expected)
    assert [layer.diff_id for layer in opened.image.layers] == [None, None]


def test_damage_of_a_layer_is_reported_and_the_rest_shown(tmp_path: Path) -> None:
    """The layer is cut inside its member."""
    opened = open_path(save(tmp_path, archive(_simple() | {"1.tar": TOP[:1300]})))
    assert layers_of(opened) == [NAMES[0], [b"a"]]
    assert opened.verified(1) is False
    with pytest.raises(CorruptImageError, match=r"image\.tar: layer 1 is damaged at byte 1,024"):
        opened.raise_damage()


def test_a_truncated_archive_is_reported(tmp_path: Path) -> None:
    """Before its manifest there is no image; after it, the archive is damaged."""
    data = archive(_simple())
    whole = data.rindex(b"]") + 1  # of the manifest, which comes last
    for cut in (*range(0, whole, 300), *range(0, whole, 512)):
        error = refuse(save(tmp_path, data[:cut]))
        assert any(word in str(error) for word in ("truncated", "empty", "end marker", "not a tar"))
        if 512 < cut < 1024:
            assert f"truncated: the archive ends at byte {cut:,}, inside its first member" in str(
                error
            )
    trimmed = open_path(save(tmp_path, data[:whole]))
    assert (layers_of(trimmed), trimmed.damages()) == (NAMES, [])


def test_damage_after_the_manifest_is_reported_too(tmp_path: Path) -> None:
    """The image opens, but the archive is incomplete."""
    tar = archive(_simple())[:-1024] + layer_tar([file("rest", b"x" * 600)])[:800]
    opened = open_path(save(tmp_path, tar))
    assert layers_of(opened) == NAMES
    assert "truncated" in opened.damages()[0]


def test_bytes_after_an_archive_are_a_warning(tmp_path: Path) -> None:
    opened = open_path(save(tmp_path, archive(_simple()) + b"junk"))
    assert codes(opened) == ["trailing-data"]
    assert opened.damages() == []


def test_a_sparse_member_is_reported(tmp_path: Path) -> None:
    """The bytes of a sparse member are not those of the layer."""
    from tests.layers.reading import END, entry, pax

    files = _simple()
    del files["0.tar"]
    tar = layer_tar([file(name, data) for name, data in files.items()], end=False)
    sparse = pax((b"GNU.sparse.map", b"0,512"), (b"GNU.sparse.size", b"4096"))
    error = refuse(save(tmp_path, tar + sparse + entry(b"0.tar", BASE[:512]) + END))
    assert "sparse" in str(error)
