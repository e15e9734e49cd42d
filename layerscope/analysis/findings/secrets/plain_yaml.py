"""Reads untrusted YAML. A module of its own, because importing `yaml` takes a while."""

from __future__ import annotations

import yaml


class _PlainLoader(yaml.SafeLoader):
    """Rejects aliases: a few lines of them expand to gigabytes."""

    def compose_node(self, parent: object, index: object) -> object:  # type: ignore[override]
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported")
        return super().compose_node(parent, index)  # type: ignore[arg-type]


def load_yaml(text: str) -> object:
    """The values of a document; None if it is invalid or has aliases."""
    try:
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a safe loader, without aliases
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
