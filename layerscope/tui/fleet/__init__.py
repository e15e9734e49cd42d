"""The explorer of many images."""
