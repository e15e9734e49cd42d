"""SBOMs: independent validators accept them, the same image gives the same bytes, and reading them gives the same packages."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from packageurl import PackageURL

from layerscope.analysis.packages.model import Listed
from layerscope.analysis.packages.sboms import sbom_packages
from layerscope.errors import UsageError
from layerscope.opening.open import Opened
from layerscope.report.sbom import FORMATS, writer_of
from layerscope.report.sbom.components import _unicode, bill_of
from tests.analysis.packages.programs import CRATES, go_data, jar, pom, program, rust_section
from tests.analysis.packages.test_inventory import APP, binary, inventory_of, opened_with
from tests.analysis.packages.test_packages import RAKE, database, header
from tests.images import CREATED, Member, file

RELEASE = b'# text\nID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n'
STATUS = b"""Package: bash
Status: install ok installed
Architecture: amd64
Source: bash-source (5.2-1)
Version: 1:5.2-1+b1
"""
MANIFEST = json.dumps({"name": "@scope/left-pad", "version": "1.3.0"}).encode()
SITE = "usr/lib/python3/site-packages"
LAYERS: Sequence[list[Member]] = (
    [
        file("usr/lib/os-release", RELEASE),
        file("var/lib/dpkg/status", STATUS),
        file("var/lib/dpkg/info/bash.list", b"/bin/bash\n"),
        file("bin/bash", b"b" * 50),
        file("lib/apk/db/installed", b"P:musl\nV:1.2-r1\nA:x86_64\no:musl-source\n\n"),
        file("var/lib/rpm/rpmdb.sqlite", database(header(b"zlib", {b"/z": b""}))),
        file(f"{SITE}/My_Pack.age-1.0.dist-info/RECORD", b"a.py,,\n"),
        file("srv/node_modules/@scope/left-pad/package.json", MANIFEST),
        file("specifications/rake-13.0.6.gemspec", RAKE),
    ],
    [
        binary("usr/bin/ser,ver: 100%", program(go_data())),
        binary("usr/bin/tool", program(b"", rust_section())),
        file("srv/app.jar", jar(APP)),
    ],
)
URLS = {
    "pkg:deb/debian/bash@1:5.2-1%2Bb1?arch=amd64&distro=debian-12&upstream=bash-source%405.2-1",
    "pkg:apk/debian/musl@1.2-r1?arch=x86_64&distro=debian-12&upstream=musl-source",
    "pkg:rpm/debian/zlib@3.2-1.fc40?distro=debian-12",
    "pkg:pypi/my-pack.age@1.0",
    "pkg:npm/%40scope/left-pad@1.3.0",
    "pkg:gem/rake@13.0.6",
    "pkg:golang/example.com/app@v1.2.3",
    "pkg:golang/example.com/fork@v0.2.0",
    "pkg:golang/example.com/local@v0.3.0",
    "pkg:golang/github.com/pkg/errors@v0.9.1",
    "pkg:golang/stdlib@1.22.1",
    "pkg:cargo/tool@0.5.0",
    "pkg:cargo/libc@0.2.150",
    "pkg:maven/com.example/app@1.0",
    "pkg:maven/com.google.common/guava@32.1-jre",
    "pkg:maven/org.x/one@1",
    "pkg:maven/org.x/two@2",
    "pkg:maven/shaded",
}


def written(opened: Opened, form: str, **environment: str) -> bytes:
    """The SBOM of an image."""
    out = io.BytesIO()
    writer_of(form)(bill_of(opened, inventory_of(opened), environment), out)
    return out.getvalue()


def validate(form: str, data: bytes, folder: Path) -> None:
    """Check a document against its schema, or with its library."""
    if form == "cyclonedx":
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator

        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode()) is None
        return
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    path = folder / "x.spdx.json"
    path.write_bytes(data)
    assert validate_full_spdx_document(parse_file(str(path))) == []


def urls_of(form: str, document: dict[str, Any]) -> list[str]:
    """The package URLs of a document."""
    if form == "cyclonedx":
        return [one["purl"] for one in document["components"] if "purl" in one]
    references = [
        one for package in document["packages"] for one in package.get("externalRefs", ())
    ]
    return [one["referenceLocator"] for one in references]


@pytest.mark.parametrize("form", FORMATS)
def test_packages_of_all_managers_are_valid_components(tmp_path: Path, form: str) -> None:
    """Documents are valid, and other readers parse their package URLs correctly."""
    data = written(opened_with(tmp_path, *LAYERS), form)
    validate(form, data, tmp_path)
    urls = urls_of(form, json.loads(data))
    assert sorted(urls) == sorted(URLS)
    assert all(PackageURL.from_string(url).to_string() == url for url in urls)


def test_a_cyclonedx_component_has_layer_path_and_bytes(tmp_path: Path) -> None:
    """Properties have its layer, its file, the archive in it, and its bytes."""
    opened = opened_with(tmp_path, *LAYERS)
    document = json.loads(written(opened, "cyclonedx"))
    (app, inner) = (
        {one["name"]: one["value"] for one in component["properties"]}
        for name in ("app", "one")
        for component in document["components"]
        if (component.get("group"), component["name"]) in (("com.example", name), ("org.x", name))
    )
    assert app == {
        "layerscope:bytes": str(len(jar(APP))),
        "layerscope:files": "1",
        "syft:location:0:layerID": opened.image.layers[1].diff_id,
        "syft:location:0:path": "/srv/app.jar",
    }
    assert inner["layerscope:bytes"] == "0"
    assert inner["syft:metadata:virtualPath"] == "/srv/app.jar:BOOT-INF/lib/shaded.jar"
    assert document["metadata"]["timestamp"] == CREATED.replace("Z", "+00:00")
    assert document["metadata"]["component"]["version"] == opened.image.id
    (system,) = (one for one in document["components"] if one["type"] == "operating-system")
    assert (system["name"], system["version"]) == ("debian", "12")


def test_an_spdx_package_has_layer_path_and_bytes(tmp_path: Path) -> None:
    """They are in the fields that SPDX has for them."""
    opened = opened_with(tmp_path, *LAYERS)
    document = json.loads(written(opened, "spdx"))
    (app,) = (one for one in document["packages"] if one["name"] == "com.example:app")
    layer = opened.image.layers[1].diff_id
    assert (
        app["comment"]
        == f"layerID: {layer}\nlayerscope:bytes: {len(jar(APP))}\nlayerscope:files: 1"
    )
    assert app["sourceInfo"] == "package of java, found in: /srv/app.jar"
    assert document["creationInfo"]["created"] == CREATED
    kinds = [one["relationshipType"] for one in document["relationships"]]
    assert kinds == ["DESCRIBES"] + ["CONTAINS"] * (len(URLS) + 1)


def listed(packages: Sequence[Listed]) -> list[tuple[str, str, list[bytes]]]:
    """Name, version and files."""
    return sorted((one.name, one.version, one.files) for one in packages)


@pytest.mark.parametrize("form", FORMATS)
def test_sboms_are_read_back(tmp_path: Path, form: str) -> None:
    """Names, versions and files of packages equal those that were written."""
    packages = {
        one.kind: listed(list(one.packages()))
        for one in sbom_packages([written(opened_with(tmp_path, *LAYERS), form)])
    }
    server, jars = [b"usr/bin/ser,ver: 100%"], [b"srv/app.jar"]
    assert packages == {
        "go": [
            ("example.com/app", "v1.2.3", server),
            ("example.com/fork", "v0.2.0", server),
            ("example.com/local", "v0.3.0", server),
            ("github.com/pkg/errors", "v0.9.1", server),
            ("stdlib", "1.22.1", server),
        ],
        "rust": [("libc", "0.2.150", [b"usr/bin/tool"]), ("tool", "0.5.0", [b"usr/bin/tool"])],
        "java": [
            ("com.example:app", "1.0", jars),
            ("com.google.common:guava", "32.1-jre", jars),
            ("org.x:one", "1", jars),
            ("org.x:two", "2", jars),
            ("shaded", "", jars),
        ],
    }


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_image_gives_the_same_bytes(tmp_path: Path, form: str) -> None:
    """Another image has another serial number; SOURCE_DATE_EPOCH changes only the time."""
    first = written(opened_with(tmp_path, *LAYERS), form)
    assert written(opened_with(tmp_path, *LAYERS), form) == first
    other = written(opened_with(tmp_path, *LAYERS[:1]), form)
    key = "serialNumber" if form == "cyclonedx" else "documentNamespace"
    assert json.loads(other)[key] != json.loads(first)[key]
    dated = written(opened_with(tmp_path, *LAYERS), form, SOURCE_DATE_EPOCH="86400")
    assert b"1970-01-02T00:00:00" in dated
    assert dated.replace(b"1970-01-02T", CREATED[:11].encode()) == first


@pytest.mark.parametrize("epoch", ["yesterday", "1e9", "9" * 30])
def test_an_invalid_time_is_an_error(tmp_path: Path, epoch: str) -> None:
    """The error names the variable."""
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        written(opened_with(tmp_path, []), "spdx", SOURCE_DATE_EPOCH=epoch)


@pytest.mark.parametrize("form", FORMATS)
def test_an_image_without_packages_has_a_valid_document(tmp_path: Path, form: str) -> None:
    validate(form, written(opened_with(tmp_path, []), form), tmp_path)
    validate(form, written(opened_with(tmp_path), form), tmp_path)


@pytest.mark.parametrize("form", FORMATS)
def test_the_id_of_a_corrupted_image_may_have_any_length(tmp_path: Path, form: str) -> None:
    image = opened_with(tmp_path, [])
    bill = replace(bill_of(image, inventory_of(image), {}), version="x" * 5000)
    out = io.BytesIO()
    writer_of(form)(bill, out)
    validate(form, out.getvalue(), tmp_path)


HOSTILE = [
    "",
    "\udcff\x1b[31m",
    "a/b/../c?x=1#y",
    "@",
    ":",
    "/",
    "pkg:npm/x",
    "<script>",
    "x" * 5000,
    "\u202e",
]


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_names_keep_documents_valid(tmp_path: Path, form: str) -> None:
    """Documents are plain ASCII, and each package has a unique identifier."""
    texts = [name.replace("\udcff", "\ufffd") for name in HOSTILE]
    crates = [{"name": name, "version": name} for name in texts]
    modules = "path\tx\nmod\tm\tv\n" + "".join(f"dep\t{name}\t{name}\n" for name in HOSTILE)
    layer = [
        file("etc/os-release", b'ID="\xff/\x1b?"\nVERSION_ID=\x00\n'),
        binary("rust", program(b"", rust_section([*CRATES, *crates]))),
        binary("go\n\x1b[31m", program(go_data(modules))),
        *(
            file(f"{number}/x.jar", jar(pom(name, "a", name)))
            for number, name in enumerate(texts)
            if "/" not in name
        ),
        *(
            file(
                f"node/{number}/node_modules/n/package.json",
                json.dumps({"name": name, "version": name}).encode(),
            )
            for number, name in enumerate(texts)
        ),
    ]
    data = written(opened_with(tmp_path, layer, layer), form)
    assert data.isascii()
    assert b"\x1b" not in data
    validate(form, data, tmp_path)


def test_lone_surrogates_are_replaced() -> None:
    """They come from bytes that are not UTF-8, or from a saved file."""
    assert _unicode("a\udcff\ud800b\U0001f600") == "a\ufffd\ufffdb\U0001f600"
