"""Tables of contents that layers end with: eStargz and zstd:chunked. Their content is a claim until the tar was read."""
