"""Saving files of an image: what to write, where, and writing it without leaving the folder that the user named."""
