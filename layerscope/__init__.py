"""layerscope: what each layer of a container image adds, costs and wastes."""

__version__ = "0.2.0"
