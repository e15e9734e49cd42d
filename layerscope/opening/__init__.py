"""From a reference to an open image: what commands and the explorer call.

`open.py` holds the way from top to bottom; `opened.py` what comes of it; `options.py` how it is asked for.
"""
