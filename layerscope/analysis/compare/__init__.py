"""What differs between two images: layers, steps, files, packages, config."""
