"""layerscope for Python programs: what `import layerscope` offers (docs/python.md).

Nothing is printed, no signal is caught and no settings are read: a call depends only on its arguments, and on the user's cache
unless `cache` says otherwise.
"""

from layerscope.errors import (
    ContentsNotSavedError,
    CorruptImageError,
    ImageNotFoundError,
    LayerscopeError,
    LimitExceededError,
    NotAnImageError,
    NothingFoundError,
    UnreachableError,
    UsageError,
)
from layerscope.python.columns import Changes, Files, Waste
from layerscope.python.image import Image
from layerscope.python.opening import open  # noqa: A004  # called `layerscope.open`
from layerscope.python.records import (
    Broken,
    ChangeCounts,
    Config,
    Duplicate,
    Edit,
    Finding,
    ImageWarning,
    Layer,
    Package,
    Step,
)

__all__ = [
    "Broken",
    "ChangeCounts",
    "Changes",
    "Config",
    "ContentsNotSavedError",
    "CorruptImageError",
    "Duplicate",
    "Edit",
    "Files",
    "Finding",
    "Image",
    "ImageNotFoundError",
    "ImageWarning",
    "Layer",
    "LayerscopeError",
    "LimitExceededError",
    "NotAnImageError",
    "NothingFoundError",
    "Package",
    "Step",
    "UnreachableError",
    "UsageError",
    "Waste",
    "open",
]
