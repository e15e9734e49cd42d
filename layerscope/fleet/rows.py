"""The rows of an opened image in all tables."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from layerscope.analysis.gate.base import base_of
from layerscope.analysis.gate.config import GateConfig
from layerscope.analysis.steps import step_kind
from layerscope.fleet import claims
from layerscope.fleet.claims import ClaimRow, claims_of, rule_subject
from layerscope.fleet.tables import (
    CheckRow,
    FindingRow,
    ImageRow,
    LayerRow,
    PackageRow,
    Row,
    StepRow,
    WasteRow,
    text_of,
)
from layerscope.image.base import BaseGuess, guess_base
from layerscope.image.history import Step
from layerscope.image.summary import one_line
from layerscope.opening.check_gate import verdict_of
from layerscope.opening.opened import Opened
from layerscope.settings import RuleChoice
from layerscope.words import REASONS, StepKind

_NUMBERS = re.compile(r"\b[0-9a-f]{7,}\b|[0-9]+")
"""Digests and numbers in a step."""


def failed_row(image: int, reference: str, name: str | None, error: str, code: int) -> ImageRow:
    """The row of an image that cannot be opened."""
    values: dict[str, Any] = dict.fromkeys(ImageRow.__struct_fields__)
    values |= {
        "image": image,
        "reference": text_of(reference),
        "name": text_of(name),
        "title": text_of(name or reference),
        "tags": (),
        "error": text_of(error),
        "exit_code": code,
    }
    return ImageRow(**values)


def rows_of(
    image: int,
    reference: str,
    name: str | None,
    opened: Opened,
    keys: Sequence[str],
    compressed: Sequence[int | None],
    error: tuple[str, int] | None,
) -> dict[str, list[Row]]:
    """The rows of an image by table, including `claims`.

    `keys` are those of its layers, `compressed` the bytes of their blobs in this image, None where not compressed; `error` says what
    the figures do not cover, with its exit code.
    """
    base = guess_base(opened.image) or BaseGuess(0, 0, "")
    return {
        "images": [_image(image, reference, name, opened, base, error)],
        "layers": list(_layers(image, opened, keys, compressed, base)),
        "steps": list(_steps(image, opened, keys, base)),
        "waste": list(_waste(image, opened, keys)),
        "findings": list(_findings(image, opened, keys)),
        "packages": list(_packages(image, opened, keys)),
        "claims": list(_claims(image, opened, keys)),
    }


def _image(
    image: int,
    reference: str,
    name: str | None,
    opened: Opened,
    base: BaseGuess,
    error: tuple[str, int] | None,
) -> ImageRow:
    model, accounting, findings = opened.image, opened.accounting, opened.findings
    last = model.layers[base.layers - 1] if base.layers else None
    steps = model.steps[: base.steps]
    return ImageRow(
        image=image,
        reference=text_of(reference),
        name=text_of(name),
        title=text_of(model.title),
        tags=tuple(map(text_of, model.tags)),
        id=text_of(model.id),
        manifest_digest=text_of(model.manifest_digest),
        created=text_of(model.created),
        platform=text_of(str(model.platform)) or None,
        source_kind=model.source_kind,
        layers=len(opened.indexes),
        steps=model.recorded_steps,
        entries=accounting.entries,
        files=accounting.files,
        paths=accounting.paths,
        compressed_bytes=opened.compressed_bytes,
        tar_bytes=sum(index.tar_bytes for index in opened.indexes),
        stored_bytes=accounting.stored,
        live_bytes=accounting.live,
        wasted_bytes=accounting.wasted,
        efficiency=accounting.efficiency,
        duplicate_bytes=None if opened.duplicates is None else opened.duplicates.saving,
        avoidable_bytes=None if findings is None else findings.saving(),
        avoidable_own_bytes=None if findings is None else findings.saving(findings.outside_base),
        secrets=None if findings is None else findings.secrets,
        base_layers=base.layers,
        base_name=text_of(base.name),
        base_chain_id=None if last is None else text_of(last.chain_id),
        base_created=text_of(
            max((step.created for step in steps if step.created is not None), default=None)
        ),
        base_steps=_steps_digest(steps) if last is not None else None,
        error=None if error is None else text_of(error[0]),
        exit_code=0 if error is None else error[1],
    )


def _steps_digest(steps: Sequence[Step]) -> str:
    """A digest of steps, ignoring numbers and digests in their commands."""
    digest = hashlib.sha256()
    for step in steps:
        digest.update(_NUMBERS.sub("0", step.created_by or "").encode(errors="replace") + b"\0")
    return digest.hexdigest()[:16]


def _layers(
    image: int,
    opened: Opened,
    keys: Sequence[str],
    compressed: Sequence[int | None],
    base: BaseGuess,
) -> Iterator[LayerRow]:
    for number, (layer, index, account) in enumerate(
        zip(opened.image.layers, opened.indexes, opened.accounting.layers, strict=True)
    ):
        blob = compressed[number]
        yield LayerRow(
            image=image,
            layer=number,
            key=keys[number],
            digest=text_of(layer.digest or index.blob_digest),
            diff_id=text_of(layer.diff_id or index.diff_id),
            chain_id=text_of(layer.chain_id),
            media_type=text_of(layer.media_type),
            step=layer.step,
            base=number < base.layers,
            bytes=index.tar_bytes if blob is None else blob,
            compressed=blob is not None,
            tar_bytes=index.tar_bytes,
            stored_bytes=account.stored,
            wasted_bytes=account.wasted,
            entries=account.entries,
        )


def _steps(image: int, opened: Opened, keys: Sequence[str], base: BaseGuess) -> Iterator[StepRow]:
    for step in opened.image.steps:
        layer = step.layer
        account = None if layer is None else opened.accounting.layers[layer]
        yield StepRow(
            image=image,
            step=step.index,
            layer=layer,
            key=None if layer is None else keys[layer],
            kind=StepKind.METADATA.value
            if layer is None
            else step_kind(opened.filesystem, opened.indexes[layer], layer).value,
            base=step.index < base.steps,
            instruction=text_of(step.instruction),
            line=text_of(one_line(step)),
            created=text_of(step.created),
            stored_bytes=0 if account is None else account.stored,
            wasted_bytes=0 if account is None else account.wasted,
        )


def _waste(image: int, opened: Opened, keys: Sequence[str]) -> Iterator[WasteRow]:
    waste = opened.accounting.waste
    columns = (waste.bytes, waste.reasons, waste.stored_in, waste.hidden_by)
    for path, size, reason, layer, hidden_by in zip(
        opened.filesystem.table.full_paths(waste.paths),
        *(column.tolist() for column in columns),
        strict=True,
    ):
        yield WasteRow(
            image, text_of(path), size, REASONS[reason].value, layer, hidden_by, keys[layer]
        )


def _findings(image: int, opened: Opened, keys: Sequence[str]) -> Iterator[FindingRow]:
    inodes = opened.filesystem.inodes
    for number, finding in enumerate(opened.findings.found if opened.findings else ()):
        avoided = np.unique(finding.inodes)
        layers = inodes.layers(avoided)
        sizes = inodes.columns.stored[avoided]
        first = finding.layers[0] if finding.layers else None
        places: list[int | None] = [*np.unique(layers[sizes > 0]).tolist()] or [first]
        for layer in places:
            yield FindingRow(
                image=image,
                finding=number,
                rule=finding.rule,
                title=text_of(finding.title),
                severity=finding.severity.value,
                confidence=finding.confidence.value,
                base=finding.base,
                total_bytes=finding.bytes,
                step=finding.steps[0] if finding.steps else None,
                layer=layer,
                key=None if layer is None else keys[layer],
                bytes=0 if layer is None else int(sizes[layers == layer].sum()),
            )


def _packages(image: int, opened: Opened, keys: Sequence[str]) -> Iterator[PackageRow]:
    for package in opened.findings.packages if opened.findings else ():
        yield PackageRow(
            image=image,
            type=package.kind,
            name=text_of(package.name),
            version=text_of(package.version),
            bytes=package.bytes,
            files=package.files,
            layer=package.layer,
            key=keys[package.layer],
        )


def _claims(image: int, opened: Opened, keys: Sequence[str]) -> Iterator[ClaimRow]:
    inodes = opened.filesystem.inodes
    yield from claims_of(image, claims.WASTED, opened.accounting.waste.inodes, inodes, keys)
    if opened.findings is None:
        return
    by_rule: dict[str, list[np.ndarray[tuple[int, ...], np.dtype[np.int32]]]] = {}
    for finding in opened.findings.found:
        if len(finding.inodes):
            by_rule.setdefault(finding.rule, []).append(finding.inodes)
    for rule, inodes_of_rule in sorted(by_rule.items()):
        yield from claims_of(
            image, rule_subject(rule), np.concatenate(inodes_of_rule), inodes, keys
        )
    if by_rule:
        every = np.concatenate([part for parts in by_rule.values() for part in parts])
        yield from claims_of(image, claims.AVOIDABLE, every, inodes, keys)


def check_rows(
    image: int, opened: Opened, config: GateConfig, choices: dict[str, RuleChoice]
) -> Iterator[CheckRow]:
    """The checks of one image."""
    verdict = verdict_of(opened, config, choices, base_of(opened.image, None))
    for check in verdict.checks:
        yield CheckRow(
            image=image,
            rule=check.rule,
            title=check.title,
            outcome=check.outcome.value,
            severity=check.severity.value,
            unit=check.unit.value,
            value=check.value,
            limit=check.limit,
            at_least=check.at_least,
            message=text_of(check.message),
            place=text_of(check.place),
        )
