from layerscope.python import *  # noqa: F403  # all of it is public
from layerscope.python import __all__ as __all__

__version__: str
