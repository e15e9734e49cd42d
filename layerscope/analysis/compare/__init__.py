"""Differences between two images: layers, steps, files, packages, config."""
