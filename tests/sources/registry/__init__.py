"""Images in registries: a local test registry, which may misbehave."""
