"""The JSON report of a fleet, and the same as plain data: schema 1.0, stable names, every key always present, unknown values None.

Sizes are content bytes unless their name says otherwise. Nothing depends on the run: there are no times, hosts or folders.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import msgspec

from layerscope.analysis.gate.verdict import Outcome
from layerscope.fleet.answers.model import Answers, ImageShare
from layerscope.fleet.fleet import Fleet
from layerscope.fleet.gate import FleetVerdict
from layerscope.fleet.tables import CheckRow, ImageRow, as_document
from layerscope.report.json import indented
from layerscope.report.options import ReportOptions

SCHEMA_VERSION = "1.0"

_TOTALS = (
    "layers",
    "steps",
    "entries",
    "files",
    "paths",
    "compressedBytes",
    "tarBytes",
    "storedBytes",
    "liveBytes",
    "wastedBytes",
    "efficiency",
    "duplicateBytes",
    "avoidableBytes",
    "avoidableOwnBytes",
)


def write(fleet: Fleet, stream: BinaryIO, _: ReportOptions | None = None) -> None:
    """Write the report as one JSON document in ASCII."""
    stream.write(indented(document(fleet)).encode("ascii") + b"\n")


def document(fleet: Fleet) -> dict[str, Any]:
    """The whole report."""
    answers = fleet.answers
    return {
        "schemaVersion": SCHEMA_VERSION,
        "fleet": {
            "totals": msgspec.to_builtins(answers.totals),
            "images": [
                _image(row, share)
                for row, share in zip(fleet.results.rows(ImageRow), answers.shares, strict=True)
            ],
            **{
                name: msgspec.to_builtins(getattr(answers, name))
                for name in Answers.__struct_fields__
                if name not in ("totals", "shares")
            },
            "gate": None if fleet.verdict is None else _gate(fleet, fleet.verdict),
        },
    }


def _image(row: ImageRow, share: ImageShare) -> dict[str, Any]:
    columns = as_document(row)
    known = row.stored_bytes is not None
    return {
        "reference": row.reference,
        "name": row.name,
        "title": row.title,
        "tags": list(row.tags),
        "id": row.id,
        "manifestDigest": row.manifest_digest,
        "created": row.created,
        "platform": row.platform,
        "source": row.source_kind,
        "error": row.error,
        "totals": {name: columns[name] for name in _TOTALS} if known else None,
        "secrets": row.secrets,
        "base": {
            "layers": row.base_layers,
            "name": row.base_name,
            "chainId": row.base_chain_id,
            "created": row.base_created,
        }
        if row.base_layers
        else None,
        "sharedBytes": share.shared_bytes if known else None,
        "uniqueBytes": share.unique_bytes if known else None,
    }


def _gate(fleet: Fleet, verdict: FleetVerdict) -> dict[str, Any]:
    return {
        "passed": verdict.passed,
        "source": verdict.source,
        "checks": [
            {
                "rule": check.rule,
                "title": check.title,
                "outcome": check.outcome.value,
                "value": check.value,
                "limit": check.limit,
                "place": check.place,
            }
            for check in verdict.checks
        ],
        "checkedImages": verdict.checked_images,
        "failedImages": len(verdict.failed_images),
        "failures": [
            {name: value for name, value in as_document(row).items() if name != "atLeast"}
            for image in verdict.failed_images
            for row in fleet.results.of_image(CheckRow, image)
            if row.outcome == Outcome.FAIL
        ],
    }
