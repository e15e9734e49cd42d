"""Images in registries: a registry of the tests' own, also a hostile one, and the real one of Debian."""
