"""Looking around in a stacked filesystem: the tree as rows, filters, search, and what one path is."""
