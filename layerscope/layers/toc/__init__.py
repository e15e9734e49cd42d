"""Tables of contents that layers end with: eStargz and zstd:chunked. What they say is a claim until the tar was read."""
