"""Tables of contents at the end of layers: eStargz and zstd:chunked. They are claims until the tar is read."""
