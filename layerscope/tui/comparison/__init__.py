"""The explorer of two images: their differences, side by side."""
