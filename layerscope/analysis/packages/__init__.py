"""Installed packages: the size of each in the final image, and the layer that installed it.

A new package manager is one file with a class that implements `PackageDatabase`, and one line in `MANAGERS` in `managers.py`.
System package managers come first: a Python distribution that dpkg installed belongs to dpkg.
"""
