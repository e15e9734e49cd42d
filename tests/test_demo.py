"""The sample image: byte-identical everywhere, realistic, and with every intended mistake."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections import Counter
from hashlib import md5, sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import layerscope.demo
from layerscope.analysis.steps import step_kind
from layerscope.demo import DEMO_REFERENCE, save_demo, write_demo
from layerscope.errors import UsageError
from layerscope.opening.open import Opened
from layerscope.words import Reason, StepKind

SHA256 = "688ccc489bd7146df932fe5990b62309d03ac5e90feacb88606005a0bf05321e"
"""Of the whole archive, on every Python and every machine: change it with the image only."""

BASE, APT, WORKDIR, REQUIREMENTS, PIP, SOURCES, OWNED, CLEANED = range(8)


class Member(NamedTuple):
    """An entry of a layer, with its content."""

    info: tarfile.TarInfo
    data: bytes


class Demo(NamedTuple):
    """The sample image, read with `tarfile`."""

    archive: bytes
    manifest: dict[str, Any]
    config: dict[str, Any]
    blobs: list[bytes]
    layers: list[dict[str, Member]]

    def attributes(self, layer: int, path: str) -> tuple[object, ...]:
        """The attributes of an entry that a later version may change."""
        info = self.layers[layer][path].info
        return info.mode, info.uid, info.gid, info.mtime, info.pax_headers

    def final(self) -> dict[str, Member]:
        """The final filesystem. No layer of this image links to a file of another."""
        tree: dict[str, Member] = {}
        for layer in self.layers:
            for path in layer:
                parent, _, name = path.rpartition("/")
                if name == ".wh..wh..opq":
                    tree = {key: tree[key] for key in tree if not key.startswith(f"{parent}/")}
                elif name.startswith(".wh."):
                    removed_prefix = f"{parent}/{name.removeprefix('.wh.')}/"
                    tree = {
                        key: tree[key] for key in tree if not f"{key}/".startswith(removed_prefix)
                    }
            tree |= {path: layer[path] for path in layer if "/.wh." not in path}
        return tree


@pytest.fixture(scope="module")
def demo(demo_image: Path) -> Demo:
    archive = demo_image.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        manifest = json.loads(_read(tar, "manifest.json"))[0]
        config = json.loads(_read(tar, manifest["Config"]))
        blobs = [_read(tar, name) for name in manifest["Layers"]]
    return Demo(archive, manifest, config, blobs, [_members(blob) for blob in blobs])


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()


def _members(blob: bytes) -> dict[str, Member]:
    members = {}
    with tarfile.open(fileobj=io.BytesIO(blob)) as tar:
        for info in tar:
            assert info.name not in members
            members[info.name] = Member(info, _read(tar, info.name) if info.isreg() else b"")
    return members


def test_the_bytes_are_always_the_same(demo: Demo) -> None:
    assert sha256(demo.archive).hexdigest() == SHA256
    again = io.BytesIO()
    write_demo(again)
    assert again.getvalue() == demo.archive


def test_its_size_is_as_planned(demo: Demo) -> None:
    assert 30_000_000 < len(demo.archive) < 45_000_000
    assert 4_000 < sum(map(len, demo.layers)) < 6_000


def test_the_stream_need_not_be_seekable() -> None:
    class Pipe(io.RawIOBase):
        size = 0

        def writable(self) -> bool:
            return True

        def write(self, data: Any, /) -> int:
            self.size += len(data)
            return len(data)

    pipe = Pipe()
    write_demo(pipe)  # type: ignore[arg-type]
    assert pipe.size > 30_000_000


def test_manifest_and_config_agree_with_the_layers(demo: Demo) -> None:
    assert demo.manifest["RepoTags"] == [DEMO_REFERENCE] == ["flask-demo:latest"]
    assert demo.config["rootfs"] == {
        "type": "layers",
        "diff_ids": [f"sha256:{sha256(blob).hexdigest()}" for blob in demo.blobs],
    }
    assert (demo.config["os"], demo.config["architecture"]) == ("linux", "amd64")
    settings = demo.config["config"]
    assert settings["Env"][1] == "LANG=C.UTF-8"
    assert settings["User"] == "1000"
    assert settings["WorkingDir"] == "/app"
    assert settings["ExposedPorts"] == {"8000/tcp": {}}
    assert settings["Labels"]["org.opencontainers.image.title"] == "Tiny Shop"
    assert settings["Cmd"][0] == "gunicorn"


def test_the_history_matches_the_dockerfile(demo: Demo) -> None:
    history = demo.config["history"]
    assert " ".join(entry["created_by"].split(" ")[0] for entry in history[2:]) == (
        "ENV ENV RUN WORKDIR COPY RUN COPY RUN RUN EXPOSE USER HEALTHCHECK LABEL LABEL CMD"
    )
    writing = [entry for entry in history if not entry.get("empty_layer")]
    assert len(writing) == len(demo.layers) == 8
    assert history[0]["created_by"].startswith("/bin/sh -c #(nop) ADD file:")
    assert history[1]["created_by"] == '/bin/sh -c #(nop)  CMD ["bash"]'
    assert all(entry["comment"] == "buildkit.dockerfile.v0" for entry in history[2:])
    assert all(entry["created"].startswith("2026-") for entry in history)
    created = [entry["created"] for entry in writing]
    assert created == sorted(created)


def test_layers_are_sorted_and_have_no_devices(demo: Demo) -> None:
    for layer in demo.layers:
        seen: set[str] = set()
        for path, (info, _) in layer.items():
            parent = path.rpartition("/")[0]
            assert not parent or parent in seen
            assert info.isreg() or info.isdir() or info.issym() or info.islnk()
            assert not info.islnk() or info.linkname in seen
            assert info.mtime < 1_790_000_000
            seen.add(path)


def test_the_base_looks_like_debian(demo: Demo) -> None:
    base = demo.layers[BASE]
    for name in ("bin", "lib", "lib64", "sbin"):
        assert base[name].info.linkname == f"usr/{name}"
    assert b"bookworm" in base["usr/lib/os-release"].data
    assert base["usr/bin/perl5.36.0"].info.linkname == "usr/bin/perl"
    for program in ("su", "passwd", "mount"):
        assert base[f"usr/bin/{program}"].info.mode == 0o4755
    assert base["usr/bin/chage"].info.mode == 0o2755
    assert base["tmp"].info.mode == 0o1777
    assert base["usr/bin/bash"].data.startswith(b"\x7fELF")
    changes = gzip.decompress(base["usr/share/doc/bash/changelog.Debian.gz"].data)
    assert changes.startswith(b"bash (5.2.15-2+b13) ")


def test_the_dpkg_database_is_right(demo: Demo) -> None:
    tree = demo.final()
    status = tree["var/lib/dpkg/status"].data.decode()
    names = [line[9:] for line in status.splitlines() if line.startswith("Package: ")]
    assert len(names) == len(set(names)) > 120
    info = "var/lib/dpkg/info/"
    lists = [path for path in tree if path.startswith(info) and path.endswith(".list")]
    listed = {path.removeprefix(info).removesuffix(".list").partition(":")[0] for path in lists}
    assert listed == set(names)
    for path in lists:
        for line in tree[path].data.decode().splitlines()[1:]:
            assert line[1:] in tree, f"{path} names {line}, which is not there"
        sums = tree[path.removesuffix(".list") + ".md5sums"].data.decode()
        for line in sums.splitlines():
            digest, _, file = line.partition("  ")
            assert md5(tree[file].data, usedforsecurity=False).hexdigest() == digest


def test_names_and_attributes_that_need_extended_headers(demo: Demo) -> None:
    apt = demo.layers[APT]
    authority = "usr/share/ca-certificates/mozilla/NetLock_Arany_=Class_Gold=_Főtanúsítvány.crt"
    assert apt[authority].data.startswith(b"-----BEGIN CERTIFICATE-----")
    assert list(apt["usr/bin/ping"].info.pax_headers) == ["SCHILY.xattr.security.capability"]


def test_leftovers_stay_in_the_final_image(demo: Demo) -> None:
    tree = demo.final()
    for start, count, size in (
        ("var/lib/apt/lists/", 6, 900_000),
        ("var/cache/apt/archives/", 60, 1_000_000),
        ("root/.cache/pip/http/", 20, 600_000),
    ):
        left = [member for path, member in tree.items() if path.startswith(start) and member.data]
        assert len(left) >= count
        assert sum(len(member.data) for member in left) > size
    assert "usr/lib/gcc/x86_64-linux-gnu/12/cc1plus" in tree
    assert "usr/local/lib/python3.11/dist-packages/flask/__pycache__/app.cpython-311.pyc" in tree


def test_every_reason_of_waste_and_every_kind_of_step_occurs(demo_opened: Opened) -> None:
    """The demo has an example of everything that reports show."""
    assert set(demo_opened.accounting.waste.by_reason()) == set(Reason)
    filesystem, indexes = demo_opened.filesystem, demo_opened.indexes
    kinds = [step_kind(filesystem, index, layer) for layer, index in enumerate(indexes)]
    assert set(kinds) == {StepKind.FILES, StepKind.ATTRIBUTES}
    assert [step.layer is None for step in demo_opened.image.steps].count(True) == 9


def test_the_demo_has_the_expected_findings(demo_opened: Opened) -> None:
    """These are leftovers, files stored again, the secret, and the compilers, which the package database identifies."""
    assert demo_opened.findings is not None
    findings = {finding.rule: finding for finding in demo_opened.findings.found}
    assert set(findings) == {
        "apt-archives",
        "apt-lists",
        "compilers",
        "deleted-later",
        "headers",
        "pip-cache",
        "rewritten-for-attributes",
        "secret-environment-file",
    }
    assert "apt-get install -y ca-certificates iputils-ping python3 python3-pip" in (
        findings["compilers"].fix
    )
    table = demo_opened.filesystem.table
    secret = [table.full(path) for path in findings["secret-environment-file"].paths.tolist()]
    assert set(secret) == {b"app/.env"}


def test_dependencies_lead_from_requested_packages_to_compilers(demo: Demo) -> None:
    """Every other package is a dependency, and every dependency is installed."""
    tree = demo.final()
    status = tree["var/lib/dpkg/status"].data.decode()
    needs = {
        stanza["Package"]: stanza.get("Depends", "").split(", ") if "Depends" in stanza else []
        for part in status.split("\n\n")
        if (stanza := dict(re.findall(r"^(\S+): (.*)$", part, re.MULTILINE)))
    }
    assert {name for names in needs.values() for name in names} <= set(needs)
    reached, left = set(), ["build-essential"]
    while left:
        reached.add(name := left.pop())
        left += [need for need in needs[name] if need not in reached]
    assert {"gcc", "gcc-12", "g++-12", "cpp-12", "libc6-dev", "binutils"} <= reached
    states = tree["var/lib/apt/extended_states"].data.decode()
    automatic = set(re.findall(r"^Package: (.*)$", states, re.MULTILINE))
    assert {"gcc", "make", "libpython3.11-stdlib"} <= automatic < set(needs)
    assert not automatic & {"build-essential", "python3", "python3-pip"}


def test_packages_come_from_two_managers(demo_opened: Opened) -> None:
    """dpkg has the base and the build tools, pip the libraries of the shop."""
    assert demo_opened.findings is not None
    kinds = Counter(package.kind for package in demo_opened.findings.packages)
    assert kinds["dpkg"] > 120
    assert kinds["python"] == 10


def test_the_chown_changes_only_owners(demo: Demo) -> None:
    sources, owned = demo.layers[SOURCES], demo.layers[OWNED]
    assert list(owned) == list(sources)
    for path, (info, data) in owned.items():
        before = sources[path]
        assert data == before.data
        assert (info.mode, info.mtime) == (before.info.mode, before.info.mtime)
        assert (before.info.uid, before.info.gid, info.uid, info.gid) == (0, 0, 1000, 1000)


def test_files_deleted_by_a_later_layer_are_wasted(demo: Demo) -> None:
    assert [path for path in demo.layers[CLEANED] if ".wh." in path] == [
        "app/.wh..env",
        "app/.wh..git",
        "app/assets/.wh.seed-data.sql",
        "app/instance/.wh..wh..opq",
    ]
    owned, tree = demo.layers[OWNED], demo.final()
    assert 3_000_000 < len(owned["app/assets/seed-data.sql"].data) < 4_000_000
    assert "app/.git/HEAD" in owned
    assert owned["app/instance/shop.sqlite3"].data.startswith(b"SQLite format 3\0")
    assert b"SECRET_KEY" in owned["app/.env"].data
    left = [path for path in tree if path.startswith(("app/.git/", "app/instance/", "app/.env"))]
    assert left == []
    assert "app/assets/seed-data.sql" not in tree
    assert tree["app/instance"].info.uid == 1000


def test_only_one_pair_of_files_is_duplicated(demo: Demo) -> None:
    paths: dict[bytes, list[str]] = {}
    for path, member in demo.final().items():
        if len(member.data) > 100:
            paths.setdefault(member.data, []).append(path)
    assert [group for group in paths.values() if len(group) > 1] == [
        ["app/static/js/htmx.min.js", "app/static/vendor/htmx-2.0.8.min.js"]
    ]


def test_the_command_saves_the_image(tmp_path: Path, demo: Demo) -> None:
    path = tmp_path / "demo.tar"
    save_demo(path)
    assert path.read_bytes() == demo.archive
    with pytest.raises(UsageError, match="already exists") as caught:
        save_demo(path)
    assert caught.value.hint
    path.write_text("mine")
    save_demo(path, overwrite=True)
    assert path.read_bytes() == demo.archive
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_save_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(stream: io.BufferedWriter) -> None:
        stream.write(b"the beginning")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(layerscope.demo, "write_demo", fail)
    path = tmp_path / "demo.tar"
    path.write_text("mine")
    with pytest.raises(UsageError, match="No space left on device"):
        save_demo(path, overwrite=True)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["missing/demo.tar", "file/demo.tar", "."])
def test_errors_of_save_have_a_hint(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        save_demo(tmp_path / name, overwrite=True)
    assert caught.value.hint


def test_save_rejects_a_dangling_link(tmp_path: Path) -> None:
    path = tmp_path / "demo.tar"
    path.symlink_to("elsewhere.tar")
    with pytest.raises(UsageError, match="already exists"):
        save_demo(path)
