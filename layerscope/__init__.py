"""layerscope: what each layer of a container image adds, costs and wastes.

`layerscope.open` opens an image for a Python program: see docs/python.md. What is named here is loaded at its first use; type
checkers find it in `__init__.pyi`.
"""

__version__ = "0.2.0"

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


def __getattr__(name: str) -> object:
    """Load a public name."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("layerscope.python"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
