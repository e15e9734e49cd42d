"""The image config: read leniently, as engines do (OCI image-spec config.md, Docker's image spec)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from layerscope.image.digest import is_digest
from layerscope.image.documents import Lenient, decode
from layerscope.image.history import HistoryEntry
from layerscope.image.model import ImageConfig
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning
from layerscope.limits import Limits


class ConfigDocument(Struct, frozen=True):
    """The content of an image config."""

    config: ImageConfig
    shell: tuple[str, ...]
    """The shell of RUN instructions; empty for the default."""
    created: str | None
    platform: Platform
    diff_ids: tuple[str | None, ...]
    """None for an invalid digest."""
    history: tuple[HistoryEntry, ...]
    is_image: bool
    """Whether the document looks like an image config at all."""
    warnings: tuple[ImageWarning, ...]


def parse_config(data: bytes, name: str, limits: Limits) -> ConfigDocument:
    """Read a config document. Raises `DocumentError` and `LimitExceededError`."""
    value, repaired = decode(data, name, limits)
    top = Lenient(value, "config")
    config = top.child("config")
    rootfs = top.child("rootfs")
    entries = top.items("history")
    if len(entries) > limits.history_entries:
        raise limits.exceeded("history_entries", name, len(entries))
    history = tuple(_history_entry(entry, top) for entry in entries)
    diff_ids = tuple(
        diff_id if is_digest(diff_id) else None for diff_id in rootfs.items("diff_ids")
    )
    document = ImageConfig(
        env=tuple(config.texts("Env")),
        entrypoint=tuple(config.texts_or_one("Entrypoint")),
        cmd=tuple(config.texts_or_one("Cmd")),
        user=config.text("User"),
        working_dir=config.text("WorkingDir"),
        labels={
            key: text for key, text in config.mapping("Labels").items() if isinstance(text, str)
        },
        exposed_ports=tuple(config.mapping("ExposedPorts")),
        volumes=tuple(config.mapping("Volumes")),
    )
    shell = tuple(config.texts_or_one("Shell"))
    platform = Platform.in_document(top)
    created = top.text("created")
    warnings = []
    if repaired:
        warnings.append(
            ImageWarning(
                "config-encoding",
                None,
                f"{name} is not valid UTF-8; invalid bytes were skipped",
            )
        )
    if top.wrong:
        examples = ", ".join(dict.fromkeys(top.wrong[:5]))
        warnings.append(
            ImageWarning(
                "config-type",
                None,
                f"{len(top.wrong)} members of the config have a wrong type and are ignored: {examples}",
            )
        )
    is_image = isinstance(value, dict) and (
        "rootfs" in value or ("architecture" in value and "os" in value)
    )
    return ConfigDocument(
        document, shell, created, platform, diff_ids, history, is_image, tuple(warnings)
    )


def _history_entry(value: Any, top: Lenient) -> HistoryEntry:
    entry = Lenient(value, "history")
    if value is None:
        entry.wrong.append("history")
    parsed = HistoryEntry(
        created=entry.text("created"),
        created_by=entry.text("created_by"),
        author=entry.text("author"),
        comment=entry.text("comment"),
        empty_layer=entry.flag("empty_layer"),
    )
    top.wrong.extend(entry.wrong)
    return parsed
