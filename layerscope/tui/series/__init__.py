"""The explorer of a series of releases."""
