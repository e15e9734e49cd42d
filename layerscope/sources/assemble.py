"""From the parts that a source supplies to an image: all that can be derived is derived here, once."""

from __future__ import annotations

from collections.abc import Sequence

from layerscope.errors import CorruptImageError, NotAnImageError
from layerscope.image.config import ConfigDocument, parse_config
from layerscope.image.digest import chain_ids, sha256
from layerscope.image.documents import DocumentError
from layerscope.image.history import align
from layerscope.image.model import Alternative, Image, ImageConfig, Layer
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning, one_each
from layerscope.layers.indexing import starts_like_a_tar
from layerscope.limits import Limits
from layerscope.sources.base import ImageParts, LayerPart, Request

ENCRYPTED = "+encrypted"


def assemble(
    request: Request,
    kind: str,
    location: str,
    tags: Sequence[str],
    platform: Platform | None,
    parts: ImageParts,
    alternatives: Sequence[Alternative],
    warnings: Sequence[ImageWarning],
) -> Image:
    """The image that these parts make. Raises `LayerscopeError` for what cannot be opened."""
    if len(parts.layers) > request.limits.layers:
        raise request.limits.exceeded("layers", "the manifest", len(parts.layers))
    for number, part in enumerate(parts.layers):
        if part.media_type is not None and part.media_type.endswith(ENCRYPTED):
            raise CorruptImageError(
                f"layer {number} is encrypted ({part.media_type})",
                hint="decrypt the image first, for example with skopeo copy --decryption-key",
            )
    found = [*warnings, *parts.warnings]
    config = _config(parts, request.limits, found)
    if (
        parts.config_digest
        and parts.config is not None
        and parts.config_digest.startswith("sha256:")
        and sha256(parts.config) != parts.config_digest
    ):
        found.append(
            ImageWarning("digest-mismatch", None, "the config is not what its digest says")
        )
    diff_ids = _diff_ids(config, len(parts.layers), found)
    steps, history_warnings = align(config.history, len(parts.layers), config.shell)
    if parts.steps_known:
        found += history_warnings
    step_of = {step.layer: step.index for step in steps if step.layer is not None}
    chains, repeats = chain_ids(diff_ids), _repeats(parts.layers, diff_ids)
    return Image(
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
        warnings=tuple(one_each(found)),
        annotations=parts.annotations,
        provenance=parts.provenance,
    )


def _config(parts: ImageParts, limits: Limits, warnings: list[ImageWarning]) -> ConfigDocument:
    """The config; an empty one where there is none, or where it is no image config and the layers are tars."""
    nothing = ConfigDocument(ImageConfig(), (), None, Platform("", ""), (), (), False, ())
    if parts.config is None:
        return nothing
    try:
        config = parse_config(parts.config, "the config", limits)
    except DocumentError:
        if parts.artifact_type is None or not _all_tars(parts.layers):
            if parts.artifact_type is not None:
                raise _artifact(parts.artifact_type) from None
            raise
        config = nothing
    if config.is_image:
        warnings += config.warnings
        return config
    artifact_type = parts.artifact_type or "no image config"
    if not _all_tars(parts.layers) or not (parts.layers or parts.artifact_type is None):
        raise _artifact(artifact_type)
    warnings.append(
        ImageWarning(
            "config-type",
            None,
            f"the config is no image config ({artifact_type}): steps and settings are unknown",
        )
    )
    return config


def _platform(stated: Platform, listed: Platform | None) -> Platform:
    """What the config states, else what lists the image; the version of either."""
    if listed is None:
        return stated
    return stated.with_version(listed) if stated.architecture else listed


def _artifact(artifact_type: str) -> NotAnImageError:
    return NotAnImageError(f"it holds an artifact of type {artifact_type}, no container image")


def _all_tars(layers: Sequence[LayerPart]) -> bool:
    blobs = {part.blob.name: part.blob for part in layers}
    return all(starts_like_a_tar(blob) for blob in blobs.values())


def _diff_ids(config: ConfigDocument, count: int, warnings: list[ImageWarning]) -> list[str | None]:
    """One diff ID a layer, None where the config claims none."""
    claimed = list(config.diff_ids)
    if config.is_image and len(claimed) != count:
        warnings.append(
            ImageWarning(
                "diff-id-count",
                None,
                f"the config lists {len(claimed)} diff IDs, the manifest {count} layers",
            )
        )
    return (claimed + [None] * count)[:count]


def _repeats(layers: Sequence[LayerPart], diff_ids: Sequence[str | None]) -> list[int | None]:
    """For each layer the first one with the same blob, None where it is the first itself."""
    first: dict[str, int] = {}
    repeats: list[int | None] = []
    for number, (part, diff_id) in enumerate(zip(layers, diff_ids, strict=True)):
        earlier = first.setdefault(part.digest or diff_id or part.blob.name, number)
        repeats.append(earlier if earlier != number else None)
    return repeats
