"""Images in files and directories, opened as a command opens them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import CorruptImageError, LayerscopeError
from layerscope.image.platform import Platform
from layerscope.layers.indexing import index_layer
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.opening.open import Opened, Options, open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request, Source
from layerscope.sources.store_image import StoreImage
from tests.images import archive, digest, file, image_config, layer_tar, write
from tests.layers.reading import names

BASE = layer_tar([file("a", b"1"), file("b", b"22")])
TOP = layer_tar([file("a", b"333"), file("c", b"4444")])
LAYERS = (BASE, TOP)
NAMES = [[b"a", b"b"], [b"a", b"c"]]
"""Paths of each layer."""

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def listing(
    name: str, listed: Callable[[Request], Sequence[StoreImage]], *, stored: bool = False
) -> Source:
    """A source that lists images and finds none."""

    def find(*_: object) -> Any:
        raise AssertionError

    return Source(name, (name,), find, stored=stored, list_images=listed)


def save(folder: Path, data: bytes, name: str = "image.tar") -> Path:
    """An archive as a file."""
    return write(folder / name, data)


def unpack(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Files in a directory."""
    for name, data in files.items():
        write(folder / name, data)
    return folder


def open_path(
    path: Path | str,
    *,
    image: str | None = None,
    platform: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    options: Options | None = None,
) -> Opened:
    """Open the image at a path."""
    chosen = None if platform is None else Platform.parse(platform)
    return open_image(Request(str(path), image, chosen, limits), options)


def refuse(path: Path | str, **how: Any) -> LayerscopeError:
    """The error of opening a path, which must name the file, on one line."""
    with pytest.raises(LayerscopeError) as caught:
        open_path(path, **how)
    message = str(caught.value)
    assert Path(str(path).partition("://")[2] or path).name in message
    assert message == caught.value.message
    assert "\n" not in message
    return caught.value


def unreadable(path: Path | str, **how: Any) -> str:
    """The only damage of an image that opens without one of its layers."""
    opened = open_path(path, **how)
    (damage,) = opened.damages()
    with pytest.raises(CorruptImageError) as caught:
        opened.raise_damage()
    assert caught.value.message == f"{opened.image.reference}: {damage}"
    return damage


def layers_of(opened: Opened) -> list[list[bytes]]:
    """Paths of each layer, which is read again: an opened image has only the paths of all layers together."""
    layers = []
    for index, contents in zip(opened.indexes, opened.contents, strict=True):
        again = index_layer(contents.blob, contents.limits, NullProgress())
        assert again.columns.stored.tolist() == index.columns.stored.tolist()
        assert again.columns.offsets.tolist() == index.columns.offsets.tolist()
        layers.append(names(again))
    return layers


def codes(opened: Opened) -> list[str]:
    """Codes of the warnings, sorted."""
    return sorted(warning.code for warning in opened.warnings)


def warning_message(opened: Opened, code: str) -> str:
    """The message of the only warning of that code."""
    (message,) = (warning.message for warning in opened.warnings if warning.code == code)
    return message


def dump(document: object) -> bytes:
    """A JSON document."""
    return json.dumps(document).encode()


def edit(files: dict[str, bytes], name: str, change: Callable[[Any], Any]) -> dict[str, bytes]:
    """The same files with one JSON document changed: `change` returns the new one, or changes it in place."""
    document = json.loads(files[name])
    changed = change(document)
    return files | {name: dump(document if changed is None else changed)}


class Layout:
    """An OCI layout, blob by blob."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": dump({"imageLayoutVersion": "1.0.0"})}

    def blob(
        self, media_type: str, data: bytes, *, stored: bool = True, **more: Any
    ) -> dict[str, Any]:
        """The descriptor of a blob, which is added to the files if `stored`."""
        if stored:
            self.files["blobs/" + digest(data).replace(":", "/")] = data
        return {"mediaType": media_type, "digest": digest(data), "size": len(data), **more}

    def manifest(
        self,
        layers: Sequence[bytes],
        *,
        config: Mapping[str, Any] | None = None,
        stored: bool = True,
        contents: bool = True,
        **more: Any,
    ) -> dict[str, Any]:
        """The descriptor of an image's manifest; with its config and layers unless `contents` is false."""
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(CONFIG, image_config(layers, config=config), stored=contents),
            "layers": [self.blob(LAYER, layer, stored=contents) for layer in layers],
        }
        return self.blob(MANIFEST, dump(document), stored=stored, **more)

    def index(
        self, manifests: Sequence[Any], *, stored: bool = True, **more: Any
    ) -> dict[str, Any]:
        """The descriptor of an index."""
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)}
        return self.blob(INDEX, dump(document), stored=stored, **more)

    def finished_files(self, manifests: Sequence[Any] | None) -> dict[str, bytes]:
        """All files, with `index.json`."""
        listed = None if manifests is None else list(manifests)
        self.files["index.json"] = dump({"schemaVersion": 2, "manifests": listed})
        return self.files

    def tar(self, manifests: Sequence[Any] | None) -> bytes:
        """The layout as an archive."""
        return archive(self.finished_files(manifests))


def tagged(name: str) -> dict[str, Any]:
    """The annotations of a name."""
    return {"annotations": {"io.containerd.image.name": name}}


def runs_on(platform: str) -> dict[str, Any]:
    """The platform of a descriptor."""
    fields = Platform.parse(platform).fields()
    return {"platform": {key: value for key, value in fields.items() if value}}
