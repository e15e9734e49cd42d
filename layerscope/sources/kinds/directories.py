"""Recognizes directories without an image: an engine's store, a checkout, a root filesystem."""

from __future__ import annotations

import os
import shlex
from itertools import islice
from pathlib import Path

from msgspec import Struct

_MAX_NAMES = 10_000
"""Maximum number of names to inspect in a directory."""
_SHOWN = 3
"""Maximum number of archives to list."""
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".oci")

_NEITHER = "neither index.json with blobs/, nor manifest.json"
_PACKED = "open it from a tar: tar -C {path} -cf - . | layerscope -"
_BUILT = "build it and open the result: layerscope build {path}"


class DirectoryKind(Struct, frozen=True):
    """A kind of directory that is not an image."""

    name: str
    """With its article."""
    names: tuple[str, ...]
    """Paths that all exist; `|` separates alternatives."""
    hint: str
    """The hint; `{path}` is the directory, quoted for a shell."""


KINDS = (
    DirectoryKind("a store of Docker", ("image/overlay2|image/fuse-overlayfs|image/vfs|image/aufs|image/btrfs|image/zfs|image/overlayfs",), "name one of its images: layerscope docker-store://NAME --store-root {path}"),
    DirectoryKind("a store of Docker", ("containerd/daemon", "containers|volumes|network"), "name one of its images: layerscope containerd://NAME --store-root {path}"),
    DirectoryKind("a store of Podman", ("overlay-images|vfs-images|btrfs-images",), "name one of its images: layerscope containers-storage://NAME --store-root {path}"),
    DirectoryKind("a store of containerd", ("io.containerd.content.v1.content|io.containerd.metadata.v1.bolt",), "name one of its images: layerscope containerd://NAME --store-root {path}"),
    DirectoryKind("a content store of containerd", ("blobs", "ingest"), "it names no images: a BuildKit cache or a store without its metadata; save the image with --output type=oci,dest=FILE"),
    DirectoryKind("the state of BuildKit", ("cache.db|snapshots.db|history.db", "runc-overlayfs|runc-native|buildkitd.lock|executor|content"), "export the image: docker buildx build --output type=oci,dest=FILE"),
    DirectoryKind("the storage of a registry", ("docker/registry/v2|registry/v2|v2/repositories",), "save one of its images: skopeo copy docker://HOST/NAME oci-archive:FILE"),
    DirectoryKind("one layer of an engine's store", ("diff", "link|lower|work"), "name an image of the store: layerscope images"),
    DirectoryKind("an OCI runtime bundle", ("config.json", "rootfs"), "open its files from a tar: tar -C {path}/rootfs -cf - . | layerscope -"),
    DirectoryKind("an Apptainer sandbox", (".singularity.d",), _PACKED),
    DirectoryKind("an OCI layout without index.json", ("blobs/sha256",), "copy the whole layout, or save the image again"),
    DirectoryKind("a root filesystem", ("etc", "usr|bin", "lib|var|sbin|root|home"), _PACKED),
    DirectoryKind("a Helm chart", ("Chart.yaml",), "name one of its images"),
    DirectoryKind("a build context", ("Dockerfile|Containerfile|dockerfile",), _BUILT),
    DirectoryKind("a Compose project", ("compose.yaml|compose.yml|docker-compose.yml|docker-compose.yaml",), "name one of its images"),
    DirectoryKind("a Git checkout", (".git",), "build the image, or open an archive in it by its path"),
    DirectoryKind("a bare Git repository", ("HEAD", "objects", "refs"), "open an archive by its path"),
)  # fmt: skip
"""The first match counts."""


def describe_directory(path: Path) -> tuple[str, str]:
    """A description that follows the directory's name, and a hint."""
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in islice(entries, _MAX_NAMES)]
    except OSError as error:
        return (
            f"the directory cannot be listed: {error.strerror or error}",
            "check its permissions",
        )
    if not names:
        return (
            "the directory is empty",
            "name an OCI layout, skopeo's dir: folder or an extracted archive",
        )
    where = shlex.quote(str(path))
    for kind in KINDS:
        if all(any(os.path.lexists(path / one) for one in each.split("|")) for each in kind.names):
            return f"the directory is {kind.name}, not an image", kind.hint.format(path=where)
    message = f"the directory holds no image: {_NEITHER}"
    archives = sorted(name for name in names if name.endswith(_ARCHIVES))
    if archives:
        listed = ", ".join(shlex.quote(str(path / name)) for name in archives[:_SHOWN])
        return message, f"name an archive in it: {listed}{', …' if len(archives) > _SHOWN else ''}"
    return message, "layerscope opens OCI layouts, skopeo's dir: folders and extracted archives"
