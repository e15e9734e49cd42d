"""Assembles an image from the parts that a source supplies, and derives everything else."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from layerscope.errors import NotAnImageError
from layerscope.image.config import ConfigDocument, parse_config
from layerscope.image.digest import chain_ids, digest_in_name, sha256
from layerscope.image.documents import DocumentError
from layerscope.image.history import align
from layerscope.image.model import Alternative, Image, ImageConfig, Layer
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning, one_each
from layerscope.layers.blob import Blob, MissingBlob
from layerscope.layers.indexing import looks_like_tar
from layerscope.limits import Limits
from layerscope.sources.base import ImageParts, LayerPart, Request


def assemble(
    request: Request,
    kind: str,
    location: str,
    tags: Sequence[str],
    platform: Platform | None,
    parts: ImageParts,
    alternatives: Sequence[Alternative],
    warnings: Sequence[ImageWarning],
) -> tuple[Image, list[Blob]]:
    """The image made of these parts, and the blobs of its layers. Raises `LayerscopeError` if it cannot be opened."""
    if len(parts.layers) > request.limits.layers:
        raise request.limits.exceeded("layers", "the manifest", len(parts.layers))
    collected = [*warnings, *parts.warnings]
    config = _config(parts, request.limits, collected)
    if len(config.diff_ids) > request.limits.layers:
        raise request.limits.exceeded("layers", "the config", len(config.diff_ids))
    if (
        parts.config_digest
        and parts.config is not None
        and parts.config_digest.startswith("sha256:")
        and sha256(parts.config) != parts.config_digest
    ):
        collected.append(
            ImageWarning("digest-mismatch", None, "the config does not match its digest")
        )
    diff_ids = _diff_ids(config, len(parts.layers), collected)
    parts, collected = _with_missing(parts, diff_ids, collected)
    steps, history_warnings = align(config.history, len(parts.layers), config.shell)
    if parts.steps_known:
        collected += history_warnings
    step_of = {step.layer: step.index for step in steps if step.layer is not None}
    chains, repeats = chain_ids(diff_ids), _repeats(parts.layers, diff_ids)
    image = Image(
        reference=request.reference,
        tags=tuple(tags),
        id=parts.image_id or (None if parts.config is None else sha256(parts.config)),
        manifest_digest=parts.manifest_digest,
        created=config.created,
        platform=_platform(config.platform, platform),
        source_kind=kind,
        location=location,
        config=config.config,
        steps=steps,
        layers=tuple(
            Layer(
                index=number,
                step=step_of[number],
                digest=part.digest,
                diff_id=diff_ids[number],
                chain_id=chains[number],
                media_type=part.media_type,
                repeat_of=repeats[number],
                annotations=part.annotations,
            )
            for number, part in enumerate(parts.layers)
        ),
        alternatives=tuple(alternatives),
        warnings=tuple(one_each(collected)),
        annotations=parts.annotations,
        beside=parts.beside,
    )
    return image, [part.blob for part in parts.layers]


def _config(parts: ImageParts, limits: Limits, warnings: list[ImageWarning]) -> ConfigDocument:
    """The config; empty if it is missing, or is not an image config although the layers are tars."""
    empty = ConfigDocument(ImageConfig(), (), None, Platform("", ""), (), (), False, ())
    if parts.config is None:
        return empty
    artifact = parts.artifact
    try:
        config = parse_config(parts.config, "the config", limits)
    except DocumentError:
        if artifact is None:
            raise
        config = empty
    if config.is_image:
        warnings += config.warnings
        if artifact is None:
            return config
    if not _all_tars(parts.layers):
        raise NotAnImageError("the config is not an image config") if artifact is None else artifact.error()  # fmt: skip
    kind = "the config is not an image config" if artifact is None else f"it is {artifact}"
    unknown = "" if config.is_image else ": steps and settings are unknown"
    warnings.append(
        ImageWarning("config-type", None, f"{kind}; its layers are tar archives{unknown}")
    )
    return config


def _platform(stated: Platform, listed: Platform | None) -> Platform:
    """The platform from the config, else from the list of images; the OS version from either."""
    if listed is None:
        return stated
    return stated.with_version(listed) if stated.architecture else listed


def _all_tars(layers: Sequence[LayerPart]) -> bool:
    """Whether there is at least one layer and all are tars."""
    blobs = {part.blob.name: part.blob for part in layers}
    return bool(blobs) and all(
        not isinstance(blob, MissingBlob) and looks_like_tar(blob) for blob in blobs.values()
    )


def _diff_ids(config: ConfigDocument, count: int, warnings: list[ImageWarning]) -> list[str | None]:
    """One diff ID per layer, None if the config lists none."""
    claimed = list(config.diff_ids)
    if config.is_image and len(claimed) != count:
        warnings.append(
            ImageWarning(
                "diff-id-count",
                None,
                f"the config lists {len(claimed)} diff IDs, the manifest {count} layers",
            )
        )
    if len(claimed) > count and config.is_image:
        return claimed
    return (claimed + [None] * count)[:count]


def _with_missing(
    parts: ImageParts, diff_ids: Sequence[str | None], warnings: list[ImageWarning]
) -> tuple[ImageParts, list[ImageWarning]]:
    """The parts with an unreadable layer for each diff ID that has no blob, and the warnings renumbered.

    A layer whose digest is a diff ID takes its place, all others the next free one.
    """
    spare = len(diff_ids) - len(parts.layers)
    if spare <= 0:
        return parts, warnings
    layers: list[LayerPart] = []
    places: list[int] = []
    for part in parts.layers:
        position = len(layers)
        digest = part.digest or digest_in_name(part.blob.name)
        if digest is not None and digest in diff_ids[position : position + spare + 1]:
            while diff_ids[len(layers)] != digest:
                layers.append(_missing(diff_ids[len(layers)]))
                spare -= 1
        places.append(len(layers))
        layers.append(part)
    layers += map(_missing, diff_ids[len(layers) :])
    moved = [
        warning if warning.layer is None else replace(warning, layer=places[warning.layer])
        for warning in warnings
    ]
    return replace(parts, layers=layers), moved


def _missing(diff_id: str | None) -> LayerPart:
    """A layer that only the config lists."""
    named = "an invalid diff ID" if diff_id is None else f"diff ID {diff_id[:19]}…"
    why = f"the config names it ({named}), the manifest does not"
    return LayerPart(MissingBlob(diff_id or "layer", why))


def _repeats(layers: Sequence[LayerPart], diff_ids: Sequence[str | None]) -> list[int | None]:
    """For each layer, the first layer with the same blob; None if it is the first itself."""
    first: dict[str, int] = {}
    repeats: list[int | None] = []
    for number, (part, diff_id) in enumerate(zip(layers, diff_ids, strict=True)):
        earlier = first.setdefault(part.digest or diff_id or part.blob.name, number)
        repeats.append(earlier if earlier != number else None)
    return repeats
