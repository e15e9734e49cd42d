"""CycloneDX 1.6 as JSON, with Syft's properties for places."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from layerscope import __version__
from layerscope.report.json import indented
from layerscope.report.sbom.components import Bill, Component, Distribution

if TYPE_CHECKING:
    from cyclonedx.model import component as model

_LONGEST_VERSION = 1024
"""Maximum characters, from CycloneDX 1.6 on."""
_HEAD = {
    "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
}


def write(bill: Bill, stream: BinaryIO) -> None:
    """Write the bill as one JSON document in ASCII.

    Components are written one by one: a document of the library compares all with each other, and each takes 20 kB of memory.
    """
    from cyclonedx.model import component as model
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.tool import ToolRepository
    from cyclonedx.schema.schema import SchemaVersion1Dot6

    layerscope = model.Component(
        name="layerscope", version=__version__, type=model.ComponentType.APPLICATION
    )
    image = model.Component(
        name=bill.name,
        version=None if bill.version is None else bill.version[:_LONGEST_VERSION],
        type=model.ComponentType.CONTAINER,
        bom_ref="image",
    )
    bom: Any = Bom(
        serial_number=bill.serial,
        metadata=BomMetaData(
            tools=ToolRepository(components=[layerscope]),
            component=image,
            timestamp=bill.created,
        ),
    )
    components: Iterator[Any] = map(_component, bill.components)
    if bill.distribution is not None:
        components = chain(components, [_system(bill.distribution)])

    def fields(part: Any) -> Any:
        return json.loads(part.as_json(view_=SchemaVersion1Dot6))

    document = _HEAD | fields(bom) | {"components": [fields(one) for one in components]}
    stream.write(indented(document).encode("ascii") + b"\n")


def _component(one: Component) -> model.Component:
    from cyclonedx.model import Property
    from cyclonedx.model import component as model
    from packageurl import PackageURL

    places = {
        "syft:location:0:layerID": one.layer,
        "syft:location:0:path": one.path,
        "syft:metadata:virtualPath": f"{one.path}:{one.inside}" if one.inside else None,
        "layerscope:bytes": str(one.bytes),
        "layerscope:files": str(one.files),
    }
    group, _, name = one.name.rpartition(":") if one.kind == "java" else ("", "", one.name)
    return model.Component(
        group=group or None,
        name=name,
        version=one.version[:_LONGEST_VERSION] or None,
        type=model.ComponentType.LIBRARY,
        bom_ref=one.identifier,
        purl=None if one.url is None else PackageURL.from_string(one.url),
        properties=[Property(name=name, value=value) for name, value in places.items() if value],
    )


def _system(distribution: Distribution) -> model.Component:
    from cyclonedx.model import component as model

    return model.Component(
        name=distribution.id,
        version=distribution.version[:_LONGEST_VERSION] or None,
        description=distribution.name,
        type=model.ComponentType.OPERATING_SYSTEM,
        bom_ref="distribution",
    )
