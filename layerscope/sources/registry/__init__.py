"""Images in registries, read without an engine (OCI distribution-spec; distribution, docs/spec/api.md)."""
