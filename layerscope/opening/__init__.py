"""From a reference to an open image: what commands and the explorer call.

`open.py` has the steps from top to bottom, `opened.py` the result, `options.py` the options.
"""
