"""The public benchmark: layerscope against dive and igzip, on images made here, in the same run.

`make bench` or `python -m bench`; README.md in this folder says what is measured and how.
"""
