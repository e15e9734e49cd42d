"""Searches the contents of files for secrets."""
