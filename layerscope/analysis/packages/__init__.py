"""Installed packages: what each takes in the final image, and the layer that brought it.

A new package manager is one file with a class of `Books`, and one line in `MANAGERS` in `managers.py`. Those of the system come first: what
dpkg installed is dpkg's, also if it is a distribution of Python.
"""
