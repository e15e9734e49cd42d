"""Modes and orders of the file tree; without numpy, which the first frame must not import."""

from __future__ import annotations

from enum import Enum


class Mode(Enum):
    """The paths that a tree shows."""

    LAYER = "layer"
    """The changes of one layer, including removed paths."""
    UP_TO = "up-to"
    """Everything that is visible after a layer."""
    RANGE = "range"
    """The differences between the trees after two layers, including removed paths."""


class Sort(Enum):
    """How siblings are ordered; ties go by size, then by name."""

    SIZE = "size"
    """Largest first; directories with nothing added are ordered by the bytes removed in them."""
    NAME = "name"
    """In byte order."""
    CHANGE = "change"
    """Added, modified, metadata, removed, then unchanged."""
    LAYER = "layer"
    """Newest layer first."""
