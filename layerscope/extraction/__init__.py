"""Extraction of files: what to write and where, without ever leaving the folder that the user named."""
