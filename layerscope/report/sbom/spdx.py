"""SPDX 2.3 as JSON (spdx.github.io/spdx-spec/v2.3): written here, because its Python library depends on an RDF database."""

from __future__ import annotations

from typing import BinaryIO

from layerscope import __version__
from layerscope.report.json import indented
from layerscope.report.sbom.components import Bill, Component, Distribution

_DOCUMENT, _IMAGE = "SPDXRef-DOCUMENT", "SPDXRef-Image"
_UNKNOWN = "NOASSERTION"


def write(bill: Bill, stream: BinaryIO) -> None:
    """Write the bill as one JSON document in ASCII."""
    packages = [
        _package(_IMAGE, bill.name, bill.version or "", primaryPackagePurpose="CONTAINER"),
        *(_component(one) for one in bill.components),
    ]
    if bill.distribution is not None:
        packages.append(_system(bill.distribution))
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": _DOCUMENT,
        "name": bill.name,
        "documentNamespace": f"https://spdx.org/spdxdocs/layerscope-{bill.serial}",
        "creationInfo": {
            "created": bill.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": [f"Tool: layerscope-{__version__}"],
        },
        "packages": packages,
        "relationships": [
            _relationship(_DOCUMENT, "DESCRIBES", _IMAGE),
            *(_relationship(_IMAGE, "CONTAINS", str(one["SPDXID"])) for one in packages[1:]),
        ],
    }
    stream.write(indented(document).encode("ascii") + b"\n")


def _component(one: Component) -> dict[str, object]:
    facts = {"layerID": one.layer, "layerscope:bytes": one.bytes, "layerscope:files": one.files}
    more: dict[str, object] = {
        "comment": "\n".join(
            f"{name}: {value}" for name, value in facts.items() if value is not None
        )
    }
    if one.path is not None:
        # Readers of Syft's documents take what follows the last colon and space as paths with commas between them.
        place = f"{one.path}:{one.inside}" if one.inside else one.path
        more["sourceInfo"] = f"package of {one.kind}, found in: {place}"
    if one.url is not None:
        more["externalRefs"] = [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": one.url,
            }
        ]
    return _package(f"SPDXRef-Package-{one.identifier}", one.name, one.version, **more)


def _system(distribution: Distribution) -> dict[str, object]:
    return _package(
        "SPDXRef-Distribution",
        distribution.id,
        distribution.version,
        summary=distribution.name,
        primaryPackagePurpose="OPERATING-SYSTEM",
    )


def _package(identifier: str, name: str, version: str, **more: object) -> dict[str, object]:
    package: dict[str, object] = {
        "SPDXID": identifier,
        "name": name,
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": _UNKNOWN,
        "copyrightText": _UNKNOWN,
    }
    return package | ({"versionInfo": version} if version else {}) | more


def _relationship(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
