"""Looking for secrets in the contents of files."""
