"""Findings: what is avoidable or risky in an image, and how to change its Dockerfile. `rules/` has all rules."""
