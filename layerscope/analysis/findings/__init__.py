"""Findings: what could be avoided in an image or is risky in it, and how to change its Dockerfile.

One rule a file, families in folders; `rules.py` lists them all.
"""
