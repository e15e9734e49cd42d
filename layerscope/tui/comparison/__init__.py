"""The explorer of two images: what differs, side by side."""
